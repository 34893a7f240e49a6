// Cells of many rows on their way to the kernel, a batch of texts at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bindings_cells.h"
#include "buffer.h"

namespace congress {

// Appends the ids of Python values to `out`; those of texts are known after `flush`. A value that was
// seen a moment ago is known by its address: columns of few values hold the same objects.
// Invariant: whoever pushes keeps the objects alive as long as the queue is there.
class CellQueue {
public:
    CellQueue(Symbols& symbols, Buffer<Id>& out) : symbols_(symbols), out_(out) {
        texts_.reserve_more(kTexts);
        places_.reserve_more(kTexts);
    }

    // Raises CellRefused: no table may hold it.
    void push(PyObject* value) {
        if (!PyUnicode_CheckExact(value)) {
            out_.push_back(intern(symbols_, value));
            return;
        }
        Seen& seen = seen_[slot_of(value)];
        if (seen.value == value && seen.place < known_) {
            out_.push_back(out_[seen.place]);
            return;
        }
        if (seen.value != value) seen = {value, out_.size()};
        texts_.push_reserved(text_of(value));
        places_.push_reserved(out_.size());
        out_.push_back(Symbols::kNullId);
        if (texts_.size() == kTexts) flush();
    }
    void flush() {
        std::array<Id, kTexts> ids;
        symbols_.intern_texts({texts_.data(), texts_.size()}, ids.data());
        for (std::size_t n = 0; n < places_.size(); ++n) out_[places_[n]] = ids[n];
        texts_.clear();
        places_.clear();
        known_ = out_.size();
    }

private:
    static constexpr std::size_t kTexts = 256;
    static constexpr std::size_t kSeen = 2048;

    struct Seen {
        PyObject* value = nullptr;
        std::size_t place = 0;  // in `out`
    };

    static std::size_t slot_of(PyObject* value) {
        return (reinterpret_cast<std::uintptr_t>(value) >> 4) * 0x9E3779B1u >> 20 & (kSeen - 1);
    }

    Symbols& symbols_;
    Buffer<Id>& out_;
    std::size_t known_ = 0;  // ids before this place are known
    Buffer<std::string_view> texts_;
    Buffer<std::size_t> places_;
    std::array<Seen, kSeen> seen_{};
};

}  // namespace congress
