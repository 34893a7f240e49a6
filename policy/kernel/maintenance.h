// Brings the tables of one component up to date with what changed below it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "executor.h"
#include "guard.h"
#include "program.h"
#include "relation.h"

namespace congress {

class Closure;

// Runs within a step: reads the net changes of the tables below, makes those of the component's own.
// An exception leaves the step half done; the caller takes it back.
class Maintenance {
public:
    Maintenance(Executor& executor, Planner& planner, const Limits& limits, Watch& watch)
        : executor_(executor), planner_(planner), limits_(limits), watch_(watch) {}

    // Raises: LimitExceeded, Stopped, std::bad_alloc, what a builtin or the planner raises.
    void refresh(Component& component, const Work& work);

private:
    class Bounded;
    class Counter;
    class Inserter;
    class Suspects;
    class Checker;

    void empty(Component& component);

    void refresh_counted(const Work& work);
    void count_whole(Rule& rule, Reads reads, int step);
    void count_changes(Rule& rule, std::uint32_t literal);

    void refresh_recursive(Component& component, const Work& work);
    void suspect_whole(Component& component, Rule& rule);
    void start_suspects(const Component& component);
    void forget_suspects(Component& component, const std::vector<Buffer<RowId>>& level);
    void collect_suspects(Component& component, std::span<Rule* const> rules);
    bool withdraw_suspects(Component& component);
    void forget_suspects(Component& component);
    void derive_anew(Component& component);
    void insert(Component& component, std::span<Rule* const> touched,
                std::span<Rule* const> added);
    void insert_anew(Component& component, std::span<Rule* const> touched,
                     std::span<Rule* const> added);
    std::optional<ClosureShape> find_closure(const Component& component);
    static void require_fits(const Component& component, const ClosureShape& shape);
    bool search(Component& component, const ClosureShape& shape);
    void follow(Component& component, const ClosureShape& shape, Closure& closure);
    const Rule& add_edges(const Component& component, const ClosureShape& shape, Closure& closure);
    void withdraw_level(Component& component, std::uint32_t height);
    void check(Component& component, Relation& table, std::span<const RowId> rows,
               std::uint32_t bound);
    void bring_back(Component& component);
    void insert_from_below(Component& component, std::span<Rule* const> rules);
    void insert_whole(Component& component, Rule& rule);
    void insert_variant(Component& component, Rule& rule, std::uint32_t literal,
                        const Buffer<RowId>& changes, std::vector<Buffer<RowId>>& fresh);
    void insert_rounds(Component& component);

    static void require_fits(const Rule& rule, const Plan& plan, PlanKind kind);
    void run(Rule& rule, const Plan& plan, Sink& sink, Run run);
    Run within(const Component& component) const;
    const Plan& current(Rule& rule, Rule::Planned& planned, PlanKind kind, std::uint32_t literal);
    const Plan& whole(Rule& rule);
    const Plan& variant(Rule& rule, std::uint32_t literal);
    const Plan& check_plan(Rule& rule);

    Executor& executor_;
    Planner& planner_;
    const Limits& limits_;
    Watch& watch_;

    Buffer<RowId> changes_;
    std::vector<Buffer<RowId>> fresh_;     // by table of the component: rows to go on from
    std::vector<Buffer<RowId>> lost_;      // by table: rows without support
    std::vector<std::vector<Buffer<RowId>>> suspects_;  // by height, by table
    std::vector<Buffer<RowId>> level_;     // those of the height that is being judged
    Buffer<Id> given_;
    Buffer<std::uint32_t> bounds_;
    Buffer<std::uint8_t> found_;           // by row that was checked
    Buffer<std::uint32_t> heights_;        // … from how low rows it follows, plus one
};

}  // namespace congress
