#include <map>
#include <vector>

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

}  // namespace
}  // namespace congress::tests
