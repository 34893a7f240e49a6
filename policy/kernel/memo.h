// What a builtin gave for which inputs, so that it is worked out once for each.
#pragma once

#include <cstdint>
#include <cstring>

#include "buffer.h"
#include "hash.h"
#include "slots.h"
#include "symbols.h"
#include "value.h"

namespace congress {

// Bounded: a full memo starts again. Holds the ids of inputs and solutions.
class Memo {
public:
    struct Found {
        std::uint32_t count;
        std::uint32_t offset;   // of the first solution in `solutions()`
        const char* failure;
    };

    Memo(Symbols& symbols, std::uint32_t inputs, std::uint32_t outputs)
        : symbols_(symbols), inputs_(inputs), outputs_(outputs) {}
    ~Memo() { clear(); }

    const Id* solutions() const { return solutions_.data(); }

    // What is known about these inputs, or null.
    const Found* find(const Id* inputs) const {
        const std::size_t place = slots_.find(hash_cells(inputs, inputs_), [&](std::uint32_t n) {
            return std::memcmp(&keys_[std::size_t{n} * inputs_], inputs, inputs_ * sizeof(Id)) == 0;
        });
        return slots_.is_gap(place) ? nullptr : &found_[slots_.number(place)];
    }

    // Remembers what was not known. Strong guarantee.
    void put(const Id* inputs, const Id* solutions, std::uint32_t count, const char* failure) {
        if (found_.size() >= kMaxEntries) clear();
        slots_.reserve_more(1);
        keys_.reserve_more(inputs_);
        solutions_.reserve_more(std::size_t{count} * outputs_);
        found_.reserve_more(1);
        const std::uint32_t hash = hash_cells(inputs, inputs_);
        const auto number = static_cast<std::uint32_t>(found_.size());
        slots_.fill(slots_.find(hash, [](std::uint32_t) { return false; }), hash, number);
        found_.push_reserved({count, static_cast<std::uint32_t>(solutions_.size()), failure});
        keys_.append(inputs, inputs_);
        solutions_.append(solutions, std::size_t{count} * outputs_);
        for (std::uint32_t n = 0; n < inputs_; ++n) symbols_.retain(inputs[n]);
        for (std::size_t n = 0; n < std::size_t{count} * outputs_; ++n) symbols_.retain(solutions[n]);
    }

    void clear() {
        for (const Id id : keys_) symbols_.release(id);
        for (const Id id : solutions_) symbols_.release(id);
        keys_.clear();
        solutions_.clear();
        found_.clear();
        slots_ = Slots();
    }

private:
    static constexpr std::size_t kMaxEntries = 65'536;

    Symbols& symbols_;
    std::uint32_t inputs_;
    std::uint32_t outputs_;
    Slots slots_;
    Buffer<Id> keys_;
    Buffer<Id> solutions_;
    Buffer<Found> found_;
};

}  // namespace congress
