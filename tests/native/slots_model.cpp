#include <map>
#include <new>
#include <vector>

#include "failing_allocator.h"
#include "harness.h"
#include "slots.h"

namespace congress::tests {
namespace {

// Few hashes, at both ends of the table: long runs, also around its end.
std::uint32_t poor_hash(std::uint32_t number) {
    return number % 3 == 0 ? ~(number % 7) : number % 5;
}

const Model agree("slots agree with a map when hashes collide", 100, [](Random& random) {
    Slots slots;
    std::map<std::uint32_t, std::uint32_t> hashes;
    std::uint32_t reserved = 0;
    const auto find = [&](std::uint32_t number) {
        return slots.find(poor_hash(number), [&](std::uint32_t other) { return other == number; });
    };
    for (int n = 0; n < 1000; ++n) {
        const std::uint32_t number = below(random, 150);
        if (hashes.contains(number)) {
            slots.erase(find(number));
            hashes.erase(number);
        } else {
            // What was reserved together is filled without asking again.
            if (reserved == 0) slots.reserve_more(reserved = 1 + below(random, 30));
            --reserved;
            slots.fill(find(number), poor_hash(number), number);
            hashes[number] = poor_hash(number);
        }
        if (reserved == 0 && below(random, 20) == 0) slots.trim();
        if (n % 20 != 0) continue;
        for (std::uint32_t each = 0; each < 150; ++each) {
            require(slots.is_gap(find(each)) != hashes.contains(each),
                    "a number is lost, or still there");
        }
        require_equal(slots.size(), hashes.size(), "size()");
    }
    slots.renumber([](std::uint32_t number) { return number + 1000; });
    for (const auto& [number, hash] : hashes) {
        const std::size_t place =
            slots.find(hash, [&](std::uint32_t other) { return other == number + 1000; });
        require(!slots.is_gap(place), "a number was not renumbered");
    }
});

const Test trimmed("slots that are trimmed have little room to spare, and all they had", [] {
    constexpr std::uint32_t count = 100'000;
    const auto hash = [](std::uint32_t number) { return number * 2'654'435'761u; };
    Slots slots;
    const auto find = [&](std::uint32_t number) {
        return slots.find(hash(number), [&](std::uint32_t other) { return other == number; });
    };
    const auto require_all = [&] {
        require_equal(slots.size(), std::size_t{count}, "size()");
        for (std::uint32_t n = 0; n < count; ++n) {
            require(!slots.is_gap(find(n)), "a number is lost");
        }
    };
    for (std::uint32_t n = 0; n < count; ++n) {
        slots.reserve_more(1);
        slots.fill(find(n), hash(n), n);
    }
    const std::size_t before = slots.bytes();
    {
        const FailingAllocator failing(1);
        require_raises<std::bad_alloc>([&] { slots.trim(); }, "it was trimmed");
    }
    require_equal(slots.bytes(), before, "bytes() without memory for it");
    require_all();
    slots.trim();
    require(slots.bytes() <= std::size_t{12} * count, "more than 12 bytes for each");
    require_all();
    const NoAllocation none;
    slots.reserve_more(count / 100);
    slots.trim();
});

}  // namespace
}  // namespace congress::tests
