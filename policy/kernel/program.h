// Rules and components as the kernel holds them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "builtin.h"
#include "errors.h"
#include "follower.h"
#include "plan.h"
#include "readers.h"
#include "relation.h"

namespace congress {

struct Component;

struct Literal {
    Relation* relation;
    bool is_negated;
    Constants constants;
};

enum class PlanKind : std::uint8_t {
    kWhole,    // from nothing: all rows that the rule derives
    kVariant,  // from the changes of one literal's table
    kCheck,    // given the head's cells: whether, and from rows how low, it follows
    kEdges,    // of a step of a closure: the cells that the moving column goes from and to
};

// How a component of one table follows from rows that come from below: the cells of all columns but
// one stay, and that one moves along edges. What is not named reads only tables below.
struct ClosureShape {
    std::uint32_t column;         // that moves
    std::vector<RuleId> steps;    // each gives edges
    std::vector<RuleId> mirrors;  // rows with their two columns swapped
};

// Makes plans when they are first needed.
class Planner {
public:
    virtual ~Planner() = default;
    // `literal`: of kVariant; of kEdges the column that moves.
    virtual std::unique_ptr<Plan> plan(RuleId rule, PlanKind kind, std::uint32_t literal) = 0;
    // Tells whether the table that some rules derive is a closure; they are all of a component.
    virtual std::optional<ClosureShape> closure(const std::vector<RuleId>& rules) = 0;
};

struct Rule {
    RuleId id;
    Relation* head;
    std::vector<Literal> body;  // its literals on tables, in the order in which variants read them
    std::vector<Relation*> asks;  // tables of its ask steps: after their changes it is done anew
    Component* component;
    FailureLog* failures;
    bool is_limited = true;       // false: its rows were told, and are never too many
    bool multiplies = false;      // it has steps that give several solutions without reading a table
    std::unique_ptr<Follower> follower;  // over the tables of `body`; such a rule has no plans
    // Plans, each with the version of the rule's planning that it was made for.
    struct Planned {
        std::unique_ptr<Plan> plan;
        std::uint32_t version = 0;
    };
    Planned whole;
    Planned check;
    std::vector<Planned> variants;  // by literal
    std::uint32_t version = 0;      // grows when plans are to be made anew
    bool is_touched = false;  // it is on its component's list for the present step
    bool is_added = false;    // … on the list of those that are new
    bool is_removed = false;  // it is gone when the transaction is committed

    bool is_redone() const {
        return std::any_of(asks.begin(), asks.end(), [](const Relation* table) {
            return table->is_dirty() && table->has_net_change();
        });
    }
    // Whether it could derive so many rows at all: its table may have them from other rules.
    bool may_derive(std::uint64_t rows) const {
        if (!is_limited) return false;
        if (multiplies) return true;
        double most = 1.0;
        for (const Literal& literal : body) {
            if (!literal.is_negated) most *= static_cast<double>(literal.relation->size());
        }
        return most >= static_cast<double>(rows);
    }
    // What the rule derived before the step is nothing: a table that it needs was empty.
    bool was_empty() const {
        for (const Literal& literal : body) {
            if (!literal.is_negated && literal.relation->old_size() == 0) return true;
        }
        return false;
    }
};

// What is to be done in one component; all rules are its own. `added` ones are in it, `removed` ones
// are not any more; `touched` ones, in neither list, read a table with net changes.
struct Work {
    std::vector<Rule*> touched;
    std::vector<Rule*> added;
    std::vector<Rule*> removed;
    bool is_rebuilt = false;  // forget all rows and derive them anew; the lists do not matter then
};

// Derived tables that depend on each other, or a single one, with the rules that define them.
struct Component {
    std::uint64_t order = 0;  // all that it reads has a lower one
    bool is_recursive = false;
    bool is_queued = false;   // there is something in `work`
    bool is_left = false;     // its tables are in other components now
    Work work;
    std::vector<Relation*> tables;
    std::vector<Rule*> rules;

    bool has(const Relation* table) const { return place_of(table) != tables.size(); }
    std::size_t place_of(const Relation* table) const {
        return static_cast<std::size_t>(std::find(tables.begin(), tables.end(), table) -
                                        tables.begin());
    }
};

}  // namespace congress
