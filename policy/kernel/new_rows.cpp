#include "new_rows.h"

#include <algorithm>

#include "hash.h"

namespace congress {

namespace {

constexpr std::uint32_t kAhead = 32;  // rows whose slots are asked for before the first is used

}  // namespace

NewRows::NewRows(Relation& relation) : relation_(relation) {
    relation.open_step();
    from_ = relation.end();
}

NewRows::~NewRows() {
    relation_.size_ -= relation_.end() - from_;
    relation_.flags_.truncate(from_);
    relation_.cells_.truncate(std::size_t{from_} * relation_.stride_);
    relation_.truncate_support(from_);
}

void NewRows::write(RowId like, std::uint32_t column, const Id* cells,
                    const std::uint32_t* supports, std::uint32_t count) {
    Relation& relation = relation_;
    relation.require_room(count);
    const std::uint32_t width = relation.width_;
    relation.cells_.reserve_more(std::size_t{count} * width);
    relation.flags_.reserve_more(count);
    write_supports(supports, count);
    std::fill_n(relation.flags_.extend(count), count, Relation::kNew);
    Id* to = relation.cells_.extend(std::size_t{count} * width);
    const Id* from = relation.row(like);
    for (std::uint32_t n = 0; n < count; ++n, to += width) {
        std::copy_n(from, width, to);
        to[column] = cells[n];
    }
    relation.size_ += count;
}

// Ordering: the last that may fail, and the first that writes.
void NewRows::write_supports(const std::uint32_t* supports, std::uint32_t count) {
    Relation& relation = relation_;
    if (relation.kind_ == Support::kNone || count == 0) return;
    if (*std::max_element(supports, supports + count) > 0xFF) relation.widen_support();
    if (relation.is_wide_) {
        relation.wide_.append(supports, count);
        return;
    }
    std::uint8_t* to = relation.narrow_.extend(count);
    for (std::uint32_t n = 0; n < count; ++n) to[n] = static_cast<std::uint8_t>(supports[n]);
}

void NewRows::place(Guard& guard) {
    Relation& relation = relation_;
    const RowId first = from_;
    const RowId end = relation.end();
    relation.slots_.reserve_more(end - from_);
    std::uint32_t hashes[2 * kAhead];  // of the rows that are placed, and of those after them
    const auto fetch = [&](RowId block) {
        const RowId last = std::min<RowId>(end, block + kAhead);
        for (RowId row = block; row < last; ++row) {
            const std::uint32_t hash = hash_cells(relation.row(row), relation.width_);
            hashes[(row - first) % (2 * kAhead)] = hash;
            relation.slots_.prefetch(hash);
        }
    };
    fetch(first);
    for (RowId block = first; block < end; block += kAhead) {
        if (end - block > kAhead) fetch(block + kAhead);
        const RowId last = std::min<RowId>(end, block + kAhead);
        for (RowId row = block; row < last; ++row) enter(row, hashes[(row - first) % (2 * kAhead)]);
        from_ = last;
        guard.pass(last - block);
    }
}

void NewRows::enter(RowId row, std::uint32_t hash) {
    Relation& relation = relation_;
    const std::size_t slot = relation.slots_.find(hash, [](std::uint32_t) { return false; });
    relation.slots_.fill(slot, hash, row);
    const Id* cells = relation.row(row);
    for (std::uint32_t column = 0; column < relation.width_; ++column) {
        relation.symbols_.retain(cells[column]);
    }
}

}  // namespace congress
