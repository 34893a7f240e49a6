#include "fold.h"

#include <algorithm>
#include <utility>

#include "errors.h"
#include "hash.h"

namespace congress {

Fold::Fold(Relation& head, std::uint32_t groups, std::vector<Relation*> inputs,
           std::vector<FoldPart> parts, Symbols& symbols, FailureLog* failures)
    : head_(head),
      inputs_(std::move(inputs)),
      columns_(groups),
      parts_(std::move(parts)),
      symbols_(symbols),
      groups_(groups, needs_of(inputs_.size(), parts_), symbols),
      aggregates_(groups_, groups, inputs_, parts_, symbols, failures),
      width_(aggregates_.size()) {
    if (inputs_.empty()) throw InvalidPlan("an aggregate step has no input");
    if (head.width() != parts_.size()) throw InvalidPlan("a head has another width than its fold");
    for (const Relation* input : inputs_) {
        if (input->width() <= groups) throw InvalidPlan("an aggregate's input has no values");
    }
    for (const FoldPart& part : parts_) {
        if (part.is_group && part.number >= groups) throw InvalidPlan("a head has no such group");
    }
}

Fold::~Fold() {
    for (const Id id : befores_) symbols_.release(id);
    for (const Id id : results_) symbols_.release(id);
}

// --- following the inputs

void Fold::follow(Guard& guard) {
    if (!open_step(changes_.size(), touched_.size())) return;
    if (present().is_load) {
        load(guard);
        return;
    }
    for (std::uint32_t input = 0; input < inputs_.size(); ++input) {
        const auto follow = [&](RowId row, int step) {
            guard.pass(1);
            change(input, row, step);
        };
        inputs_[input]->each_removed([&](RowId row) { follow(row, -1); });
        inputs_[input]->each_added([&](RowId row) { follow(row, 1); });
    }
}

void Fold::load(Guard& guard) {
    for (std::uint32_t input = 0; input < inputs_.size(); ++input) {
        const Relation& read = *inputs_[input];
        guard.each_below(read.end(), [&](RowId row) {
            if (!read.is_in(row, State::kNew)) return;
            const Id* cells = read.row(row);
            const Id value = cells[columns_];
            const std::uint32_t group = group_of(cells);
            groups_.prepare(group, input, value);
            groups_.add(group, input, value, 1);
        });
    }
    aggregates_.note_loaded();
}

void Fold::change(std::uint32_t input, RowId row, int step) {
    // Ordering: all memory first, so that a failure leaves groups and log in agreement.
    const Id* cells = inputs_[input]->row(row);
    const Id value = cells[columns_];
    changes_.reserve_more(1);
    touched_.reserve_more(1);
    befores_.reserve_more(width_);
    to_trim_.reserve_more(1);
    const std::uint32_t group = group_of(cells);
    touch(group);
    groups_.prepare(group, input, value);
    groups_.add(group, input, value, step);
    changes_.push_reserved({group, value, input, step});
}

std::uint32_t Fold::group_of(const Id* key) {
    flags_.reserve_more(groups_.end() + 1 - flags_.size());
    results_.reserve_more((std::size_t{groups_.end()} + 1) * width_ - results_.size());
    const std::uint32_t group = groups_.at(key);
    flags_.resize(groups_.end(), 0);
    results_.resize(std::size_t{groups_.end()} * width_, inline_id(0));
    return group;
}

// The caller has made room for it.
void Fold::touch(std::uint32_t group) {
    if ((flags_[group] & kTouched) != 0) return;
    touched_.push_reserved({group, (flags_[group] & kHasRow) != 0});
    befores_.append(results(group), width_);
    for (std::uint32_t n = 0; n < width_; ++n) symbols_.retain(results(group)[n]);
    if ((flags_[group] & kListed) == 0) to_trim_.push_reserved(group);
    flags_[group] |= kTouched | kListed;
}

// --- the head

void Fold::refresh(Guard& guard) {
    follow(guard);
    if (present().is_load) {
        guard.each_below(groups_.end(), [&](std::uint32_t group) { settle(group, true); });
        return;
    }
    const std::size_t first = present().touched;
    guard.each_below(touched_.size() - first,
                     [&](std::size_t n) { settle(touched_[first + n].group, true); });
}

void Fold::count_all(State state, int step, Guard& guard) {
    const bool is_new = state == State::kNew;
    if (is_new) follow(guard);
    guard.each_below(groups_.end(), [&](std::uint32_t group) {
        const bool is_changed = present().is_load || (flags_[group] & kTouched) != 0;
        if (is_new && is_changed) settle(group, false);
        if ((flags_[group] & kHasRow) != 0) count(group, results(group), step);
    });
}

void Fold::count(std::uint32_t group, const Id* results, int step) {
    Id cells[kMaxColumns];
    for (std::size_t column = 0; column < parts_.size(); ++column) {
        const FoldPart& part = parts_[column];
        cells[column] = part.is_group ? groups_.key(group)[part.number] : *results++;
    }
    head_.count(cells, hash_cells(cells, parts_.size()), step);
}

// Brings a group's results up to date with its tallies, and the head with them.
void Fold::settle(std::uint32_t group, bool counts_head) {
    Id after[kMaxColumns];
    std::fill_n(after, width_, inline_id(0));
    const bool had_row = (flags_[group] & kHasRow) != 0;
    const bool has_row = groups_.has_rows(group) && aggregates_.find(group, after);
    if (!has_row) std::fill_n(after, width_, inline_id(0));
    Id* before = results(group);
    if (had_row == has_row && std::equal(after, after + width_, before)) return;
    if (counts_head && had_row) count(group, before, -1);
    if (counts_head && has_row) count(group, after, 1);
    for (std::uint32_t n = 0; n < width_; ++n) {
        symbols_.retain(after[n]);
        symbols_.release(std::exchange(before[n], after[n]));
    }
    flags_[group] = static_cast<std::uint8_t>(has_row ? flags_[group] | kHasRow
                                                      : flags_[group] & ~kHasRow);
}

// --- ends of steps

void Fold::close_step() {
    for (std::size_t n = present().touched; n < touched_.size(); ++n) {
        flags_[touched_[n].group] &= static_cast<std::uint8_t>(~kTouched);
    }
}

void Fold::take_back(const Mark& mark) {
    if (mark.is_load) {
        forget_all();
        return;
    }
    while (changes_.size() > mark.changes) {
        const Change& last = changes_.back();
        groups_.add(last.group, last.input, last.value, -last.step);
        changes_.pop_back();
    }
    while (touched_.size() > mark.touched) {
        const auto [group, had_row] = touched_.back();
        touched_.pop_back();
        const Id* before = befores_.data() + touched_.size() * width_;
        for (std::uint32_t n = 0; n < width_; ++n) {
            symbols_.release(std::exchange(results(group)[n], before[n]));
        }
        befores_.truncate(touched_.size() * width_);
        flags_[group] = static_cast<std::uint8_t>((flags_[group] & kListed) |
                                                  (had_row ? kHasRow : 0));
    }
}

void Fold::forget_all() {
    for (const Id id : befores_) symbols_.release(id);
    for (const Id id : results_) symbols_.release(id);
    befores_.clear();
    results_.clear();
    flags_.clear();
    changes_.clear();
    touched_.clear();
    to_trim_.clear();
    groups_.clear();
}

void Fold::forget_log() {
    for (const Id id : befores_) symbols_.release(id);
    befores_.clear();
    changes_.clear();
    touched_.clear();
    groups_.forget_unused_values();
    for (const std::uint32_t group : to_trim_) {
        flags_[group] &= kHasRow;
        groups_.is_empty(group) ? groups_.free(group) : groups_.trim(group, Aggregates::kFew / 2);
    }
    to_trim_.clear();
}

std::size_t Fold::bytes() const {
    return groups_.bytes() + flags_.bytes() + results_.bytes() + marks_bytes() + changes_.bytes() +
           touched_.bytes() + befores_.bytes() + to_trim_.bytes();
}

}  // namespace congress
