#include "relation.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "errors.h"
#include "hash.h"

namespace congress {

namespace {

constexpr RowId kMaxRows = 1u << 31;  // the upper half of the numbers stands for postings
constexpr std::uint32_t kAhead = 16;   // rows: how far ahead of its use a cache line is asked for
constexpr RowId kSample = 1024;       // rows looked at to guess how many values columns hold

}  // namespace

Relation::Relation(std::uint32_t width, Support kind, Symbols& symbols,
                   std::vector<Relation*>& dirty)
    : width_(width),
      stride_(std::max(width, 1u)),
      kind_(kind),
      symbols_(symbols),
      dirty_list_(dirty) {
    if (width > kMaxColumns) {
        throw InvalidPlan("a table has " + std::to_string(width) + " columns, at most " +
                          std::to_string(kMaxColumns) + " are possible");
    }
}

Relation::~Relation() {
    for (RowId row = 0; row < end(); ++row) {
        if ((flags_[row] & kFree) != 0) continue;
        each_cell(row, [&](Id id) { symbols_.release(id); });
    }
}

std::size_t Relation::find_slot(const Id* cells, std::uint32_t hash) const {
    if (width_ == 2) {  // most rows by far, of recursive tables at least
        return slots_.find(hash, [&](RowId row) {
            const Id* own = this->row(row);
            return own[0] == cells[0] && own[1] == cells[1];
        });
    }
    return slots_.find(hash, [&](RowId row) {
        return std::equal(cells, cells + width_, this->row(row));  // cells: null for no columns
    });
}

RowId Relation::find(const Id* cells, std::uint32_t hash) const {
    const std::size_t slot = find_slot(cells, hash);
    return slots_.is_gap(slot) ? kNoRow : slots_.number(slot);
}

// --- indexes

std::shared_ptr<Index> Relation::share_index(std::span<const std::uint32_t> columns) {
    std::erase_if(shared_, [](const auto& index) { return index.expired(); });
    for (const auto& shared : shared_) {
        const auto index = shared.lock();
        if (std::ranges::equal(index->columns(), columns)) return index;
    }
    std::vector<std::uint32_t> own(columns.begin(), columns.end());
    shared_.reserve(shared_.size() + 1);
    indexes_.reserve(shared_.size() + 1);  // so that `fill` has room
    const std::shared_ptr<Index> made(new Index(std::move(own), Cells{&cells_, stride_}),
                                      [this](Index* index) {
                                          forget(index);
                                          delete index;
                                      });
    shared_.push_back(made);
    return made;
}

void Relation::forget(Index* index) { std::erase(indexes_, index); }

void Relation::fill(Index& index) {
    if (index.is_filled()) return;
    index.build(end(), [&](RowId row) { return (flags_[row] & kFree) == 0; });
    indexes_.push_back(&index);
}

std::vector<std::vector<std::uint32_t>> Relation::index_columns() const {
    std::vector<std::vector<std::uint32_t>> all;
    for (const Index* index : indexes_) all.push_back(index->columns());
    return all;
}

double Relation::distinct(std::span<const std::uint32_t> columns) const {
    if (columns.empty() || size_ == 0) return size_ == 0 ? 0.0 : 1.0;
    if (columns.size() == width_) return static_cast<double>(size_);
    for (const Index* index : indexes_) {
        if (std::ranges::equal(index->columns(), columns)) return static_cast<double>(index->keys());
    }
    std::vector<std::uint32_t> hashes;
    hashes.reserve(kSample);
    const RowId stride = std::max<RowId>(1, end() / kSample);
    std::size_t looked_at = 0;
    for (RowId at = 0; at < end(); at += stride) {
        if ((flags_[at] & kNew) == 0) continue;
        Id key[kMaxColumns];
        Id* cell = key;
        for (const std::uint32_t column : columns) *cell++ = row(at)[column];
        hashes.push_back(hash_cells(key, columns.size()));
        ++looked_at;
    }
    if (looked_at == 0) return 1.0;
    std::ranges::sort(hashes);
    // Chao's estimate: how many values a sample missed follows from those seen once and twice.
    std::size_t seen = 0;
    std::size_t once = 0;
    std::size_t twice = 0;
    for (std::size_t from = 0, to = 0; from < hashes.size(); from = to) {
        while (to < hashes.size() && hashes[to] == hashes[from]) ++to;
        ++seen;
        once += to - from == 1;
        twice += to - from == 2;
    }
    if (looked_at == size_) return static_cast<double>(seen);
    if (once == looked_at) return static_cast<double>(size_);
    const double singles = static_cast<double>(once);
    const double missed = singles * std::max(singles - 1, 0.0) / (2.0 * static_cast<double>(twice + 1));
    return std::min(static_cast<double>(size_), static_cast<double>(seen) + missed);
}

// --- changes within a step

void Relation::open_step() {
    if (is_dirty_) return;
    is_dirty_ = true;
    old_size_ = size_;
    appended_from_ = end();
    dirty_list_.push_back(this);
}

void Relation::touch(RowId row, bool is_created) {
    if (row >= appended_from_ || (flags_[row] & kTouched) != 0) return;
    touched_.push_back({row, support(row), (flags_[row] & kOld) != 0, is_created});
    flags_[row] |= kTouched;
}

RowId Relation::show(const Id* cells, std::uint32_t hash, std::uint32_t support) {
    open_step();
    slots_.reserve_more(1);
    const std::size_t slot = find_slot(cells, hash);
    if (slots_.is_gap(slot)) return create(cells, hash, support, slot);
    const RowId found = slots_.number(slot);
    if (is_in(found, State::kNew)) return kNoRow;
    show(found, support);
    return found;
}

void Relation::show(RowId row, std::uint32_t support) {
    open_step();
    touch(row, false);
    if (support > 0xFF) widen_support();
    write_support(row, support);
    if ((flags_[row] & (kOld | kNew)) == 0) --hidden_;
    flags_[row] |= kNew;
    ++size_;
}

void Relation::hide(RowId row) {
    open_step();
    touch(row, false);
    flags_[row] &= static_cast<std::uint8_t>(~kNew);
    if ((flags_[row] & kOld) == 0) ++hidden_;
    --size_;
}

void Relation::set_support(RowId row, std::uint32_t support) {
    open_step();
    touch(row, false);
    if (support > 0xFF) widen_support();
    write_support(row, support);
}

void Relation::count(const Id* cells, std::uint32_t hash, int step) {
    open_step();
    slots_.reserve_more(1);
    const std::size_t slot = find_slot(cells, hash);
    if (slots_.is_gap(slot)) {
        create(cells, hash, 1, slot);
        return;
    }
    const RowId row = slots_.number(slot);
    touch(row, false);
    const std::uint32_t before = is_in(row, State::kNew) ? support(row) : 0;
    const std::uint32_t after = before + static_cast<std::uint32_t>(step);
    if (step > 0 && after < before) throw TableFull(id_, "a row of it would follow in 2^32 ways");
    if (after > 0xFF) widen_support();
    if (before == 0) {
        show(row, after);
    } else {
        write_support(row, after);
        if (after == 0) hide(row);
    }
}

// Only after slots_.reserve_more; the slot is the empty one that was found for the row.
RowId Relation::create(const Id* cells, std::uint32_t hash, std::uint32_t support,
                       std::size_t slot) {
    const RowId row = create_bare(cells, hash, support, slot);
    each_cell(row, [&](Id id) { symbols_.retain(id); });
    if (!indexes_.empty()) enter_indexes(&row, 1);
    return row;
}

void Relation::require_room(std::size_t rows) const {
    if (flags_.size() + rows >= kMaxRows) throw TableFull(id_, "it would have 2^31 rows");
}

// As `create`, but the row is in no index yet and does not hold its symbols.
RowId Relation::create_bare(const Id* cells, std::uint32_t hash, std::uint32_t support,
                            std::size_t slot) {
    require_room(1);
    if (support > 0xFF) widen_support();
    const RowId row = free_ == kNoRow ? append(cells) : reuse(cells);
    slots_.fill(slot, hash, row);
    if (row < appended_from_) {
        flags_[row] = kTouched;
        touched_.push_reserved({row, 0, false, true});
    }
    flags_[row] |= kNew;
    write_support(row, support);
    ++size_;
    return row;
}

void Relation::show_many(const Id* cells, const std::uint32_t* hashes,
                         const std::uint32_t* supports, std::uint32_t count,
                         Buffer<RowId>& fresh) {
    open_step();
    slots_.reserve_more(count);
    fresh.reserve_more(count);
    bare_.clear();
    bare_.reserve_more(count);
    try {
        for (std::uint32_t n = 0; n < count; ++n) {
            // Two cache misses for each row, both asked for ahead: its slot, then the row there.
            if (n + 2 * kAhead < count) slots_.prefetch(hashes[n + 2 * kAhead]);
            if (n + kAhead < count) {
                const std::uint32_t likely = slots_.likely_number(hashes[n + kAhead]);
                if (likely < end()) prefetch_row(likely);
            }
            const Id* row_cells = cells + std::size_t{n} * width_;
            const std::size_t slot = find_slot(row_cells, hashes[n]);
            if (slots_.is_gap(slot)) {
                const RowId row = create_bare(row_cells, hashes[n], supports[n], slot);
                bare_.push_reserved(row);
                fresh.push_reserved(row);
                continue;
            }
            const RowId found = slots_.number(slot);
            // Where every row is in the new state there is no need to look.
            if (size_ == slots_.size() || is_in(found, State::kNew)) continue;
            show(found, supports[n]);
            fresh.push_reserved(found);
        }
    } catch (...) {
        for (std::size_t left = bare_.size(); left-- != 0;) drop_bare(bare_[left]);
        throw;
    }
    retain_symbols(bare_.data(), bare_.size());
    enter_indexes(bare_.data(), bare_.size());
}

void Relation::retain_symbols(const RowId* rows, std::size_t count) {
    for (std::size_t n = 0; n < count; ++n) {
        if (n + kAhead < count) each_cell(rows[n + kAhead], [&](Id id) { symbols_.prefetch(id); });
        each_cell(rows[n], [&](Id id) { symbols_.retain(id); });
    }
}

// Takes back `create_bare`; later rows were taken back before.
void Relation::drop_bare(RowId row) {
    const std::uint32_t hash = hash_cells(this->row(row), width_);
    slots_.erase(slots_.find(hash, [&](RowId other) { return other == row; }));
    --size_;
    if (row >= appended_from_) {
        cells_.truncate(cells_.size() - stride_);
        flags_.pop_back();
        truncate_support(end());
        return;
    }
    touched_.pop_back();
    flags_[row] = kFree;
    cells_[std::size_t{row} * stride_] = free_;
    free_ = row;
}

// Puts new rows in every index. When that fails, it is as if the rows had never been there.
void Relation::enter_indexes(const RowId* rows, std::size_t count) {
    std::size_t done = 0;
    std::size_t entered = 0;
    try {
        for (; done < indexes_.size(); ++done, entered = 0) {
            Index& index = *indexes_[done];
            for (; entered < count; ++entered) {
                if (entered + kAhead < count) index.prefetch(index.hash_of(rows[entered + kAhead]));
                index.insert(rows[entered]);
            }
        }
    } catch (...) {
        for (std::size_t n = 0; n < entered; ++n) indexes_[done]->erase(rows[n]);
        while (done-- != 0) {
            for (std::size_t n = 0; n < count; ++n) indexes_[done]->erase(rows[n]);
        }
        while (count-- != 0) {
            each_cell(rows[count], [&](Id id) { symbols_.release(id); });
            drop_bare(rows[count]);
        }
        throw;
    }
}

RowId Relation::append(const Id* cells) {
    cells_.reserve_more(stride_);
    flags_.reserve_more(1);
    is_wide_ ? wide_.reserve_more(1) : narrow_.reserve_more(1);
    if (width_ == 0) cells_.push_reserved(0);
    for (std::uint32_t column = 0; column < width_; ++column) cells_.push_reserved(cells[column]);
    flags_.push_reserved(0);
    append_support();
    return end() - 1;
}

RowId Relation::reuse(const Id* cells) {
    touched_.reserve_more(1);
    const RowId row = free_;
    free_ = *this->row(row);
    std::copy_n(cells, width_, cells_.data() + std::size_t{row} * stride_);
    flags_[row] = 0;
    return row;
}

void Relation::unlink(RowId row) {
    const Id* cells = this->row(row);
    const std::uint32_t hash = hash_cells(cells, width_);
    slots_.erase(slots_.find(hash, [&](RowId other) { return other == row; }));
    for (Index* index : indexes_) index->erase(row);
    each_cell(row, [&](Id id) { symbols_.release(id); });
}

void Relation::write_support(RowId row, std::uint32_t support) {
    if (kind_ == Support::kNone) return;
    if (is_wide_) {
        wide_[row] = support;
    } else {
        narrow_[row] = static_cast<std::uint8_t>(support);
    }
}

void Relation::append_support() {
    if (kind_ == Support::kNone) return;
    if (is_wide_) {
        wide_.push_reserved(0);
    } else {
        narrow_.push_reserved(0);
    }
}

void Relation::truncate_support(RowId size) {
    if (kind_ == Support::kNone) return;
    if (is_wide_) {
        wide_.truncate(size);
    } else {
        narrow_.truncate(size);
    }
}

void Relation::widen_support() {
    if (is_wide_) return;
    Buffer<std::uint32_t> wide;
    wide.reserve_more(narrow_.size() + 1);
    for (const std::uint8_t support : narrow_) wide.push_reserved(support);
    wide_.swap(wide);
    is_wide_ = true;
    narrow_.free_memory();
}

// --- the ends of steps

bool Relation::has_net_change() const {
    if (!is_dirty_) return false;
    for (const StepLog::Touched& entry : touched_) {
        const int state = flags_[entry.row] & (kOld | kNew);
        if (state == kOld || state == kNew) return true;
    }
    for (RowId row = appended_from_; row < end(); ++row) {
        if ((flags_[row] & kNew) != 0) return true;
    }
    return false;
}

void Relation::commit_step() {
    if (!is_dirty_) return;
    is_dirty_ = false;
    for (const StepLog::Touched& entry : touched_) {
        if ((flags_[entry.row] & kNew) == 0) {
            purge(entry.row);
        } else {
            flags_[entry.row] = kOld | kNew;
        }
    }
    for (RowId row = end(); row-- > appended_from_;) {
        if ((flags_[row] & kNew) == 0) {
            purge(row);
        } else {
            flags_[row] = kOld | kNew;
        }
    }
    touched_.clear();
}

void Relation::keep_step(StepLog& log) {
    is_dirty_ = false;
    for (const StepLog::Touched& entry : touched_) {
        const std::uint8_t state = flags_[entry.row] & (kOld | kNew);
        if (state == kOld) ++hidden_;
        flags_[entry.row] = (state & kNew) != 0 ? kOld | kNew : 0;
    }
    for (RowId row = appended_from_; row < end(); ++row) {
        flags_[row] = (flags_[row] & kNew) != 0 ? kOld | kNew : 0;
    }
    log.relation = this;
    log.touched.swap(touched_);
    log.appended_from = appended_from_;
    log.appended_to = end();
}

void Relation::undo_step() {
    if (!is_dirty_) return;
    is_dirty_ = false;
    take_back(touched_, appended_from_);
    touched_.clear();
}

void Relation::undo(const StepLog& log) { take_back(log.touched, log.appended_from); }

void Relation::take_back(const Buffer<StepLog::Touched>& touched, RowId appended_from) {
    remove_appended(appended_from);
    for (std::size_t left = touched.size(); left-- != 0;) {
        const StepLog::Touched& entry = touched[left];
        const std::uint8_t state = flags_[entry.row] & (kOld | kNew);
        size_ -= (state & kNew) != 0;
        hidden_ -= state == 0;
        if (entry.is_created) {
            unlink(entry.row);
            flags_[entry.row] = kFree;
            cells_[std::size_t{entry.row} * stride_] = free_;
            free_ = entry.row;
            continue;
        }
        write_support(entry.row, entry.support);
        flags_[entry.row] = entry.was_there ? kOld | kNew : 0;
        size_ += entry.was_there;
        hidden_ += !entry.was_there;
    }
}

void Relation::remove_appended(RowId from) {
    for (RowId row = end(); row-- > from;) {
        const std::uint8_t state = flags_[row] & (kOld | kNew);
        size_ -= (state & kNew) != 0;
        hidden_ -= state == 0;
        unlink(row);
    }
    flags_.truncate(from);
    cells_.truncate(std::size_t{from} * stride_);
    truncate_support(from);
}

void Relation::commit(const StepLog& log) {
    const auto settle = [&](RowId row) {
        if ((flags_[row] & (kOld | kNew | kFree)) == 0) purge(row);
    };
    for (const StepLog::Touched& entry : log.touched) settle(entry.row);
    for (RowId row = log.appended_to; row-- > log.appended_from;) settle(row);
}

void Relation::purge(RowId row) {
    if ((flags_[row] & kOld) == 0) --hidden_;
    unlink(row);
    flags_[row] = kFree;
    cells_[std::size_t{row} * stride_] = free_;
    free_ = row;
}

std::size_t Relation::bytes() const {
    std::size_t total = cells_.bytes() + flags_.bytes() + narrow_.bytes() + wide_.bytes();
    total += slots_.bytes() + touched_.bytes();
    for (const Index* index : indexes_) total += index->bytes();
    return total;
}

}  // namespace congress
