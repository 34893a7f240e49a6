#include "failing_allocator.h"

#include <cstdio>
#include <cstdlib>
#include <new>

#include "allocation.h"

namespace {

std::uint64_t left = 0;      // requests until one fails; 0: none will
bool is_failed = false;
bool is_forbidden = false;

void count_request() {
    if (is_forbidden) {
        std::fputs("memory was asked for where none may be\n", stderr);
        std::abort();
    }
    if (left == 0 || --left != 0) return;
    is_failed = true;
    throw std::bad_alloc();
}

}  // namespace

namespace congress::tests {

FailingAllocator::FailingAllocator(std::uint64_t number) {
    left = number;
    is_failed = false;
    before_allocation = count_request;
}
FailingAllocator::~FailingAllocator() {
    left = 0;
    before_allocation = nullptr;
}
bool FailingAllocator::has_failed() const { return is_failed; }

NoAllocation::NoAllocation() {
    is_forbidden = true;
    before_allocation = count_request;
}
NoAllocation::~NoAllocation() {
    is_forbidden = false;
    before_allocation = nullptr;
}

}  // namespace congress::tests

void* operator new(std::size_t bytes) {
    count_request();
    void* block = std::malloc(bytes == 0 ? 1 : bytes);
    if (block == nullptr) throw std::bad_alloc();
    return block;
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
