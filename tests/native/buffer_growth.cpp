#include <cstdint>
#include <fstream>
#include <new>

#include "blocks.h"
#include "buffer.h"
#include "failing_allocator.h"
#include "harness.h"

namespace congress::tests {
namespace {

const Test keeps("a buffer keeps its values while it grows", [] {
    Buffer<int> buffer;
    for (int n = 0; n < 500'000; ++n) buffer.push_back(n);
    for (int n = 0; n < 500'000; ++n) {
        require_equal(buffer[static_cast<std::size_t>(n)], n, "a value");
    }
    require_equal(buffer.size(), std::size_t{500'000}, "its size");
    require(buffer.capacity() <= 500'000 * 5 / 4, "a large buffer has much more than it needs");
});

const Test reserved("a buffer with room asks for no memory", [] {
    Buffer<int> buffer;
    buffer.reserve_more(1000);
    {
        const NoAllocation none;
        for (int n = 0; n < 1000; ++n) buffer.push_reserved(n);
    }
    require_equal(buffer.back(), 999, "the last value");
});

const Test fails("a buffer that cannot grow is as before", [] {
    Buffer<int> buffer;
    for (int n = 0; n < 4; ++n) buffer.push_back(n);
    const FailingAllocator failing(1);
    require_raises<std::bad_alloc>([&] { buffer.push_back(4); }, "it grew");
    require(buffer.size() == 4 && buffer[3] == 3, "values were lost");
});

const Test large("a buffer of many pages keeps its values while it grows, and when it cannot", [] {
    Buffer<std::uint64_t> buffer;
    for (std::uint64_t n = 0; n < 4'000'000; ++n) buffer.push_back(n);
    const std::size_t size = buffer.size(), bytes = buffer.bytes();
    {
        const FailingAllocator failing(1);
        require_raises<std::bad_alloc>([&] { buffer.reserve_more(size); }, "it grew");
    }
    // More than there are addresses: it is the machine that refuses.
    require_raises<std::bad_alloc>([&] { buffer.reserve_exactly(std::size_t{1} << 50); }, "it grew");
    require(buffer.size() == size && buffer.bytes() == bytes, "its size");
    for (std::uint64_t n = 0; n < size; ++n) require_equal(buffer[n], n, "a value");
    buffer.free_memory();
    require_raises<std::bad_alloc>([&] { buffer.reserve_exactly(std::size_t{1} << 50); }, "it grew");
    require(buffer.empty() && buffer.bytes() == 0, "its size without memory");
});

constexpr std::size_t kMegabyte = std::size_t{1} << 20;
// On both sides of where blocks become mappings, there, and between pages.
constexpr std::size_t kSizes[] = {1000, 3 * kMegabyte + 5, 4 * kMegabyte, 4 * kMegabyte + 12'345,
                                  5 * kMegabyte, 9 * kMegabyte + 1, 9 * kMegabyte + 2};

// A block that has all these sizes from one to another.
void grow_and_free(std::size_t first, std::size_t last) {
    std::size_t size = 0;
    unsigned char* bytes = nullptr;
    for (const std::size_t next : kSizes) {
        if (next < first || next > last) continue;
        bytes = static_cast<unsigned char*>(Blocks::grow(bytes, size, next));
        require(size == 0 || (bytes[0] == 7 && bytes[size / 2] == 7 && bytes[size - 1] == 7),
                "what was in it");
        size = next;
        bytes[0] = bytes[size / 2] = bytes[size - 1] = 7;
    }
    Blocks::free(bytes, size);
}

void grow_and_free() {
    for (const std::size_t first : kSizes) {
        for (const std::size_t last : kSizes) {
            if (first <= last) grow_and_free(first, last);
        }
    }
}

const Test blocks("blocks keep what they hold while they grow, and leave nothing behind", [] {
    const auto mapped_pages = [] {
        std::size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        return pages;
    };
    grow_and_free();
    const std::size_t before = mapped_pages();
    for (int n = 0; n < 8; ++n) grow_and_free();
#ifndef __SANITIZE_ADDRESS__  // which holds back what was freed
    require(mapped_pages() < before + 2 * kMegabyte / 4096, "memory is left behind");
#endif
    require(before != 0, "pages are counted");
});

const Test appends("a buffer appends, resizes and truncates", [] {
    Buffer<int> buffer;
    const int values[] = {1, 2, 3};
    buffer.append(values, 3);
    buffer.append(nullptr, 0);
    buffer.resize(5, 9);
    require(buffer[2] == 3 && buffer[3] == 9 && buffer[4] == 9, "resize fills");
    buffer.truncate(2);
    buffer.pop_back();
    require(buffer.size() == 1 && buffer.back() == 1, "truncate and pop_back");
    Buffer<int> moved = std::move(buffer);
    require(moved.size() == 1 && moved[0] == 1, "a moved buffer has the values");
    moved.free_memory();
    require(moved.empty() && moved.bytes() == 0, "free_memory");
});

}  // namespace
}  // namespace congress::tests
