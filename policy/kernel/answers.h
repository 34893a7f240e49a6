// The rows that a question gathers.
#pragma once

#include <algorithm>
#include <cstdint>

#include "executor.h"
#include "slots.h"

namespace congress {

// Gathers rows, each once.
class Answers : public Sink {
public:
    explicit Answers(std::uint32_t width, std::uint32_t most) : width_(width), most_(most) {}

    void take(const Derived& rows) override {
        for (std::uint32_t n = 0; n < rows.count && count_ < most_; ++n) {
            const Id* cells = rows.row(n);
            const std::size_t place = slots_.find(rows.hashes[n], [&](std::uint32_t other) {
                return std::equal(cells, cells + width_, row(other));  // null for no columns
            });
            if (!slots_.is_gap(place)) continue;
            slots_.reserve_more(1);
            cells_.append(cells, width_);
            slots_.fill(slots_.find(rows.hashes[n], [](std::uint32_t) { return false; }),
                        rows.hashes[n], count_++);
        }
        is_full_ = count_ >= most_;
    }
    std::uint8_t* is_full() { return &is_full_; }
    void reset(std::uint32_t width) {
        width_ = width;
        most_ = ~0u;
        is_full_ = 0;
        count_ = 0;
        cells_.clear();
        slots_.clear();
    }
    std::uint32_t size() const { return count_; }
    const Id* row(std::uint32_t number) const {
        return cells_.data() + std::size_t{number} * width_;
    }

private:
    std::uint32_t width_;
    std::uint32_t most_;
    std::uint8_t is_full_ = 0;
    std::uint32_t count_ = 0;
    Slots slots_;
    Buffer<Id> cells_;
};

}  // namespace congress
