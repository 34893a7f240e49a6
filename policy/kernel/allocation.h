// The one place that asks for memory in bulk, so that tests can let it fail.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace congress {

// Tests set it: it is called before each allocation and may throw std::bad_alloc.
inline void (*before_allocation)() = nullptr;

constexpr std::size_t kHugePage = std::size_t{2} << 20;

// Tables are read all over the place: with pages of 4 KB most reads miss the translation cache too.
inline void ask_for_huge_pages(void* block, std::size_t bytes) {
    const auto begin = reinterpret_cast<std::uintptr_t>(block);
    const std::uintptr_t first = (begin + kHugePage - 1) & ~(kHugePage - 1);
    const std::uintptr_t last = (begin + bytes) & ~(kHugePage - 1);
    // Only advice: where the machine has none to give, nothing is lost.
    if (first < last) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
}

inline void* reallocate(void* block, std::size_t bytes) {
    if (before_allocation != nullptr) before_allocation();
    void* grown = std::realloc(block, bytes);
    if (grown == nullptr) throw std::bad_alloc();
    if (bytes >= 2 * kHugePage) ask_for_huge_pages(grown, bytes);
    return grown;
}

}  // namespace congress
