// Open addressing: from 32-bit hashes to 32-bit numbers, the base of every table here.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "buffer.h"

namespace congress {

// Slots of 64 bits, the hash in the upper half, a number in the lower, in the order of their hashes.
// A slot's home is in proportion to its hash; those whose home is taken lie behind it, at last in a
// tail after the last home. Equal hashes of different keys are told apart by the caller.
// Invariant: between a slot and its home none is empty, and the last slot is.
// Promises: at most seven tenths full; `erase` leaves no marks behind.
class Slots {
public:
    Slots() : Slots(kFewHomes) { extend_to(homes_ + tail(homes_, 1)); }

    std::size_t size() const { return used_; }
    std::size_t bytes() const { return slots_.bytes(); }
    // Half a cache line further as well: what is looked for may lie behind others.
    void prefetch(std::uint32_t hash) const {
        const std::uint64_t* first = &slots_[home(hash)];
        __builtin_prefetch(first);
        __builtin_prefetch(first + 4);
    }

    // The place of the slot with this hash whose number `equals`, or of the gap where it belongs.
    // Both are void after the next `reserve_more`, `fill` or `erase`.
    template <class Equals>
    std::size_t find(std::uint32_t hash, Equals equals) const {
        std::size_t place = first_from(hash);
        for (; slots_[place] >> 32 == hash && slots_[place] != kEmpty; ++place) {
            if (equals(number(place))) return place;
        }
        return place | kGap;
    }
    static bool is_gap(std::size_t place) { return (place & kGap) != 0; }
    std::uint32_t number(std::size_t place) const {
        return static_cast<std::uint32_t>(slots_[place]);
    }

    // The number that `find` would look at first, if there is any; to be fetched ahead.
    std::uint32_t likely_number(std::uint32_t hash) const { return number(first_from(hash)); }

    // Makes room for `extra` more.
    void reserve_more(std::size_t extra) {
        // In steps of a half: what is neither used nor needed to be fast counts for every row.
        if ((used_ + extra) * 10 > homes_ * 7) {
            move_to(std::max(homes_ * 3 / 2, homes_for(extra)), extra);
        }
        if (end_ + extra >= slots_.size()) extend_to(end_ + tail(homes_, extra));
    }
    // Only after reserve_more; the gap was found with this hash. Cost: the slots up to an empty one.
    void fill(std::size_t gap, std::uint32_t hash, std::uint32_t number) {
        std::uint64_t moved = std::uint64_t{hash} << 32 | number;
        std::size_t place = gap & ~kGap;
        for (; moved != kEmpty; ++place) std::swap(moved, slots_[place]);
        end_ = std::max(end_, place);
        ++used_;
    }
    // Gives back the room that a table which is not to grow does not need, but for a few more.
    // Raises: std::bad_alloc; everything is as before then.
    void trim() {
        const std::size_t homes = homes_for(used_ / 64);
        if (homes < homes_ && homes >= kFewHomes) move_to(homes, 1);
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
        end_ = homes_;
    }
    // Takes a slot out and moves those back that lie behind it and not at home.
    void erase(std::size_t hole) {
        std::size_t next = hole + 1;
        for (; slots_[next] != kEmpty && home(slots_[next] >> 32) != next; ++next) {
            slots_[next - 1] = slots_[next];
        }
        slots_[next - 1] = kEmpty;
        if (next == end_ && end_ > homes_) --end_;
        --used_;
    }
    // Replaces each number by what `renumber` makes of it.
    template <class Renumber>
    void renumber(Renumber renumber) {
        for (std::size_t place = 0; place < end_; ++place) {
            if (slots_[place] != kEmpty) replace(place, renumber(number(place)));
        }
    }

private:
    static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};  // above all others in the order
    static constexpr std::size_t kGap = std::size_t{1} << 63;
    static constexpr std::size_t kFewHomes = 16;
    static constexpr std::size_t kFewSlots = 64;

    // Without slots: they are to be made.
    explicit Slots(std::size_t homes) : homes_(homes), end_(homes) {}

    std::size_t home(std::uint64_t hash) const { return hash * homes_ >> 32; }
    std::size_t first_from(std::uint32_t hash) const {
        std::size_t place = home(hash);
        while (slots_[place] < std::uint64_t{hash} << 32) ++place;
        return place;
    }

    std::size_t homes_for(std::size_t extra) const { return ((used_ + extra) * 10 + 6) / 7; }

    // Ordering: slots are in the order of their homes, so that both tables are walked once.
    void move_to(std::size_t homes, std::size_t extra) {
        Slots moved{homes};
        const std::size_t room = tail(moved.homes_, extra);
        moved.extend_to(moved.homes_ + room);
        std::size_t place = 0;
        for (std::size_t from = 0; from < end_; ++from) {
            // Without a branch, which nobody could foretell: an empty one is written and passed over.
            const std::uint64_t slot = slots_[from];
            const bool is_full = slot != kEmpty;
            place = std::max(place, is_full ? moved.home(slot >> 32) : 0);
            moved.slots_[place] = slot;
            place += is_full;
            if (place == moved.slots_.size()) moved.extend_to(place + room);
        }
        moved.end_ = std::max(moved.homes_, place);
        moved.used_ = used_;
        moved.extend_to(moved.end_ + extra + 1);
        *this = std::move(moved);
    }
    // Each more may push the last slot a place further. A small part of the homes, since a table
    // that is seldom extended moves seldom.
    static std::size_t tail(std::size_t homes, std::size_t extra) { return extra + 8 + homes / 64; }
    void extend_to(std::size_t size) {
        if (size <= slots_.size()) return;
        slots_.reserve_exactly(size);
        slots_.resize(size, kEmpty);
    }

    std::size_t homes_;
    std::size_t end_;  // every slot from here on is empty; not before the last home
    std::size_t used_ = 0;
    Buffer<std::uint64_t> slots_;
};

}  // namespace congress
