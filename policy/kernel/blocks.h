// Memory that grows: small blocks on the heap, large ones as mappings of their own.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#include "allocation.h"

namespace congress {

// Tables are read all over the place: with pages of 4 KB most reads miss the translation cache too.
// Large blocks therefore have huge pages, and keep them when they are moved to grow.
// Ordering: a block is advised before anything is written, and as a whole: what is left out would be
// a mapping beside it, and those are not moved together.
class Blocks {
public:
    // Gives a block of `bytes`, more than before, that begins with what was in the one before.
    // Raises: std::bad_alloc; the block before is as it was then.
    static void* grow(void* block, std::size_t before, std::size_t bytes) {
        if (bytes < kLarge) return reallocate(block, bytes);
        if (before_allocation != nullptr) before_allocation();
        if (before >= kLarge) return remapped(block, whole_pages(before), whole_pages(bytes));
        void* const made = mapped(whole_pages(bytes));
        if (before != 0) std::memcpy(made, block, before);
        std::free(block);
        return made;
    }
    static void free(void* block, std::size_t bytes) {
        if (bytes < kLarge) {
            std::free(block);
        } else {
            munmap(block, whole_pages(bytes));
        }
    }

private:
    static constexpr std::size_t kPage = std::size_t{4} << 10;
    static constexpr std::size_t kHugePage = std::size_t{2} << 20;
    static constexpr std::size_t kLarge = 2 * kHugePage;
    static constexpr int kCollapse = 25;  // MADV_COLLAPSE, which older C libraries do not name

    static std::size_t rounded_up(std::size_t bytes, std::size_t page) {
        return (bytes + page - 1) & ~(page - 1);
    }
    static std::size_t whole_pages(std::size_t bytes) { return rounded_up(bytes, kPage); }

    static void* mapped(std::size_t bytes) {
        void* const made = mmap(nullptr, rounded_up(bytes, kHugePage), PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (made == MAP_FAILED) throw std::bad_alloc();
        cut(made, bytes);
        madvise(made, bytes, MADV_HUGEPAGE);
        return made;
    }
    static void* remapped(void* block, std::size_t before, std::size_t bytes) {
        if (before == bytes) return block;
        void* const grown = mremap(block, before, rounded_up(bytes, kHugePage), MREMAP_MAYMOVE);
        if (grown == MAP_FAILED) throw std::bad_alloc();
        cut(grown, bytes);
        // What did not fill a huge page before has small ones.
        const std::size_t part = before & ~(kHugePage - 1);
        if (part != before && part + kHugePage <= bytes) {
            madvise(static_cast<char*>(grown) + part, kHugePage, kCollapse);
        }
        return grown;
    }

    // Mappings of whole huge pages begin where a huge page may begin. What is more than asked for
    // would be filled with the last of them.
    static void cut(void* block, std::size_t bytes) {
        const std::size_t more = rounded_up(bytes, kHugePage) - bytes;
        if (more != 0) munmap(static_cast<char*>(block) + bytes, more);
    }
};

}  // namespace congress
