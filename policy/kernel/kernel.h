// All relations and rules of one engine, and the steps and transactions that change them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "crossings.h"
#include "executor.h"
#include "fold.h"
#include "guard.h"
#include "maintenance.h"
#include "program.h"
#include "relation.h"
#include "symbols.h"

namespace congress {

using RelationId = std::uint32_t;
using ComponentId = std::uint32_t;

// A literal on a table: whether it is negated, and which of its columns hold constants.
struct LiteralGiven {
    RelationId relation;
    bool is_negated = false;
    Constants constants;
};

// Not thread safe: its owner lets one thread at a time change it, and none read meanwhile.
//
// A transaction is a row of steps. A step is what `change`, `replace`, `add_rule`, `remove_rule` and
// `rebuild` ask for; `propagate` carries it out, and `end_step` makes it part of the transaction.
// After an exception the owner calls `rollback`.
// Promises: `rollback` and `commit` ask for no memory and cannot fail.
class Kernel {
public:
    using Mark = std::size_t;

    explicit Kernel(Planner& planner)
        : maintenance_(executor_, planner, limits_, watch_) {}
    ~Kernel();

    Symbols& symbols() { return symbols_; }
    const Symbols& symbols() const { return symbols_; }
    Executor& executor() { return executor_; }
    Limits& limits() { return limits_; }
    Watch& watch() { return watch_; }
    // Grows with each change of rows, also when one is taken back.
    std::uint64_t version() const { return version_; }
    // Raises: InvalidPlan: there is none with this number.
    Relation& relation(RelationId id) { return *table(id).relation; }
    bool is_derived(RelationId id) { return table(id).component != nullptr; }
    std::shared_ptr<Relation> share_relation(RelationId id) { return table(id).relation; }
    Rule& rule(RuleId id);
    Component& component(ComponentId id);

    // --- what there is; a rollback takes it back

    RelationId add_relation(std::uint32_t width, Support kind);
    // No rule reads or derives it any more.
    void drop_relation(RelationId id);
    // The tables leave the components that they were in; those are gone when they are empty. The
    // component is to be rebuilt when its tables had another kind of support.
    ComponentId add_component(const std::vector<RelationId>& tables, bool is_recursive,
                              std::uint64_t order);
    void set_order(ComponentId id, std::uint64_t order);

    // --- one step

    // Cells row after row; a row in both lists is present afterwards.
    void change(RelationId id, std::span<const Id> added, std::span<const Id> removed);
    // The rows that the relation holds from now on.
    void replace(RelationId id, std::span<const Id> rows);
    // The literals on tables, with whether each is negated, and the tables that ask steps read.
    RuleId add_rule(RelationId head, const std::vector<LiteralGiven>& body,
                    const std::vector<RelationId>& asks, FailureLog* failures);
    // An aggregate step: see Fold. Its rows are derivations of the head.
    RuleId add_fold(RelationId head, std::uint32_t groups, const std::vector<RelationId>& inputs,
                    std::vector<FoldPart> parts, FailureLog* failures);
    // An index by crossing time: see Crossings.
    RuleId add_crossings(RelationId head, RelationId texts, RelationId clock, Builtin& moment,
                         AgeCondition condition, FailureLog* failures);
    void remove_rule(RuleId id);
    void rebuild(ComponentId id);
    // Asks for the plans of a rule again when they are needed.
    void replan(RuleId id);
    // Gives the relations with net changes, what is read before what reads it.
    std::vector<RelationId> propagate();
    void end_step();

    // --- transactions

    Mark mark() {
        ++span_;
        return log_.size();
    }
    // How many rows a rollback to the mark, or a commit, goes through.
    std::size_t touched_rows(Mark mark) const;
    void rollback(Mark mark);
    // Takes what a rollback is to call; it must not fail.
    void note(std::function<void()> undo);
    // Another one after each mark, rollback and commit: what is noted in one span is taken back
    // together.
    std::uint64_t span() const { return span_; }
    // Cost: the rows touched; a few symbols that nobody refers to are forgotten on the way.
    void commit();

    std::size_t bytes() const;

private:
    struct Table {
        std::shared_ptr<Relation> relation;
        Component* component = nullptr;  // null: a base table
        std::vector<Rule*> rules;        // that derive it
        Readers readers;                 // once for each literal
        RelationId id = 0;
    };
    // Something that a rollback takes back: a step of a relation, or anything else.
    struct Entry {
        StepLog step;
        std::function<void()> undo;
    };

    Table& table(RelationId id);
    std::unique_ptr<Rule> make_rule(RuleId id, RelationId head,
                                    const std::vector<LiteralGiven>& body, FailureLog* failures);
    RuleId admit(std::unique_ptr<Rule> rule);
    void keep_followers();
    void note_followers(const Component& component, const Work& work);
    void leave(Component& component);
    void forget_empty_component(const Component* component);
    void enlist(Rule& rule);
    void delist(Rule& rule);
    void start_reading(Rule& rule);
    void stop_reading(Rule& rule);
    void show_rows(Relation& relation, std::span<const Id> rows);
    void enqueue(Component& component);
    void enqueue_readers(Relation& relation, const Component* own);
    void forget_work();

    Symbols symbols_;
    Limits limits_;
    Watch watch_;
    std::uint64_t version_ = 0;
    std::uint64_t span_ = 1;
    Executor executor_{symbols_};
    Maintenance maintenance_;
    Buffer<RowId> shown_;  // scratch of show_rows
    std::vector<Relation*> dirty_;
    std::vector<Follower*> dirty_followers_;
    std::vector<Follower*> kept_followers_;  // of the transaction's steps, once for each
    std::vector<std::unique_ptr<Table>> tables_;
    std::vector<std::unique_ptr<Rule>> rules_;
    std::vector<std::unique_ptr<Component>> components_;
    std::vector<Component*> queue_;  // a heap, the lowest order first
    std::vector<Entry> log_;
    std::vector<std::function<void()>> at_commit_;
};

}  // namespace congress
