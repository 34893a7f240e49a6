// Random rules over random tables, which grow, shrink and change their kind.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine.h"
#include "harness.h"
#include "reference.h"

namespace congress::tests {

struct RandomComponent {
    ComponentId id = 0;
    std::uint64_t order = 0;
    Stratum stratum;
};

// A program as the kernel is told it, and what its base tables hold.
struct RandomProgram {
    std::map<std::string, std::uint32_t> bases;   // widths by name
    std::map<std::string, std::uint32_t> derived;
    std::vector<RandomComponent> components;      // from the lowest up
    std::map<RuleId, RuleText> rules;
    std::map<RuleId, FoldText> folds;             // for tables that are not recursive
    Tables tables;                                // base and derived rows

    void derive();
};

// Fills an engine with tables, components and rules; the tables are empty.
RandomProgram make_program(Random& random, Engine& engine);
// A rule for a table of the component at this place; one that reads nothing of its own component
// unless `is_recursive`.
RuleText random_rule(Random& random, const RandomProgram& program, std::size_t place,
                     bool is_recursive);
Row random_row(Random& random, std::uint32_t width);
// Adds an aggregate for the component's table, if that may have one.
void add_fold(Random& random, std::size_t place, RandomProgram& program, Engine& engine);
// One step's changes, of rows, rules and components, told to the engine and noted in the program.
void change_at_random(Random& random, RandomProgram& program, Engine& engine);

// Checks contents, net changes, supports and heights of every table; `before` is what was there.
void require_agreement(RandomProgram& program, const Tables& before, Engine& engine);

}  // namespace congress::tests
