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
    const bool is_worth_it =
        shape.has_value() && is_worth_a_search(table, rules_of(component, shape->steps));
    if (!is_worth_it || !search(component, *shape)) {
        insert(component, old_rules.recursive, new_rules.recursive);
    }
}

// Tells whether all rows were found. When the steps together cross a limit there are those to begin
// with again: the rounds tell which rule does, whatever the order of the rules, or that none does.
// Ordering: the mirrors first, so that what they give is gone on from, and is an edge.
bool Maintenance::search(Component& component, const ClosureShape& shape) {
    for (Rule* mirror : rules_of(component, shape.mirrors)) insert_whole(component, *mirror);
    Closure closure(*component.tables.front(), shape.column);
    try {
        follow(component, shape, closure);
    } catch (const LimitExceeded&) {
        closure.take_back();
        return false;
    }
    return true;
}

void Maintenance::follow(Component& component, const ClosureShape& shape, Closure& closure) {
    const Relation& table = *component.tables.front();
    Guard guard(limits_, watch_, add_edges(component, shape, closure).id);
    closure.begin(guard);
    const std::vector<Rule*> steps = rules_of(component, shape.steps);
    const auto may_derive = [&](const Rule* step) { return step->may_derive(guard.max_rows() + 1); };
    while (closure.grow(guard)) {
        if (table.size() <= guard.max_rows()) continue;
        if (std::ranges::any_of(steps, may_derive)) guard.refuse_rows(table.size());
    }
    closure.finish(guard);
}

// Gives the step with most edges: the search is its work more than that of another.
const Rule& Maintenance::add_edges(const Component& component, const ClosureShape& shape,
                                   Closure& closure) {
    const Rule* busiest = nullptr;
    std::size_t most = 0;
    for (Rule* step : rules_of(component, shape.steps)) {
        const std::size_t before = closure.edges().edges();
        const std::unique_ptr<Plan> plan =
            planner_.plan(step->id, PlanKind::kEdges, shape.column);
        require_fits(*step, *plan, PlanKind::kEdges);
        Run how = within(component);
        how.reads = Reads::kNew;
        run(*step, *plan, closure.edges(), how);
        const std::size_t edges = closure.edges().edges() - before;
        if (busiest == nullptr || edges > most) busiest = step;
        most = std::max(most, edges);
    }
    return *busiest;
}

}  // namespace congress
