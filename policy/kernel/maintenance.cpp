#include "maintenance.h"

#include <algorithm>
#include <string>
#include <utility>

namespace congress {

namespace {

constexpr std::uint32_t kAhead = 16;
constexpr std::size_t kMostPercent = 30;  // of a component's rows that are withdrawn one by one
constexpr std::size_t kFewRows = 1000;    // so few are never worth a new start
constexpr std::uint32_t kNoBound = 0xFFFF'FFFF;

// The net changes of a table: rows that are only in the given state.
void collect(const Relation& relation, State only_in, Buffer<RowId>& rows) {
    rows.clear();
    const auto take = [&](RowId row) { rows.push_back(row); };
    only_in == State::kNew ? relation.each_added(take) : relation.each_removed(take);
}

// Empty lists of rows, one for each table.
void start_afresh(std::vector<Buffer<RowId>>& lists, const Component& component) {
    lists.resize(component.tables.size());
    for (Buffer<RowId>& rows : lists) rows.clear();
}

// Whether nothing follows from a rule as its tables are read: one that it needs is empty. It is not
// planned then: the plan would be for sizes that tables do not keep.
bool is_idle(const Rule& rule, Reads reads) {
    if (reads == Reads::kOld) return rule.was_empty();
    return std::ranges::any_of(rule.body, [](const Literal& literal) {
        return !literal.is_negated && literal.relation->size() == 0;
    });
}

}  // namespace

// Counts derivations of a table that is not recursive.
class Maintenance::Counter : public Sink {
public:
    Counter(Relation& head, int step) : head_(head), step_(step) {}

    void take(const Derived& rows) override {
        for (std::uint32_t n = 0; n < rows.count; ++n) {
            if (n + kAhead < rows.count) head_.prefetch(rows.hashes[n + kAhead]);
            head_.count(rows.row(n), rows.hashes[n], step_);
        }
    }

private:
    Relation& head_;
    int step_;
};

// Adds rows to a table of a recursive component, and remembers those that were not there.
class Maintenance::Inserter : public Sink {
public:
    Inserter(Relation& head, Buffer<RowId>& fresh) : head_(head), fresh_(fresh) {}

    void take(const Derived& rows) override {
        head_.show_many(rows.cells, rows.hashes, rows.heights, rows.count, fresh_);
    }

private:
    Relation& head_;
    Buffer<RowId>& fresh_;
};

// Takes rows that may have lost their support: those that are there and above `height`.
class Maintenance::Suspects : public Sink {
public:
    Suspects(Relation& head, std::size_t table, std::size_t tables, std::int64_t height,
             std::vector<std::vector<Buffer<RowId>>>& suspects)
        : head_(head), table_(table), tables_(tables), height_(height), suspects_(suspects) {}

    void take(const Derived& rows) override {
        for (std::uint32_t n = 0; n < rows.count; ++n) {
            const RowId row = head_.find(rows.row(n), rows.hashes[n]);
            if (row == kNoRow || !head_.is_in(row, State::kNew) || head_.is_suspect(row)) continue;
            const std::uint32_t height = head_.support(row);
            if (static_cast<std::int64_t>(height) <= height_) continue;
            while (suspects_.size() <= height) suspects_.emplace_back(tables_);
            suspects_[height].resize(tables_);
            suspects_[height][table_].push_back(row);
            head_.mark_suspect(row, true);
        }
    }

private:
    Relation& head_;
    std::size_t table_;
    std::size_t tables_;
    std::int64_t height_;
    std::vector<std::vector<Buffer<RowId>>>& suspects_;
};

// Notes for which of the given rows an instance was found, and from how low rows.
class Maintenance::Checker : public Sink {
public:
    Checker(Buffer<std::uint8_t>& found, Buffer<std::uint32_t>& heights)
        : found_(found), heights_(heights) {}

    void take(const Derived& rows) override {
        for (std::uint32_t n = 0; n < rows.count; ++n) {
            const std::uint32_t origin = rows.origins[n];
            if (found_[origin] != 0) continue;
            found_[origin] = 1;
            heights_[origin] = rows.heights[n];
        }
    }

private:
    Buffer<std::uint8_t>& found_;
    Buffer<std::uint32_t>& heights_;
};

// Takes rows for another sink until the rule's table holds more rows than the rule may derive.
class Maintenance::Bounded : public Sink {
public:
    Bounded(Sink& sink, const Rule& rule, const Guard& guard)
        : sink_(sink), rule_(rule), guard_(guard), before_(rule.head->size()) {}

    void take(const Derived& rows) override {
        sink_.take(rows);
        if (rule_.head->size() > before_) check();
    }
    // Rows that the table has from other rules are not held against this one.
    void check() const {
        if (rule_.head->size() <= guard_.max_rows()) return;
        if (rule_.may_derive(guard_.max_rows() + 1)) guard_.refuse_rows(rule_.head->size());
    }

private:
    Sink& sink_;
    const Rule& rule_;
    const Guard& guard_;
    std::size_t before_;  // a run that takes rows away may start above the limit
};

// --- plans

// Raises: InvalidPlan: it gives rows of another width than the rule's table, or takes other values.
void Maintenance::require_fits(const Rule& rule, const Plan& plan, PlanKind kind) {
    const std::size_t width = kind == PlanKind::kEdges ? 2 : rule.head->width();
    const bool is_check = kind == PlanKind::kCheck;
    if (plan.given.size() == (is_check ? width : 0) && (is_check || plan.head.size() == width)) {
        return;
    }
    throw InvalidPlan("a plan of rule " + std::to_string(rule.id) + " is not for " +
                      std::to_string(width) + " columns");
}

// Ordering: the new plan is made before the old one goes, so that indexes that both use stay.
const Plan& Maintenance::current(Rule& rule, Rule::Planned& planned, PlanKind kind,
                                 std::uint32_t literal) {
    if (planned.plan == nullptr || planned.version != rule.version) {
        std::unique_ptr<Plan> made = planner_.plan(rule.id, kind, literal);
        require_fits(rule, *made, kind);
        planned.plan = std::move(made);
        rule.multiplies = std::ranges::any_of(planned.plan->steps, [](const Step& step) {
            return step.kind == StepKind::kCall || step.kind == StepKind::kChoose;
        });
        planned.version = rule.version;
    }
    return *planned.plan;
}

const Plan& Maintenance::whole(Rule& rule) {
    return current(rule, rule.whole, PlanKind::kWhole, 0);
}

const Plan& Maintenance::variant(Rule& rule, std::uint32_t literal) {
    return current(rule, rule.variants[literal], PlanKind::kVariant, literal);
}

const Plan& Maintenance::check_plan(Rule& rule) {
    return current(rule, rule.check, PlanKind::kCheck, 0);
}

void Maintenance::run(Rule& rule, const Plan& plan, Sink& sink, Run run) {
    Guard guard(limits_, watch_, rule.id);
    // All that a rule derived before goes in one run, and it came in many: a rule that was stopped
    // could not be taken out otherwise.
    // And who told a rule's rows is not told that there are too many.
    const bool is_taken_out = run.reads == Reads::kOld && run.changes.empty();
    if (is_taken_out || !rule.is_limited) guard.lift_limits();
    Bounded bounded(sink, rule, guard);
    run.plan = &plan;
    run.sink = &bounded;
    run.guard = &guard;
    run.failures = rule.failures;
    executor_.run(run);
    bounded.check();
}

Run Maintenance::within(const Component& component) const {
    Run run;
    run.component = component.tables.data();
    run.component_size = component.tables.size();
    return run;
}

void Maintenance::refresh(Component& component, const Work& work) {
    if (!work.is_rebuilt) {
        component.is_recursive ? refresh_recursive(component, work) : refresh_counted(work);
        return;
    }
    empty(component);
    Work all;
    all.added = component.rules;
    component.is_recursive ? refresh_recursive(component, all) : refresh_counted(all);
}

void Maintenance::empty(Component& component) {
    for (Relation* table : component.tables) {
        for (RowId row = 0; row < table->end(); ++row) {
            watch_.spend(1);
            if (!table->is_in(row, State::kNew)) continue;
            table->set_support(row, 0);
            table->hide(row);
        }
    }
}

// --- tables that are not recursive: derivations are counted

void Maintenance::refresh_counted(const Work& work) {
    for (Rule* rule : work.removed) count_whole(*rule, Reads::kOld, -1);
    for (Rule* rule : work.touched) {
        if (rule->follower != nullptr) {
            Guard guard(limits_, watch_, rule->id);
            rule->follower->refresh(guard);
            continue;
        }
        if (rule->is_redone()) count_whole(*rule, Reads::kOld, -1);
        if (rule->is_redone() || rule->was_empty()) {
            count_whole(*rule, Reads::kNew, 1);
            continue;
        }
        // Ordering: from the first literal to the last, so that after each the counts are those of
        // the new state up to it and the old one behind, and never negative.
        for (std::uint32_t literal = 0; literal < rule->body.size(); ++literal) {
            count_changes(*rule, literal);
        }
    }
    for (Rule* rule : work.added) count_whole(*rule, Reads::kNew, 1);
}

void Maintenance::count_whole(Rule& rule, Reads reads, int step) {
    if (rule.follower != nullptr) {
        Guard guard(limits_, watch_, rule.id);
        rule.follower->count_all(reads == Reads::kOld ? State::kOld : State::kNew, step, guard);
        return;
    }
    if (is_idle(rule, reads)) return;
    Counter counter(*rule.head, step);
    Run how;
    how.reads = reads;
    run(rule, whole(rule), counter, how);
}

void Maintenance::count_changes(Rule& rule, std::uint32_t literal) {
    Relation* const table = rule.body[literal].relation;
    const bool is_negated = rule.body[literal].is_negated;
    if (!table->is_dirty()) return;
    for (const State state : {State::kOld, State::kNew}) {
        collect(*table, state, changes_);
        if (changes_.empty()) continue;
        const int step = (state == State::kNew) == is_negated ? -1 : 1;
        Counter counter(*rule.head, step);
        Run how;
        how.changes = {changes_.data(), changes_.size()};
        run(rule, variant(rule, literal), counter, how);
    }
}

// --- recursive components: heights
//
// Invariant: each row follows by a rule instance without rows of the component (height 0), or by
// one whose rows of the component are all lower. Heights need not be minimal.

void Maintenance::refresh_recursive(Component& component, const Work& work) {
    start_suspects(component);
    try {
        for (Rule* rule : work.removed) suspect_whole(component, *rule);
        collect_suspects(component, work.touched);
        if (!withdraw_suspects(component)) {
            forget_suspects(component);
            derive_anew(component);
            return;
        }
    } catch (...) {
        // Rows that the step has not changed yet are not taken back: they would keep the mark.
        forget_suspects(component);
        throw;
    }
    start_afresh(fresh_, component);
    const bool is_empty =
        std::ranges::all_of(component.tables, [](const Relation* t) { return t->size() == 0; });
    bring_back(component);
    is_empty ? insert_anew(component, work.touched, work.added)
             : insert(component, work.touched, work.added);
}

// Derives what follows from changes below, from new rules and from the rows in fresh_.
void Maintenance::insert(Component& component, std::span<Rule* const> touched,
                         std::span<Rule* const> added) {
    insert_from_below(component, touched);
    for (Rule* rule : added) insert_whole(component, *rule);
    insert_rounds(component);
}

void Maintenance::suspect_whole(Component& component, Rule& rule) {
    if (is_idle(rule, Reads::kOld)) return;
    Suspects suspects(*rule.head, component.place_of(rule.head), component.tables.size(), -1,
                      suspects_);
    Run how = within(component);
    how.reads = Reads::kOld;
    run(rule, whole(rule), suspects, how);
}

void Maintenance::start_suspects(const Component& component) {
    suspects_.clear();
    level_.clear();
    start_afresh(lost_, component);
}

void Maintenance::forget_suspects(Component& component, const std::vector<Buffer<RowId>>& level) {
    for (std::size_t place = 0; place < level.size(); ++place) {
        for (const RowId row : level[place]) component.tables[place]->mark_suspect(row, false);
    }
}

// Finds the rows with an instance that uses what is gone below the component.
void Maintenance::collect_suspects(Component& component, std::span<Rule* const> rules) {
    for (Rule* rule : rules) {
        if (rule->is_redone()) {
            suspect_whole(component, *rule);
            continue;
        }
        if (rule->was_empty()) continue;
        for (std::uint32_t literal = 0; literal < rule->body.size(); ++literal) {
            Relation* const table = rule->body[literal].relation;
            const bool is_negated = rule->body[literal].is_negated;
            if (!table->is_dirty() || component.has(table)) continue;
            collect(*table, is_negated ? State::kNew : State::kOld, changes_);
            if (changes_.empty()) continue;
            Suspects suspects(*rule->head, component.place_of(rule->head),
                              component.tables.size(), -1, suspects_);
            Run how = within(component);
            how.reads = Reads::kOld;
            how.changes = {changes_.data(), changes_.size()};
            run(*rule, variant(*rule, literal), suspects, how);
        }
    }
}

// Withdraws, from the lowest up, what has no instance of lower rows left. Gives up, and tells so,
// when so much goes that deriving the component from nothing costs less.
bool Maintenance::withdraw_suspects(Component& component) {
    std::size_t rows = 0;
    for (const Relation* table : component.tables) rows += table->old_size();
    const std::size_t most = std::max<std::size_t>(kFewRows, rows * kMostPercent / 100);
    for (std::uint32_t height = 0; height < suspects_.size(); ++height) {
        withdraw_level(component, height);
        std::size_t lost = 0;
        for (const Buffer<RowId>& table : lost_) lost += table.size();
        if (lost > most) return false;
    }
    return true;
}

void Maintenance::forget_suspects(Component& component) {
    forget_suspects(component, level_);
    for (const auto& level : suspects_) forget_suspects(component, level);
}

void Maintenance::derive_anew(Component& component) {
    empty(component);
    start_afresh(fresh_, component);
    insert_anew(component, {}, component.rules);
}

void Maintenance::withdraw_level(Component& component, std::uint32_t height) {
    level_ = std::move(suspects_[height]);
    level_.resize(component.tables.size());
    for (std::size_t place = 0; place < level_.size(); ++place) {
        Relation& table = *component.tables[place];
        check(component, table, {level_[place].data(), level_[place].size()}, height);
        std::size_t gone = 0;
        for (std::size_t n = 0; n < level_[place].size(); ++n) {
            table.mark_suspect(level_[place][n], false);
            if (found_[n] == 0) level_[place][gone++] = level_[place][n];
        }
        level_[place].truncate(gone);
    }
    // Ordering: all of a height are judged before any of them goes; they do not support each other.
    for (std::size_t place = 0; place < level_.size(); ++place) {
        Relation& table = *component.tables[place];
        for (const RowId row : level_[place]) table.hide(row);
        lost_[place].append(level_[place].data(), level_[place].size());
    }
    for (Rule* rule : component.rules) {
        for (std::uint32_t literal = 0; literal < rule->body.size(); ++literal) {
            const Relation* table = rule->body[literal].relation;
            if (!component.has(table)) continue;
            const Buffer<RowId>& gone = level_[component.place_of(table)];
            if (gone.empty()) continue;
            Suspects suspects(*rule->head, component.place_of(rule->head),
                              component.tables.size(), height, suspects_);
            Run how = within(component);
            how.reads = Reads::kOld;
            how.changes = {gone.data(), gone.size()};
            run(*rule, variant(*rule, literal), suspects, how);
        }
    }
}

// Finds for which rows there is an instance of rows below `bound`; leaves the answer in found_ and
// heights_.
void Maintenance::check(Component& component, Relation& table, std::span<const RowId> rows,
                        std::uint32_t bound) {
    found_.clear();
    found_.resize(rows.size(), 0);
    heights_.clear();
    heights_.resize(rows.size(), 0);
    if (rows.empty()) return;
    given_.clear();
    given_.reserve_more(rows.size() * table.width());
    for (const RowId row : rows) given_.append(table.row(row), table.width());
    bounds_.clear();
    if (bound != kNoBound) bounds_.resize(rows.size(), bound);
    for (Rule* rule : component.rules) {
        if (rule->head != &table) continue;
        Checker checker(found_, heights_);
        Run how = within(component);
        how.reads = Reads::kNew;
        how.given = {given_.data(), given_.size()};
        how.bindings = static_cast<std::uint32_t>(rows.size());
        how.bounds = {bounds_.data(), bounds_.size()};
        how.is_found = found_.data();
        run(*rule, check_plan(*rule), checker, how);
    }
}

// Shows again what was withdrawn and yet follows from what is left.
void Maintenance::bring_back(Component& component) {
    for (std::size_t place = 0; place < component.tables.size(); ++place) {
        Relation& table = *component.tables[place];
        check(component, table, {lost_[place].data(), lost_[place].size()}, kNoBound);
        for (std::size_t n = 0; n < lost_[place].size(); ++n) {
            if (found_[n] == 0) continue;
            table.show(lost_[place][n], heights_[n]);
            fresh_[place].push_back(lost_[place][n]);
        }
    }
}

void Maintenance::insert_from_below(Component& component, std::span<Rule* const> rules) {
    for (Rule* rule : rules) {
        if (rule->is_redone() || rule->was_empty()) {
            insert_whole(component, *rule);
            continue;
        }
        for (std::uint32_t literal = 0; literal < rule->body.size(); ++literal) {
            Relation* const table = rule->body[literal].relation;
            const bool is_negated = rule->body[literal].is_negated;
            if (!table->is_dirty() || component.has(table)) continue;
            collect(*table, is_negated ? State::kOld : State::kNew, changes_);
            if (!changes_.empty()) insert_variant(component, *rule, literal, changes_, fresh_);
        }
    }
}

void Maintenance::insert_whole(Component& component, Rule& rule) {
    if (is_idle(rule, Reads::kNew)) return;
    Inserter inserter(*rule.head, fresh_[component.place_of(rule.head)]);
    Run how = within(component);
    how.reads = Reads::kNew;
    run(rule, whole(rule), inserter, how);
}

void Maintenance::insert_variant(Component& component, Rule& rule, std::uint32_t literal,
                                 const Buffer<RowId>& changes,
                                 std::vector<Buffer<RowId>>& fresh) {
    Inserter inserter(*rule.head, fresh[component.place_of(rule.head)]);
    Run how = within(component);
    how.reads = Reads::kNew;
    how.changes = {changes.data(), changes.size()};
    run(rule, variant(rule, literal), inserter, how);
}

// Goes on from fresh rows until there are none.
void Maintenance::insert_rounds(Component& component) {
    const auto is_done = [&] {
        return std::ranges::all_of(fresh_, [](const auto& rows) { return rows.empty(); });
    };
    while (!is_done()) {
        std::vector<Buffer<RowId>> next(component.tables.size());
        for (Rule* rule : component.rules) {
            for (std::uint32_t literal = 0; literal < rule->body.size(); ++literal) {
                const Relation* table = rule->body[literal].relation;
                if (!component.has(table)) continue;
                const Buffer<RowId>& changes = fresh_[component.place_of(table)];
                if (!changes.empty()) insert_variant(component, *rule, literal, changes, next);
            }
        }
        fresh_ = std::move(next);
    }
}

}  // namespace congress
