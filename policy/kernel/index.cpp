#include "index.h"

#include <bit>
#include <utility>

namespace congress {

namespace {

// A block of a class has room for at least two to its power.
int class_of(std::uint32_t capacity) { return 31 - std::countl_zero(capacity | 1); }

}  // namespace

Index::Index(std::vector<std::uint32_t> columns, Cells cells)
    : columns_(std::move(columns)), cells_(cells) {
    for (std::uint32_t& head : free_blocks_) head = kNone;
}

void Index::key_of(RowId row, Id* key) const {
    const Id* cells = cells_.row(row);
    for (const std::uint32_t column : columns_) *key++ = cells[column];
}

std::uint32_t Index::hash_of(RowId row) const {
    Id key[kMaxColumns];
    key_of(row, key);
    return hash_cells(key, columns_.size());
}

bool Index::has_key(std::uint32_t reference, const Id* key) const {
    const RowId row = (reference & kPosting) == 0
                          ? reference
                          : arena_[postings_[reference & ~kPosting].offset];
    const Id* cells = cells_.row(row);
    for (const std::uint32_t column : columns_) {
        if (cells[column] != *key++) return false;
    }
    return true;
}

std::size_t Index::find_slot(const Id* key, std::uint32_t hash) const {
    if (columns_.size() == 1) {  // the hash of one cell is a bijection
        return slots_.find(hash, [](std::uint32_t) { return true; });
    }
    return slots_.find(hash, [&](std::uint32_t reference) { return has_key(reference, key); });
}

Index::Place Index::place_of(RowId row) const {
    Id key[kMaxColumns];
    key_of(row, key);
    const std::uint32_t hash = hash_cells(key, columns_.size());
    return {hash, find_slot(key, hash)};
}

Index::Rows Index::find(const Id* key, std::uint32_t hash) const {
    const std::size_t slot = find_slot(key, hash);
    if (slots_.is_gap(slot)) return {};
    const std::uint32_t reference = slots_.number(slot);
    if ((reference & kPosting) == 0) return {reference, 1};
    return {reference, postings_[reference & ~kPosting].length};
}

void Index::insert(RowId row) {
    slots_.reserve_more(1);
    const auto [hash, slot] = place_of(row);
    if (slots_.is_gap(slot)) {
        slots_.fill(slot, hash, row);
        return;
    }
    const std::uint32_t reference = slots_.number(slot);
    if ((reference & kPosting) != 0) {
        extend(reference & ~kPosting, row);
        return;
    }
    const std::uint32_t posting = new_posting(2);
    Posting& filled = postings_[posting];
    arena_[filled.offset] = reference;
    arena_[filled.offset + 1] = row;
    filled.length = 2;
    slots_.replace(slot, kPosting | posting);
}

std::uint32_t Index::new_posting(std::uint32_t capacity) {
    if (free_posting_ == kNone) postings_.reserve_more(1);
    const std::uint32_t offset = take_block(class_of(capacity));
    const Posting filled{offset, 0, capacity};
    if (free_posting_ == kNone) {
        postings_.push_reserved(filled);
        return static_cast<std::uint32_t>(postings_.size() - 1);
    }
    const std::uint32_t posting = free_posting_;
    free_posting_ = postings_[posting].capacity;
    postings_[posting] = filled;
    return posting;
}

void Index::extend(std::uint32_t number, RowId row) {
    const Posting& before = postings_[number];
    if (before.length >= kLong) places_.resize(std::max<std::size_t>(places_.size(), row + 1), 0);
    if (before.length == before.capacity) {
        const std::uint32_t capacity = std::bit_ceil(before.capacity + 1);
        const std::uint32_t offset = take_block(class_of(capacity));
        std::memcpy(&arena_[offset], &arena_[before.offset], before.length * sizeof(RowId));
        free_block(before.offset, before.capacity);
        postings_[number].offset = offset;
        postings_[number].capacity = capacity;
    }
    Posting& posting = postings_[number];
    if (posting.length == kLong) note_places(posting);
    arena_[posting.offset + posting.length] = row;
    if (posting.length >= kLong) places_[row] = posting.length;
    ++posting.length;
}

void Index::note_places(const Posting& posting) {
    const RowId* rows = &arena_[posting.offset];
    const RowId highest = *std::max_element(rows, rows + posting.length);
    places_.resize(std::max<std::size_t>(places_.size(), std::size_t{highest} + 1), 0);
    for (std::uint32_t place = 0; place < posting.length; ++place) places_[rows[place]] = place;
}

std::uint32_t Index::take_block(int size_class) {
    std::uint32_t& head = free_blocks_[size_class];
    if (head != kNone) {
        const std::uint32_t offset = head;
        head = arena_[offset];
        return offset;
    }
    const auto offset = static_cast<std::uint32_t>(arena_.size());
    arena_.resize(arena_.size() + (std::size_t{1} << size_class), kNoRow);
    return offset;
}

void Index::free_block(std::uint32_t offset, std::uint32_t capacity) {
    std::uint32_t& head = free_blocks_[class_of(capacity)];
    arena_[offset] = head;
    head = offset;
}

std::uint32_t Index::place_in(const Posting& posting, RowId row) const {
    if (posting.length > kLong) return places_[row];
    const RowId* rows = &arena_[posting.offset];
    std::uint32_t place = 0;
    while (rows[place] != row) ++place;
    return place;
}

void Index::erase(RowId row) {
    const std::size_t slot = place_of(row).slot;
    const std::uint32_t reference = slots_.number(slot);
    if ((reference & kPosting) == 0) {
        slots_.erase(slot);
        return;
    }
    Posting& posting = postings_[reference & ~kPosting];
    const std::uint32_t place = place_in(posting, row);
    const RowId last = arena_[posting.offset + posting.length - 1];
    arena_[posting.offset + place] = last;
    if (posting.length > kLong) places_[last] = place;
    if (--posting.length != 0) return;
    free_block(posting.offset, posting.capacity);
    posting.capacity = free_posting_;
    free_posting_ = reference & ~kPosting;
    slots_.erase(slot);
}

std::size_t Index::bytes() const {
    return slots_.bytes() + postings_.bytes() + arena_.bytes() + places_.bytes();
}

}  // namespace congress
