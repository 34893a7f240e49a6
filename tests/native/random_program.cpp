#include "random_program.h"

#include <algorithm>

namespace congress::tests {

namespace {

constexpr int kValues[] = {0, 1, 2, 3, 100, 101, 200};
constexpr int kPool = 4;  // variables that a rule's literals draw from

int random_value(Random& random) {
    return kValues[below(random, happens(random, 80) ? 5 : std::size(kValues))];
}

TermText random_variable(Random& random) { return {true, static_cast<int>(below(random, kPool))}; }

class RuleMaker {
public:
    RuleMaker(Random& random, const RandomProgram& program, std::size_t place)
        : random_(random), program_(program), place_(place) {
        for (const auto& [name, width] : program.bases) lower_.push_back(name);
        for (std::size_t n = 0; n < place; ++n) {
            const auto& tables = program.components[n].stratum.tables;
            lower_.insert(lower_.end(), tables.begin(), tables.end());
        }
    }

    RuleText make(bool is_recursive) {
        const auto& own = program_.components[place_].stratum.tables;
        RuleText rule;
        const std::size_t literals = 1 + below(random_, 3);
        for (std::size_t n = 0; n < literals; ++n) {
            const bool is_own = is_recursive && (n == 0 || happens(random_, 40));
            rule.body.push_back(atom(pick(is_own ? own : lower_), 10));
        }
        note_bound(rule);
        if (happens(random_, 40)) {
            AtomText negated = bound_atom(pick(lower_));
            negated.is_negated = true;
            rule.body.insert(rule.body.begin() + below(random_, rule.body.size() + 1), negated);
        }
        if (happens(random_, 30)) {
            rule.conditions.push_back({bound_term(), Comparison{static_cast<std::uint8_t>(
                                                         below(random_, 4))}, bound_term()});
        }
        rule.head = bound_atom(pick(own));
        return rule;
    }

private:
    const std::string& pick(const std::vector<std::string>& names) {
        return names[below(random_, names.size())];
    }
    std::uint32_t width(const std::string& table) const {
        const auto base = program_.bases.find(table);
        return base != program_.bases.end() ? base->second : program_.derived.at(table);
    }
    AtomText atom(const std::string& table, unsigned constants) {
        AtomText made{table, {}};
        for (std::uint32_t n = 0; n < width(table); ++n) {
            const bool is_constant = happens(random_, constants);
            made.terms.push_back(is_constant ? TermText{false, random_value(random_)}
                                             : random_variable(random_));
        }
        return made;
    }
    void note_bound(const RuleText& rule) {
        for (const AtomText& each : rule.body) {
            for (const TermText term : each.terms) {
                if (term.is_variable) bound_.push_back(term);
            }
        }
    }
    TermText bound_term() {
        if (bound_.empty() || happens(random_, 10)) return {false, random_value(random_)};
        return bound_[below(random_, bound_.size())];
    }
    AtomText bound_atom(const std::string& table) {
        AtomText made{table, {}};
        for (std::uint32_t n = 0; n < width(table); ++n) made.terms.push_back(bound_term());
        return made;
    }

    Random& random_;
    const RandomProgram& program_;
    std::size_t place_;
    std::vector<std::string> lower_;
    std::vector<TermText> bound_;
};

void add_rule(const RuleText& rule, RandomProgram& program, Engine& engine) {
    program.rules[engine.add_rule(rule)] = rule;
}

// The shapes that recursion mostly has; what else there is comes from `RuleMaker`.
void add_closure(Random& random, const std::string& table, RandomProgram& program,
                 Engine& engine) {
    static constexpr const char* kShapes[] = {
        "(x, z) :- T(x, y), e(y, z)", "(x, z) :- e(x, y), T(y, z)",
        "(x, z) :- T(x, y), T(y, z)", "(y, x) :- T(x, y)",
        "(x, y) :- e(x, y), not n(x)", "(x, z) :- T(x, y), T(y, w), e(w, z)",
        "(x, z) :- T(x, y), e(z, y), not n(z)", "(x, z) :- T(x, y), e(y, w), e(w, z)",
        "(x, 2) :- T(x, y), e(y, y)", "(x, z) :- T(x, 1), e(z, z), 0 < z"};
    add_rule(parse(table + "(x, y) :- e(x, y)"), program, engine);
    std::string text = kShapes[below(random, std::size(kShapes))];
    std::ranges::replace(text, 'T', '?');
    for (std::size_t at = text.find('?'); at != std::string::npos; at = text.find('?')) {
        text.replace(at, 1, table);
    }
    add_rule(parse(table + text), program, engine);
}

void add_stratum(Random& random, std::size_t place, RandomProgram& program, Engine& engine) {
    RandomComponent made;
    made.order = 10 * (place + 1);
    made.stratum.is_recursive = happens(random, 60);
    const unsigned tables = made.stratum.is_recursive ? 1 + below(random, 3) : 1;
    for (unsigned n = 0; n < tables; ++n) {
        const std::string name = "d" + std::to_string(place) + static_cast<char>('a' + n);
        const std::uint32_t width = happens(random, 60) ? 2 : below(random, 4);
        engine.add_derived(name, width);
        program.derived[name] = width;
        made.stratum.tables.push_back(name);
    }
    made.id = engine.add_component(made.stratum.tables, made.stratum.is_recursive, made.order);
    program.components.push_back(made);
    if (happens(random, 60)) add_fold(random, place, program, engine);
    const auto& names = made.stratum.tables;
    if (made.stratum.is_recursive && program.derived[names[0]] == 2 && happens(random, 70)) {
        add_closure(random, names[0], program, engine);
    }
    const unsigned rules = 1 + below(random, 3) + tables;
    for (unsigned n = 0; n < rules; ++n) {
        add_rule(random_rule(random, program, place, made.stratum.is_recursive && n % 2 == 1),
                 program, engine);
    }
}

}  // namespace

void add_fold(Random& random, std::size_t place, RandomProgram& program, Engine& engine) {
    const Stratum& stratum = program.components[place].stratum;
    if (stratum.is_recursive || program.derived[stratum.tables[0]] != 3) return;
    std::vector<std::string> inputs = {"e", "f"};
    for (std::size_t n = 0; n < place; ++n) {
        for (const std::string& table : program.components[n].stratum.tables) {
            if (program.derived[table] == 2) inputs.push_back(table);
        }
    }
    const FoldText how{stratum.tables[0], inputs[below(random, inputs.size())]};
    program.folds[engine.add_fold(how)] = how;
}

Row random_row(Random& random, std::uint32_t width) {
    Row row;
    for (std::uint32_t n = 0; n < width; ++n) row.push_back(random_value(random));
    return row;
}

void RandomProgram::derive() {
    std::vector<Stratum> strata;
    for (const RandomComponent& component : components) strata.push_back(component.stratum);
    std::vector<RuleText> texts;
    for (const auto& [id, rule] : rules) texts.push_back(rule);
    std::vector<FoldText> hows;
    for (const auto& [id, how] : folds) hows.push_back(how);
    evaluate(strata, texts, hows, tables);
}

RuleText random_rule(Random& random, const RandomProgram& program, std::size_t place,
                     bool is_recursive) {
    return RuleMaker(random, program, place).make(is_recursive);
}

RandomProgram make_program(Random& random, Engine& engine) {
    RandomProgram program;
    program.bases = {{"e", 2}, {"f", 2}, {"n", 1}, {"w", 3}, {"z", 0}};
    for (const auto& [name, width] : program.bases) {
        engine.add_base(name, width);
        program.tables[name] = {};
    }
    const std::size_t strata = 1 + below(random, 4);
    for (std::size_t place = 0; place < strata; ++place) {
        add_stratum(random, place, program, engine);
    }
    program.derive();
    return program;
}

}  // namespace congress::tests
