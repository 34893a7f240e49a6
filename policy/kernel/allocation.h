// The one place that asks for memory in bulk, so that tests can let it fail.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace congress {

// Tests set it: it is called before each allocation and may throw std::bad_alloc.
inline void (*before_allocation)() = nullptr;

inline void* reallocate(void* block, std::size_t bytes) {
    if (before_allocation != nullptr) before_allocation();
    void* grown = std::realloc(block, bytes);
    if (grown == nullptr) throw std::bad_alloc();
    return grown;
}

}  // namespace congress
