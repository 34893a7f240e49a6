// What happens to a random program in one step.
#include <algorithm>

#include "random_program.h"

namespace congress::tests {

namespace {

std::vector<Row> some_rows(const Rows& rows, Random& random, unsigned percent) {
    std::vector<Row> some;
    for (const Row& row : rows) {
        if (happens(random, percent)) some.push_back(row);
    }
    return some;
}

void change_rows(Random& random, RandomProgram& program, Engine& engine) {
    auto table = program.bases.begin();
    std::advance(table, below(random, program.bases.size()));
    const auto& [name, width] = *table;
    Rows& rows = program.tables[name];
    std::vector<Row> removed = some_rows(rows, random, 15);
    if (happens(random, 30)) removed.push_back(random_row(random, width));
    std::vector<Row> added;
    for (unsigned n = below(random, 5); n != 0; --n) added.push_back(random_row(random, width));
    if (happens(random, 10)) {
        rows = Rows(added.begin(), added.end());
        engine.replace(name, added);
        return;
    }
    for (const Row& row : removed) rows.erase(row);
    rows.insert(added.begin(), added.end());
    engine.change(name, added, removed);
}

RuleId add_rule(Random& random, RandomProgram& program, Engine& engine) {
    const std::size_t place = below(random, program.components.size());
    const bool is_recursive =
        program.components[place].stratum.is_recursive && happens(random, 50);
    const RuleText rule = random_rule(random, program, place, is_recursive);
    const RuleId added = engine.add_rule(rule);
    program.rules[added] = rule;
    return added;
}

void remove_rule(Random& random, RandomProgram& program, Engine& engine) {
    if (program.rules.empty()) return;
    auto rule = program.rules.begin();
    std::advance(rule, below(random, program.rules.size()));
    engine.kernel.remove_rule(rule->first);
    program.rules.erase(rule);
}

void add_fold(Random& random, RandomProgram& program, Engine& engine) {
    add_fold(random, below(random, program.components.size()), program, engine);
}

void remove_fold(Random& random, RandomProgram& program, Engine& engine) {
    if (program.folds.empty()) return;
    auto fold = program.folds.begin();
    std::advance(fold, below(random, program.folds.size()));
    engine.kernel.remove_rule(fold->first);
    program.folds.erase(fold);
}

bool is_in(const std::string& table, const Stratum& stratum) {
    return std::ranges::find(stratum.tables, table) != stratum.tables.end();
}

bool has_rule_within(const RandomProgram& program, const Stratum& stratum) {
    const auto is_own = [&](const AtomText& atom) { return is_in(atom.table, stratum); };
    return std::ranges::any_of(program.rules, [&](const auto& rule) {
        return is_own(rule.second.head) && std::ranges::any_of(rule.second.body, is_own);
    });
}

// Such a component stays as it is: aggregates look down only.
bool has_fold(const RandomProgram& program, const Stratum& stratum) {
    return std::ranges::any_of(program.folds, [&](const auto& fold) {
        return is_in(fold.second.head, stratum);
    });
}

void rebuild(RandomComponent& component, Engine& engine) {
    component.id = engine.add_component(component.stratum.tables, component.stratum.is_recursive,
                                        component.order);
    engine.kernel.rebuild(component.id);
}

// A component becomes recursive, or not any more.
void change_kind(Random& random, RandomProgram& program, Engine& engine) {
    RandomComponent& component = program.components[below(random, program.components.size())];
    Stratum& stratum = component.stratum;
    if (stratum.is_recursive && has_rule_within(program, stratum)) return;
    if (stratum.tables.size() > 1 || has_fold(program, stratum)) return;
    stratum.is_recursive = !stratum.is_recursive;
    rebuild(component, engine);
}

// Two components, of which nothing lies between, become one.
void merge(Random& random, RandomProgram& program, Engine& engine) {
    if (program.components.size() < 2) return;
    const std::size_t place = below(random, program.components.size() - 1);
    RandomComponent& lower = program.components[place];
    RandomComponent& upper = program.components[place + 1];
    if (has_fold(program, lower.stratum) || has_fold(program, upper.stratum)) return;
    for (const auto& [id, rule] : program.rules) {  // negation looks down only
        if (!is_in(rule.head.table, upper.stratum)) continue;
        for (const AtomText& atom : rule.body) {
            if (atom.is_negated && is_in(atom.table, lower.stratum)) return;
        }
    }
    auto& tables = upper.stratum.tables;
    tables.insert(tables.begin(), lower.stratum.tables.begin(), lower.stratum.tables.end());
    upper.stratum.is_recursive = true;
    rebuild(upper, engine);
    program.components.erase(program.components.begin() + static_cast<std::ptrdiff_t>(place));
}

// A component of which the tables do not depend on each other falls apart.
void split(Random& random, RandomProgram& program, Engine& engine) {
    const std::size_t place = below(random, program.components.size());
    RandomComponent whole = program.components[place];
    if (whole.stratum.tables.size() < 2 || has_rule_within(program, whole.stratum)) return;
    program.components.erase(program.components.begin() + static_cast<std::ptrdiff_t>(place));
    std::uint64_t order = whole.order;
    for (const std::string& table : whole.stratum.tables) {
        RandomComponent part{0, order, {{table}, happens(random, 50)}};
        rebuild(part, engine);
        program.components.insert(
            program.components.begin() + static_cast<std::ptrdiff_t>(place), part);
    }
}

}  // namespace

void change_at_random(Random& random, RandomProgram& program, Engine& engine) {
    const unsigned tables = below(random, 4);
    // Ordering: components first; what is asked of one that is left is void.
    if (happens(random, 4)) {
        change_kind(random, program, engine);
    } else if (happens(random, 4)) {
        merge(random, program, engine);
    } else if (happens(random, 10)) {
        split(random, program, engine);
    }
    for (unsigned n = 0; n < tables; ++n) change_rows(random, program, engine);
    if (happens(random, 10)) remove_fold(random, program, engine);
    if (happens(random, 10)) add_fold(random, program, engine);
    if (happens(random, 10)) remove_rule(random, program, engine);
    if (happens(random, 12)) add_rule(random, program, engine);
    if (happens(random, 5)) {  // in one step
        const RuleId passing = add_rule(random, program, engine);
        engine.kernel.remove_rule(passing);
        program.rules.erase(passing);
    }
    if (happens(random, 4)) {
        engine.kernel.rebuild(program.components[below(random, program.components.size())].id);
    }
    if (happens(random, 4) && !program.rules.empty()) {
        engine.kernel.replan(program.rules.begin()->first);
    }
}

}  // namespace congress::tests
