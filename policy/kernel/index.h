// Rows of a relation by the values of some columns.
#pragma once

#include <cstdint>
#include <vector>

#include "buffer.h"
#include "hash.h"
#include "slots.h"
#include "value.h"

namespace congress {

// What an index needs to see of its relation: cells by row, row after row.
struct Cells {
    const Buffer<Id>* data;
    std::uint32_t stride;

    const Id* row(RowId row) const { return data->data() + std::size_t{row} * stride; }
};

// A hash table from keys to postings: one row in the slot itself, more in a block of the arena.
// Holds every row that is physically in the relation, whatever its state.
class Index {
public:
    // The rows with one key; good for reading while rows are inserted, though not erased: rows that
    // come later are not in it.
    struct Rows {
        std::uint32_t reference = kNoRow;
        std::uint32_t length = 0;
    };

    Index(std::vector<std::uint32_t> columns, Cells cells);

    const std::vector<std::uint32_t>& columns() const { return columns_; }
    bool is_filled() const { return is_filled_; }
    std::size_t keys() const { return slots_.size(); }

    std::uint32_t hash_of(RowId row) const;
    void prefetch(std::uint32_t hash) const { slots_.prefetch(hash); }

    // The rows whose columns hold `key` (in the order of `columns`).
    Rows find(const Id* key, std::uint32_t hash) const;
    RowId row_at(Rows rows, std::uint32_t place) const {
        if ((rows.reference & kPosting) == 0) return rows.reference;
        return arena_[postings_[rows.reference & ~kPosting].offset + place];
    }

    // Strong guarantee: when memory is short, nothing has changed.
    void insert(RowId row);
    // Never fails; the row is there.
    void erase(RowId row);
    // Fills an empty index with the rows [0, size) for which `is_in`; postings lie side by side.
    template <class IsIn>
    void build(RowId size, IsIn is_in);

    std::size_t bytes() const;

private:
    static constexpr std::uint32_t kPosting = 1u << 31;
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};
    // Above this length a row knows its place in the posting; below, looking for it is as fast.
    static constexpr std::uint32_t kLong = 64;
    static constexpr std::uint32_t kAhead = 16;  // rows: how far ahead slots are asked for

    struct Posting {
        std::uint32_t offset;
        std::uint32_t length;
        std::uint32_t capacity;  // of a free posting: the next free one
    };

    // Where a row's key is among the slots, or the gap where it belongs.
    struct Place {
        std::uint32_t hash;
        std::size_t slot;
    };

    std::size_t find_slot(const Id* key, std::uint32_t hash) const;
    Place place_of(RowId row) const;
    bool has_key(std::uint32_t reference, const Id* key) const;
    void key_of(RowId row, Id* key) const;
    std::uint32_t new_posting(std::uint32_t capacity);
    void extend(std::uint32_t posting, RowId row);
    std::uint32_t take_block(int size_class);
    void free_block(std::uint32_t offset, std::uint32_t capacity);
    void note_places(const Posting& posting);
    std::uint32_t place_in(const Posting& posting, RowId row) const;

    std::vector<std::uint32_t> columns_;
    bool is_filled_ = false;
    Cells cells_;
    Slots slots_;                     // references: a row, or kPosting | number of a posting
    Buffer<Posting> postings_;
    std::uint32_t free_posting_ = kNone;
    Buffer<RowId> arena_;
    std::uint32_t free_blocks_[33];   // by the logarithm of their capacity; linked in the arena
    Buffer<std::uint32_t> places_;    // by row: its place, for rows in postings above kLong
};

template <class IsIn>
void Index::build(RowId size, IsIn is_in) {
    // A build for which memory was short has left something behind.
    if (slots_.size() != 0) slots_ = Slots();
    postings_.clear();
    arena_.clear();
    // Two passes: count what each key has, then fill blocks of exactly that size.
    Buffer<std::uint32_t> counts;  // by group, a number given to each key on the way
    Buffer<std::uint32_t> group_of;
    group_of.resize(size, kNone);
    for (RowId row = 0; row < size; ++row) {
        if (row + kAhead < size) slots_.prefetch(hash_of(row + kAhead));
        if (!is_in(row)) continue;
        slots_.reserve_more(1);
        const auto [hash, slot] = place_of(row);
        if (slots_.is_gap(slot)) {
            slots_.fill(slot, hash, row);  // the key's first row, for now
            group_of[row] = static_cast<std::uint32_t>(counts.size());
            counts.push_back(1);
        } else {
            const std::uint32_t group = group_of[slots_.number(slot)];
            group_of[row] = group;
            ++counts[group];
        }
    }
    slots_.trim();
    Buffer<std::uint32_t> posting_of;
    posting_of.resize(counts.size(), kNone);
    std::size_t total = 0;
    for (std::size_t group = 0; group < counts.size(); ++group) {
        if (counts[group] == 1) continue;
        posting_of[group] = static_cast<std::uint32_t>(postings_.size());
        postings_.push_back({static_cast<std::uint32_t>(total), 0, counts[group]});
        total += counts[group];
    }
    arena_.resize(total, kNoRow);
    for (RowId row = 0; row < size; ++row) {
        if (group_of[row] == kNone || posting_of[group_of[row]] == kNone) continue;
        Posting& posting = postings_[posting_of[group_of[row]]];
        arena_[posting.offset + posting.length++] = row;
    }
    slots_.renumber([&](std::uint32_t first) {
        const std::uint32_t posting = posting_of[group_of[first]];
        return posting == kNone ? first : kPosting | posting;
    });
    for (const Posting& posting : postings_) {
        if (posting.length > kLong) note_places(posting);
    }
    is_filled_ = true;
}

}  // namespace congress
