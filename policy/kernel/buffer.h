// A growable array of plain values. Large blocks grow by remapping, without a copy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <type_traits>
#include <utility>

#include "blocks.h"

namespace congress {

template <class T>
class Buffer {
    static_assert(std::is_trivially_copyable_v<T>, "it is moved by realloc");

public:
    Buffer() = default;
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;
    Buffer(Buffer&& other) noexcept { swap(other); }
    Buffer& operator=(Buffer&& other) noexcept {
        swap(other);
        return *this;
    }
    ~Buffer() { Blocks::free(data_, bytes()); }

    T* data() { return data_; }
    const T* data() const { return data_; }
    std::size_t size() const { return size_; }
    std::size_t capacity() const { return capacity_; }
    bool empty() const { return size_ == 0; }
    T& operator[](std::size_t place) { return data_[place]; }
    const T& operator[](std::size_t place) const { return data_[place]; }
    T* begin() { return data_; }
    T* end() { return data_ + size_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size_; }
    T& back() { return data_[size_ - 1]; }

    // Makes room for `extra` more elements; afterwards pushing them cannot fail.
    void reserve_more(std::size_t extra) {
        if (size_ + extra > capacity_) grow(size_ + extra);
    }
    // Makes room for `size` elements in all, and no more than that.
    void reserve_exactly(std::size_t size) {
        if (size > capacity_) set_capacity(size);
    }
    void push_back(T value) {
        if (size_ == capacity_) grow(size_ + 1);
        data_[size_++] = value;
    }
    // Only after reserve_more.
    void push_reserved(T value) { data_[size_++] = value; }
    void append(const T* values, std::size_t count) {
        reserve_more(count);
        if (count != 0) std::memcpy(data_ + size_, values, count * sizeof(T));
        size_ += count;
    }
    void resize(std::size_t size, T fill) {
        if (size > size_) {
            reserve_more(size - size_);
            std::fill(data_ + size_, data_ + size, fill);
        }
        size_ = size;
    }
    // Adds so many elements, which the caller writes; gives the first of them.
    T* extend(std::size_t count) {
        reserve_more(count);
        size_ += count;
        return data_ + size_ - count;
    }
    void truncate(std::size_t size) { size_ = size; }
    void pop_back() { --size_; }
    void clear() { size_ = 0; }
    void free_memory() {
        Blocks::free(data_, bytes());
        data_ = nullptr;
        size_ = capacity_ = 0;
    }
    void swap(Buffer& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }
    std::size_t bytes() const { return capacity_ * sizeof(T); }

private:
    void grow(std::size_t wanted) {
        // An eighth more above a megabyte: doubling would waste what the budget per row allows.
        const std::size_t step = capacity_ * sizeof(T) > (1u << 20) ? capacity_ / 8 : capacity_;
        set_capacity(std::max({wanted, capacity_ + step, std::size_t{4}}));
    }
    void set_capacity(std::size_t capacity) {
        data_ = static_cast<T*>(Blocks::grow(data_, bytes(), capacity * sizeof(T)));
        capacity_ = capacity;
    }

    T* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace congress
