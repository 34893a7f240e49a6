// Maintenance of components that are closures: from nothing they are found breadth first.
#include <utility>

#include "closure.h"
#include "maintenance.h"

namespace congress {

namespace {

constexpr std::size_t kFewEdges = 1000;    // so few are always worth to be looked at
constexpr std::size_t kEdgesForARow = 8;   // that a row to begin with is worth

struct Parts {
    std::vector<Rule*> from_below;
    std::vector<Rule*> recursive;
};

bool reads(const Rule& rule, const Relation& table) {
    const auto is_it = [&](const Literal& literal) { return literal.relation == &table; };
    return std::ranges::any_of(rule.body, is_it) || std::ranges::count(rule.asks, &table) != 0;
}

Parts part(std::span<Rule* const> rules, const Relation& table) {
    Parts parts;
    for (Rule* rule : rules) {
        (reads(*rule, table) ? parts.recursive : parts.from_below).push_back(rule);
    }
    return parts;
}

// The rules that a shape names.
std::vector<Rule*> rules_of(const Component& component, const std::vector<RuleId>& ids) {
    std::vector<Rule*> rules;
    for (Rule* rule : component.rules) {
        if (std::ranges::count(ids, rule->id) != 0) rules.push_back(rule);
    }
    return rules;
}

// Whether a table has so many rows that all edges may be looked at: a change of a few rows is not to
// cost what a large table holds.
bool is_worth_a_search(const Relation& table, std::span<Rule* const> steps) {
    std::size_t edges = 0;
    for (const Rule* step : steps) {
        for (const Literal& literal : step->body) {
            if (!literal.is_negated && literal.relation != &table) edges += literal.relation->size();
        }
    }
    return edges <= kFewEdges || edges / kEdgesForARow <= table.size();
}

}  // namespace

std::optional<ClosureShape> Maintenance::find_closure(const Component& component) {
    std::vector<RuleId> rules;
    for (const Rule* rule : component.rules) rules.push_back(rule->id);
    std::optional<ClosureShape> shape = planner_.closure(rules);
    if (shape.has_value()) require_fits(component, *shape);
    return shape;
}

// Raises: InvalidPlan: a rule is not the component's, or a column not the table's.
void Maintenance::require_fits(const Component& component, const ClosureShape& shape) {
    const std::uint32_t width = component.tables.front()->width();
    const bool fits = shape.column < width && (shape.mirrors.empty() || width == 2) &&
                      !shape.steps.empty() &&
                      rules_of(component, shape.steps).size() == shape.steps.size() &&
                      rules_of(component, shape.mirrors).size() == shape.mirrors.size();
    if (!fits) throw InvalidPlan("what is told of a closure is not for its table and rules");
}

// As `insert`, for a component without rows but those that were brought back. The rules that begin it
// are carried out first: only when they gave rows does somebody look whether it is a closure.
void Maintenance::insert_anew(Component& component, std::span<Rule* const> touched,
                              std::span<Rule* const> added) {
    if (component.tables.size() != 1) {
        insert(component, touched, added);
        return;
    }
    const Relation& table = *component.tables.front();
    const Parts old_rules = part(touched, table);
    const Parts new_rules = part(added, table);
    insert_from_below(component, old_rules.from_below);
    for (Rule* rule : new_rules.from_below) insert_whole(component, *rule);
    if (table.size() == 0) return;  // the others need a row to go on from
    const std::optional<ClosureShape> shape = find_closure(component);
    if (shape.has_value() && is_worth_a_search(table, rules_of(component, shape->steps))) {
        search(component, *shape);
    } else {
        insert(component, old_rules.recursive, new_rules.recursive);
    }
}

// Ordering: the mirrors first, so that what they give is gone on from, and is an edge.
void Maintenance::search(Component& component, const ClosureShape& shape) {
    for (Rule* mirror : rules_of(component, shape.mirrors)) insert_whole(component, *mirror);
    Relation& table = *component.tables.front();
    Closure closure(table, shape.column);
    const std::vector<Rule*> steps = rules_of(component, shape.steps);
    for (Rule* step : steps) add_edges(component, *step, shape.column, closure.edges());
    Guard guard(limits_, watch_, steps.front()->id);
    closure.begin(guard);
    while (closure.grow(guard)) {
        if (table.size() <= guard.max_rows()) continue;
        for (const Rule* step : steps) {
            if (!step->may_derive(guard.max_rows() + 1)) continue;
            Guard(limits_, watch_, step->id).refuse_rows(table.size());
        }
    }
    closure.finish(guard);
}

void Maintenance::add_edges(const Component& component, Rule& rule, std::uint32_t column,
                            Sink& edges) {
    const std::unique_ptr<Plan> plan = planner_.plan(rule.id, PlanKind::kEdges, column);
    require_fits(rule, *plan, PlanKind::kEdges);
    Run how = within(component);
    how.reads = Reads::kNew;
    run(rule, *plan, edges, how);
}

}  // namespace congress
