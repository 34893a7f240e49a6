// Open addressing: from 32-bit hashes to 32-bit numbers, the base of every table here.
#pragma once

#include <cstddef>
#include <cstdint>

#include "buffer.h"

namespace congress {

// Slots of 64 bits: the hash in the upper half, a number in the lower. A slot's home is the hash's
// upper bits; a collision goes to the next free slot. Equal hashes of different keys are told
// apart by the caller.
// Promises: at most two thirds full; `erase` leaves no marks behind.
class Slots {
public:
    static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};

    Slots() { slots_.resize(std::size_t{1} << (32 - shift_), kEmpty); }

    std::size_t size() const { return used_; }
    std::size_t bytes() const { return slots_.bytes(); }
    void prefetch(std::uint32_t hash) const { __builtin_prefetch(&slots_[hash >> shift_]); }

    // The place of the slot with this hash whose number `equals`, or of the empty one after it.
    template <class Equals>
    std::size_t find(std::uint32_t hash, Equals equals) const {
        const std::size_t mask = slots_.size() - 1;
        std::size_t place = hash >> shift_;
        for (; slots_[place] != kEmpty; place = (place + 1) & mask) {
            if (slots_[place] >> 32 == hash && equals(number(place))) break;
        }
        return place;
    }
    bool is_empty(std::size_t place) const { return slots_[place] == kEmpty; }
    std::uint32_t number(std::size_t place) const {
        return static_cast<std::uint32_t>(slots_[place]);
    }

    // The number in the slot where a hash would be first, whether it is its or not.
    std::uint32_t number_at_home(std::uint32_t hash) const {
        return static_cast<std::uint32_t>(slots_[hash >> shift_]);
    }

    // Makes room for `extra` more; places found before are void when it had to grow.
    void reserve_more(std::size_t extra) {
        while ((used_ + extra) * 3 > slots_.size() * 2) grow();
    }
    // Only after reserve_more; the place is empty and was found with this hash.
    void fill(std::size_t place, std::uint32_t hash, std::uint32_t number) {
        slots_[place] = std::uint64_t{hash} << 32 | number;
        ++used_;
    }
    void replace(std::size_t place, std::uint32_t number) {
        slots_[place] = (slots_[place] >> 32 << 32) | number;
    }
    // Takes everything out. Cost: the slots, of which few are kept.
    void clear() {
        if (used_ == 0) return;
        if (slots_.size() > kFewSlots) {
            *this = Slots();
            return;
        }
        for (std::uint64_t& slot : slots_) slot = kEmpty;
        used_ = 0;
    }
    // Takes a slot out and moves later ones back, so that no search stops too early.
    void erase(std::size_t hole) {
        const std::size_t mask = slots_.size() - 1;
        for (std::size_t at = (hole + 1) & mask; slots_[at] != kEmpty; at = (at + 1) & mask) {
            const std::size_t home = (slots_[at] >> 32) >> shift_;
            // It may move when its home does not lie between the hole and itself.
            if (((at - home) & mask) >= ((at - hole) & mask)) {
                slots_[hole] = slots_[at];
                hole = at;
            }
        }
        slots_[hole] = kEmpty;
        --used_;
    }
    // Replaces each number by what `renumber` makes of it.
    template <class Renumber>
    void renumber(Renumber renumber) {
        for (std::size_t place = 0; place < slots_.size(); ++place) {
            if (!is_empty(place)) replace(place, renumber(number(place)));
        }
    }

private:
    static constexpr std::size_t kFewSlots = 64;

    void grow() {
        Buffer<std::uint64_t> larger;
        larger.resize(slots_.size() * 2, kEmpty);
        const std::size_t mask = larger.size() - 1;
        const int shift = shift_ - 1;
        for (const std::uint64_t slot : slots_) {
            if (slot == kEmpty) continue;
            std::size_t place = (slot >> 32) >> shift;
            while (larger[place] != kEmpty) place = (place + 1) & mask;
            larger[place] = slot;
        }
        slots_.swap(larger);
        shift_ = shift;
    }

    int shift_ = 28;  // 32 minus the logarithm of the number of slots
    Buffer<std::uint64_t> slots_;
    std::size_t used_ = 0;
};

}  // namespace congress
