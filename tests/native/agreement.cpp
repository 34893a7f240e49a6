// Compares an engine with the naive evaluator.
#include <algorithm>

#include "random_program.h"

namespace congress::tests {

namespace {

std::string told(const RandomProgram& program, const std::string& what) {
    std::string text = what + " in:";
    for (const auto& [id, rule] : program.rules) text += "\n  " + to_text(rule);
    for (const auto& [id, how] : program.folds) text += "\n  " + how.head + " folds " + how.input;
    return text;
}

void require_contents(const RandomProgram& program, const Tables& before, Engine& engine) {
    for (const auto& [name, rows] : program.tables) {
        require_equal(engine.rows(name), rows, told(program, name + " holds other rows"));
        Rows added;
        Rows removed;
        std::ranges::set_difference(rows, before.at(name), std::inserter(added, added.end()));
        std::ranges::set_difference(before.at(name), rows, std::inserter(removed, removed.end()));
        require_equal(engine.added(name), added, told(program, name + " tells other added rows"));
        require_equal(engine.removed(name), removed,
                      told(program, name + " tells other removed rows"));
        require(engine.relation(name).has_net_change() == !(added.empty() && removed.empty()),
                told(program, name + " is wrong about whether it changed"));
    }
}

// Each row's support is the number of its derivations.
void require_counts(const RandomProgram& program, const std::string& table, Engine& engine) {
    std::map<Row, std::uint32_t> counts;
    for (const auto& [id, rule] : program.rules) {
        if (rule.head.table != table) continue;
        each_instance(rule, program.tables,
                      [&](const Assignment& found) { ++counts[found.row(rule.head)]; });
    }
    for (const auto& [id, how] : program.folds) {
        if (how.head != table) continue;
        for (const Row& row : fold(how, program.tables)) ++counts[row];
    }
    for (const auto& [row, count] : counts) {
        require_equal(engine.support(table, row), count, told(program, table + " counts wrongly"));
    }
}

// Each row has an instance whose rows of the component are all lower than it.
void require_heights(const RandomProgram& program, const Stratum& stratum, Engine& engine) {
    std::map<std::string, Rows> founded;
    for (const auto& [id, rule] : program.rules) {
        const std::string& head = rule.head.table;
        if (std::ranges::find(stratum.tables, head) == stratum.tables.end()) continue;
        each_instance(rule, program.tables, [&](const Assignment& found) {
            const Row row = found.row(rule.head);
            const std::uint32_t height = engine.support(head, row);
            for (const AtomText& atom : rule.body) {
                const bool is_own =
                    std::ranges::find(stratum.tables, atom.table) != stratum.tables.end();
                if (is_own && engine.support(atom.table, found.row(atom)) >= height) return;
            }
            founded[head].insert(row);
        });
    }
    for (const std::string& table : stratum.tables) {
        require_equal(founded[table], program.tables.at(table),
                      told(program, table + " has a row without lower ones under it"));
    }
}

}  // namespace

void require_agreement(RandomProgram& program, const Tables& before, Engine& engine) {
    require_contents(program, before, engine);
    for (const RandomComponent& component : program.components) {
        if (component.stratum.is_recursive) {
            require_heights(program, component.stratum, engine);
        } else {
            require_counts(program, component.stratum.tables[0], engine);
        }
    }
}

}  // namespace congress::tests
