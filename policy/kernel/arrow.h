// Tables and arrays of Arrow as another library hands them over.
// Source: the Arrow C data interface and the Arrow C stream interface; the layout is theirs.
#pragma once

#include <cstdint>

namespace congress {

struct ArrowSchema {
    const char* format;
    const char* name;
    const char* metadata;
    std::int64_t flags;
    std::int64_t n_children;
    ArrowSchema** children;
    ArrowSchema* dictionary;
    void (*release)(ArrowSchema*);  // null: it was released, or moved to somebody else
    void* private_data;
};

struct ArrowArray {
    std::int64_t length;
    std::int64_t null_count;  // -1: not counted
    std::int64_t offset;
    std::int64_t n_buffers;
    std::int64_t n_children;
    const void** buffers;
    ArrowArray** children;
    ArrowArray* dictionary;
    void (*release)(ArrowArray*);
    void* private_data;
};

struct ArrowArrayStream {
    int (*get_schema)(ArrowArrayStream*, ArrowSchema* out);
    int (*get_next)(ArrowArrayStream*, ArrowArray* out);  // a released array: the end
    const char* (*get_last_error)(ArrowArrayStream*);
    void (*release)(ArrowArrayStream*);
    void* private_data;
};

// Owns one of the structures: takes it from where it lies, and releases it once.
template <class Structure>
class ArrowOwner {
public:
    ArrowOwner() = default;
    explicit ArrowOwner(Structure& given) : held_(given) { given.release = nullptr; }
    ArrowOwner(const ArrowOwner&) = delete;
    ArrowOwner& operator=(const ArrowOwner&) = delete;
    ~ArrowOwner() {
        if (held_.release != nullptr) held_.release(&held_);
    }
    Structure* operator->() { return &held_; }
    Structure& operator*() { return held_; }
    bool is_released() const { return held_.release == nullptr; }

private:
    Structure held_{};
};

}  // namespace congress
