// Arrays of Arrow in blocks of exactly the size that they need, for the sanitizers to guard.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "arrow.h"

namespace congress::tests {

// An array with its schema; it lives until the array is released.
class ArrowMemory {
public:
    ArrowMemory(std::string format, std::int64_t length, std::int64_t offset)
        : format_(std::move(format)) {
        schema_.format = format_.c_str();
        schema_.name = "c";
        array_.length = length;
        array_.offset = offset;
    }

    template <class T>
    void add_buffer(const std::vector<T>& values) {
        const std::size_t bytes = values.size() * sizeof(T);
        blocks_.push_back(std::make_unique<char[]>(bytes));
        if (bytes != 0) std::memcpy(blocks_.back().get(), values.data(), bytes);
        buffers_.push_back(blocks_.back().get());
    }
    void add_missing_buffer() { buffers_.push_back(nullptr); }
    // The first buffer says which values are null.
    void set_nulls(std::int64_t count) { array_.null_count = count; }
    void set_dictionary(std::unique_ptr<ArrowMemory> dictionary) {
        dictionary_ = std::move(dictionary);
        dictionary_->finish();
        schema_.dictionary = &dictionary_->schema_;
        array_.dictionary = &dictionary_->array_;
    }
    void add_child(std::unique_ptr<ArrowMemory> child) {
        child->finish();
        child->array_.release = [](ArrowArray*) {};  // its parent owns it
        child_schemas_.push_back(&child->schema_);
        child_arrays_.push_back(&child->array_);
        children_.push_back(std::move(child));
    }

    // Gives the array away; who takes it releases it.
    static ArrowArray hand_over(std::unique_ptr<ArrowMemory> memory, ArrowSchema& schema) {
        memory->finish();
        schema = memory->schema_;
        schema.release = [](ArrowSchema* given) { given->release = nullptr; };
        ArrowArray array = memory->array_;
        array.private_data = memory.release();
        array.release = [](ArrowArray* given) {
            delete static_cast<ArrowMemory*>(given->private_data);
            given->release = nullptr;
        };
        return array;
    }

private:
    void finish() {
        array_.n_buffers = static_cast<std::int64_t>(buffers_.size());
        array_.buffers = buffers_.data();
        array_.n_children = schema_.n_children = static_cast<std::int64_t>(children_.size());
        array_.children = child_arrays_.data();
        schema_.children = child_schemas_.data();
    }

    std::string format_;
    ArrowSchema schema_{};
    ArrowArray array_{};
    std::vector<std::unique_ptr<char[]>> blocks_;
    std::vector<const void*> buffers_;
    std::unique_ptr<ArrowMemory> dictionary_;
    std::vector<std::unique_ptr<ArrowMemory>> children_;
    std::vector<ArrowSchema*> child_schemas_;
    std::vector<ArrowArray*> child_arrays_;
};

}  // namespace congress::tests
