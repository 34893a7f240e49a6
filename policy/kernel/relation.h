// A table inside the kernel: rows of ids, a set of them, indexes, and what a step changes in it.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "buffer.h"
#include "index.h"
#include "slots.h"
#include "symbols.h"
#include "value.h"

namespace congress {

// Before and after the present step.
enum class State : std::uint8_t { kOld = 1, kNew = 2 };

// What a row carries: nothing, its number of derivations, or its height.
enum class Support : std::uint8_t { kNone, kCount, kHeight };

class Relation;

// What one step changed in one relation, so that it can be taken back.
struct StepLog {
    struct Touched {
        RowId row;
        std::uint32_t support;
        bool was_there;
        bool is_created;  // its place was free before
    };

    Relation* relation = nullptr;
    Buffer<Touched> touched;
    RowId appended_from = 0;  // rows [appended_from, appended_to) were appended by the step
    RowId appended_to = 0;

    std::size_t rows() const { return touched.size() + (appended_to - appended_from); }
};

// The life of a row within a step: in the old state, in the new one, in both or in neither. Rows stay
// in the set and in all indexes until the transaction is committed; readers look at their state.
// Invariant: outside of a step each row is in both states or in neither, and those in neither are
// there for a rollback only.
// Promises: a change that throws has changed nothing.
class Relation {
public:
    Relation(std::uint32_t width, Support kind, Symbols& symbols, std::vector<Relation*>& dirty);
    ~Relation();
    Relation(const Relation&) = delete;
    Relation& operator=(const Relation&) = delete;

    std::uint32_t id() const { return id_; }
    void set_id(std::uint32_t id) { id_ = id; }
    std::uint32_t width() const { return width_; }
    Support kind() const { return kind_; }
    // Only while no row is in the new state, and both are not kNone.
    void set_kind(Support kind) { kind_ = kind; }
    std::size_t size() const { return size_; }     // rows in the new state
    std::size_t old_size() const { return is_dirty_ ? old_size_ : size_; }
    RowId end() const { return static_cast<RowId>(flags_.size()); }
    const Id* row(RowId row) const { return cells_.data() + std::size_t{row} * stride_; }
    bool is_in(RowId row, State state) const {
        return (flags_[row] & static_cast<std::uint8_t>(state)) != 0;
    }
    // Every row that an index gives is in both states: no need to look.
    bool is_settled() const { return !is_dirty_ && hidden_ == 0; }
    std::uint32_t support(RowId row) const {
        if (kind_ == Support::kNone) return 0;
        return is_wide_ ? wide_[row] : narrow_[row];
    }

    void prefetch(std::uint32_t hash) const { slots_.prefetch(hash); }
    void prefetch_row(RowId row) const {
        __builtin_prefetch(cells_.data() + std::size_t{row} * stride_);
    }
    // The place of a row, whatever its state, or kNoRow.
    RowId find(const Id* cells, std::uint32_t hash) const;
    RowId find(const Id* cells) const { return find(cells, hash_cells(cells, width_)); }

    // The index on some columns, which is there as long as somebody holds it; the relation must be
    // there as long. It is empty until `fill` is called for the first time.
    std::shared_ptr<Index> share_index(std::span<const std::uint32_t> columns);
    // Cost: the rows, once.
    void fill(Index& index);
    std::vector<std::vector<std::uint32_t>> index_columns() const;
    // About how many different values some columns hold together; exact where there is an index.
    double distinct(std::span<const std::uint32_t> columns) const;

    // --- changes within a step; Raises: TableFull: there is no room for what comes in.

    // Puts a row in the new state, with this support. Gives its place, or kNoRow if it was there.
    RowId show(const Id* cells, std::uint32_t hash, std::uint32_t support);
    // The same for `count` rows, cell after cell; appends the places of those that were not there.
    void show_many(const Id* cells, const std::uint32_t* hashes, const std::uint32_t* supports,
                   std::uint32_t count, Buffer<RowId>& fresh);
    void show(RowId row, std::uint32_t support);
    void hide(RowId row);
    void set_support(RowId row, std::uint32_t support);
    // A mark for the maintenance of recursive components, cleared before the step ends.
    bool is_suspect(RowId row) const { return (flags_[row] & kSuspect) != 0; }
    void mark_suspect(RowId row, bool is_marked) {
        flags_[row] = static_cast<std::uint8_t>(is_marked ? flags_[row] | kSuspect
                                                          : flags_[row] & ~kSuspect);
    }
    // Adds to or takes from a row's number of derivations; it is there while that is not 0.
    void count(const Id* cells, std::uint32_t hash, int step);

    // --- what the step did so far

    bool is_dirty() const { return is_dirty_; }
    // Calls `use(row)` for each row that is only in the new, or only in the old state.
    template <class Use>
    void each_added(Use use) const;
    template <class Use>
    void each_removed(Use use) const;
    bool has_net_change() const;
    // How many rows it changed, those that it changed back included.
    std::size_t touched_rows() const {
        return is_dirty_ ? touched_.size() + (end() - appended_from_) : 0;
    }

    // --- ends of steps and transactions; none of them fails

    // Makes the step final: rows that are gone leave set and indexes. Without a step: nothing.
    void commit_step();
    // Ends the step, of which there is one, so that `undo` can take it back. `log` was empty.
    void keep_step(StepLog& log);
    // Takes the present step back. Without a step: nothing.
    void undo_step();
    // Takes back the latest step that was kept and not taken back yet.
    void undo(const StepLog& log);
    // Makes a step that was kept final.
    void commit(const StepLog& log);

    std::size_t bytes() const;

private:
    friend class NewRows;

    static constexpr std::uint8_t kOld = 1;
    static constexpr std::uint8_t kNew = 2;
    static constexpr std::uint8_t kTouched = 4;
    static constexpr std::uint8_t kFree = 8;
    static constexpr std::uint8_t kSuspect = 16;

    template <class Use>
    void each_cell(RowId row, Use use) const {
        const Id* cells = this->row(row);
        for (std::uint32_t column = 0; column < width_; ++column) use(cells[column]);
    }
    void forget(Index* index);
    void open_step();
    void require_room(std::size_t rows) const;
    void touch(RowId row, bool is_created);
    std::size_t find_slot(const Id* cells, std::uint32_t hash) const;
    RowId create(const Id* cells, std::uint32_t hash, std::uint32_t support, std::size_t slot);
    RowId create_bare(const Id* cells, std::uint32_t hash, std::uint32_t support,
                      std::size_t slot);
    void retain_symbols(const RowId* rows, std::size_t count);
    void drop_bare(RowId row);
    void enter_indexes(const RowId* rows, std::size_t count);
    RowId append(const Id* cells);
    RowId reuse(const Id* cells);
    void unlink(RowId row);
    void purge(RowId row);
    void remove_appended(RowId from);
    void append_support();
    void truncate_support(RowId size);
    void write_support(RowId row, std::uint32_t support);
    void widen_support();
    void take_back(const Buffer<StepLog::Touched>& touched, RowId appended_from);

    std::uint32_t id_ = 0;
    std::uint32_t width_;
    std::uint32_t stride_;  // at least one cell, which links free rows
    Support kind_;
    Symbols& symbols_;
    std::vector<Relation*>& dirty_list_;  // has room for every relation

    Buffer<Id> cells_;
    Buffer<std::uint8_t> flags_;
    Buffer<std::uint8_t> narrow_;   // supports below 256, until one is larger
    Buffer<std::uint32_t> wide_;
    bool is_wide_ = false;
    Slots slots_;
    std::vector<std::weak_ptr<Index>> shared_;  // all, also those that are still empty
    std::vector<Index*> indexes_;               // that are filled, and kept so
    RowId free_ = kNoRow;           // first free row, the next one in its first cell
    std::size_t size_ = 0;
    std::size_t hidden_ = 0;        // rows in neither state that are not free

    bool is_dirty_ = false;
    std::size_t old_size_ = 0;
    Buffer<StepLog::Touched> touched_;
    Buffer<RowId> bare_;            // rows of `show_many` that are in no index yet
    RowId appended_from_ = 0;       // rows from here on were appended by the present step
};

template <class Use>
void Relation::each_added(Use use) const {
    if (!is_dirty_) return;
    for (const StepLog::Touched& entry : touched_) {
        if ((flags_[entry.row] & (kOld | kNew)) == kNew) use(entry.row);
    }
    for (RowId row = appended_from_; row < end(); ++row) {
        if ((flags_[row] & kNew) != 0) use(row);
    }
}

template <class Use>
void Relation::each_removed(Use use) const {
    if (!is_dirty_) return;
    for (const StepLog::Touched& entry : touched_) {
        if ((flags_[entry.row] & (kOld | kNew)) == kOld) use(entry.row);
    }
}

}  // namespace congress
