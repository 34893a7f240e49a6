// Lets the n-th request for memory fail, wherever it comes from.
#pragma once

#include <cstdint>

namespace congress::tests {

// While it lives, requests for memory are counted, and the one with the given number fails.
// Covers `reallocate` and the global operator new.
class FailingAllocator {
public:
    explicit FailingAllocator(std::uint64_t number);
    ~FailingAllocator();
    FailingAllocator(const FailingAllocator&) = delete;
    FailingAllocator& operator=(const FailingAllocator&) = delete;

    bool has_failed() const;
};

// While it lives, any request for memory ends the program: what promises to ask for none, asks
// for none.
class NoAllocation {
public:
    NoAllocation();
    ~NoAllocation();
    NoAllocation(const NoAllocation&) = delete;
    NoAllocation& operator=(const NoAllocation&) = delete;
};

}  // namespace congress::tests
