#include "crossings.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "errors.h"
#include "hash.h"

namespace congress {

namespace {

constexpr std::int64_t kAlways = 4 * (AgeCondition::kMost / 2 - 1);  // more than any difference

}  // namespace

std::size_t AgeCondition::passed(std::int64_t age) const {
    return static_cast<std::size_t>(std::ranges::upper_bound(turns, age) - turns.begin());
}

Crossings::Crossings(Relation& head, Relation& texts, Relation& clock, Builtin& moment,
                     AgeCondition condition, Symbols& symbols, FailureLog* failures)
    : head_(head),
      texts_(texts),
      clock_(clock),
      moment_(moment),
      condition_(std::move(condition)),
      symbols_(symbols),
      failures_(failures) {
    if (head.width() != 1 || texts.width() != 1 || clock.width() != 1) {
        throw InvalidPlan("an index by crossing time is over tables of one column");
    }
    if (moment.inputs != 1 || moment.outputs != 1) {
        throw InvalidPlan("a moment is one result of one value");
    }
    const std::vector<std::int64_t>& turns = condition_.turns;
    const auto is_wide = [](std::int64_t turn) {
        return turn < -AgeCondition::kMost || turn > AgeCondition::kMost;
    };
    if (std::ranges::adjacent_find(turns, std::greater_equal{}) != turns.end() ||
        std::ranges::any_of(turns, is_wide)) {
        throw InvalidPlan("the turns of a condition on an age do not ascend");
    }
}

// --- following the tables

std::optional<std::int64_t> Crossings::moment_of(Id cell, FailureLog* failures) {
    solutions_.clear();
    const char* failure = nullptr;
    const std::uint32_t solutions = moment_.solve(&cell, solutions_, failure);
    if (failure != nullptr && failures != nullptr) failures->note(moment_, failure, &cell);
    if (solutions == 0) return std::nullopt;
    const Value found = symbols_.value(solutions_[0]);
    if (found.type != Type::kInteger || found.integer < -AgeCondition::kMost ||
        found.integer > AgeCondition::kMost) {
        throw InvalidPlan("a moment is no number of microseconds");
    }
    return found.integer;
}

std::vector<std::int64_t> Crossings::times(State state, FailureLog* failures) {
    std::vector<std::int64_t> found;
    for (RowId row = 0; row < clock_.end(); ++row) {
        if (!clock_.is_in(row, state)) continue;
        if (const auto time = moment_of(*clock_.row(row), failures)) found.push_back(*time);
    }
    return found;
}

void Crossings::follow(Guard& guard) {
    if (!open_step(changes_.size(), 0)) return;
    if (!present().is_load) {
        texts_.each_removed([&](RowId row) {
            guard.pass(1);
            remove(*texts_.row(row));
        });
        texts_.each_added([&](RowId row) {
            guard.pass(1);
            add(*texts_.row(row));
        });
        return;
    }
    guard.each_below(texts_.end(), [&](RowId row) {
        if (!texts_.is_in(row, State::kNew)) return;
        const Id text = *texts_.row(row);
        if (const auto moment = moment_of(text, failures_)) entries_.insert({*moment, text});
    });
}

void Crossings::add(Id text) {
    const auto moment = moment_of(text, failures_);
    if (!moment) return;
    const Entry entry{*moment, text};
    changes_.push_back({entry, {}});
    try {
        entries_.insert(entry);
    } catch (...) {
        changes_.pop_back();
        throw;
    }
}

void Crossings::remove(Id text) {
    const auto moment = moment_of(text, nullptr);
    if (!moment) return;
    const Entry entry{*moment, text};
    changes_.push_back({entry, {}});
    changes_.back().taken_out = entries_.extract(entry);
}

// --- the head

void Crossings::refresh(Guard& guard) {
    follow(guard);
    if (present().is_load) {
        count_all(State::kNew, 1, guard);
        return;
    }
    const std::vector<std::int64_t> before = times(State::kOld, nullptr);
    for (std::size_t n = present().changes; n < changes_.size(); ++n) {
        const Change& change = changes_[n];
        guard.pass(before.size());
        for (const std::int64_t now : before) {
            if (!condition_.holds(now - change.entry.moment)) continue;
            count(change.entry, change.taken_out.empty() ? 1 : -1);
        }
    }
    tick(guard);
}

void Crossings::count_all(State state, int step, Guard& guard) {
    const bool is_new = state == State::kNew;
    if (is_new) follow(guard);
    for (const std::int64_t now : times(state, is_new ? failures_ : nullptr)) {
        count_at(now, step, guard);
    }
}

// Goes from the old times to the new ones, with all texts as they are now.
void Crossings::tick(Guard& guard) {
    std::vector<std::int64_t> gone;
    std::vector<std::int64_t> come;
    clock_.each_removed([&](RowId row) {
        if (const auto time = moment_of(*clock_.row(row), nullptr)) gone.push_back(*time);
    });
    clock_.each_added([&](RowId row) {
        if (const auto time = moment_of(*clock_.row(row), failures_)) come.push_back(*time);
    });
    const std::size_t both = std::min(gone.size(), come.size());
    for (std::size_t n = 0; n < both; ++n) cross(gone[n], come[n], guard);
    for (std::size_t n = both; n < gone.size(); ++n) count_at(gone[n], -1, guard);
    for (std::size_t n = both; n < come.size(); ++n) count_at(come[n], 1, guard);
}

// One time takes the place of another: what passes a turn between them.
void Crossings::cross(std::int64_t from, std::int64_t to, Guard& guard) {
    const auto [earlier, later] = std::minmax(from, to);
    for (std::size_t turn = 0; turn < condition_.turns.size(); ++turn) {
        const std::int64_t age = condition_.turns[turn];
        each_between(earlier - age, later - age, guard, [&](const Entry& entry) {
            // Another turn may lie between the two times as well: the first has found it.
            if (condition_.passed(earlier - entry.moment) != turn) return;
            const bool held = condition_.holds(from - entry.moment);
            if (held != condition_.holds(to - entry.moment)) count(entry, held ? -1 : 1);
        });
    }
}

void Crossings::count_at(std::int64_t now, int step, Guard& guard) {
    const std::vector<std::int64_t>& turns = condition_.turns;
    for (std::size_t part = condition_.at_first ? 0 : 1; part <= turns.size(); part += 2) {
        const std::int64_t until = part == 0 ? kAlways : now - turns[part - 1];
        const std::int64_t after = part == turns.size() ? -kAlways : now - turns[part];
        each_between(after, until, guard, [&](const Entry& entry) { count(entry, step); });
    }
}

template <class Use>
void Crossings::each_between(std::int64_t after, std::int64_t until, Guard& guard,
                             Use use) const {
    auto entry = entries_.upper_bound({after, std::numeric_limits<Id>::max()});
    for (; entry != entries_.end() && entry->moment <= until; ++entry) {
        guard.pass(1);
        use(*entry);
    }
}

void Crossings::count(const Entry& entry, int step) {
    head_.count(&entry.text, hash_cells(&entry.text, 1), step);
}

// --- ends of steps

void Crossings::take_back(const Mark& mark) {
    while (changes_.size() > mark.changes) {
        Change& last = changes_.back();
        if (last.taken_out.empty()) {
            entries_.erase(last.entry);
        } else {
            entries_.insert(std::move(last.taken_out));
        }
        changes_.pop_back();
    }
    if (mark.is_load) entries_.clear();
}

std::size_t Crossings::bytes() const {
    constexpr std::size_t kNode = sizeof(Entry) + 4 * sizeof(void*) + sizeof(std::size_t);
    return entries_.size() * kNode + changes_.capacity() * sizeof(Change) + marks_bytes();
}

}  // namespace congress
