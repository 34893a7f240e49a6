#include "closure_finder.h"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace congress::tests {

namespace {

bool same(TermText left, TermText right) {
    return left.is_variable == right.is_variable && left.number == right.number;
}

bool are_variables(const std::vector<TermText>& terms) {
    std::set<int> seen;
    return std::ranges::all_of(
        terms, [&](TermText term) { return term.is_variable && seen.insert(term.number).second; });
}

std::vector<AtomText> own_atoms(const RuleText& rule) {
    std::vector<AtomText> own;
    for (const AtomText& atom : rule.body) {
        if (atom.table == rule.head.table) own.push_back(atom);
    }
    return own;
}

std::vector<std::uint32_t> differing(const RuleText& rule, const AtomText& atom) {
    std::vector<std::uint32_t> columns;
    for (std::uint32_t n = 0; n < atom.terms.size(); ++n) {
        if (!same(atom.terms[n], rule.head.terms[n])) columns.push_back(n);
    }
    return columns;
}

bool is_mirror(const RuleText& rule) {
    if (rule.body.size() != 1 || !rule.conditions.empty() || rule.head.terms.size() != 2) return false;
    const auto& own = rule.body[0].terms;
    const auto& head = rule.head.terms;
    return are_variables(head) && same(own[0], head[1]) && same(own[1], head[0]);
}

bool is_doubled(const RuleText& rule) {
    if (own_atoms(rule).size() != 2 || rule.body.size() != 2) return false;
    if (!rule.conditions.empty() || rule.head.terms.size() != 2) return false;
    for (const std::size_t first : {0u, 1u}) {
        const auto& left = rule.body[first].terms;
        const auto& right = rule.body[1 - first].terms;
        if (same(left[1], right[0]) && same(left[0], rule.head.terms[0]) &&
            same(right[1], rule.head.terms[1]) && are_variables({left[0], left[1], right[1]})) {
            return true;
        }
    }
    return false;
}

// Whether the rule that gives the edges binds what it uses, and nothing of the cells that stay.
bool is_apart(const RuleText& edges, const std::vector<TermText>& stays) {
    std::set<int> bound;
    std::set<int> used;
    const auto use = [&](TermText term) {
        if (term.is_variable) used.insert(term.number);
    };
    for (const AtomText& atom : edges.body) {
        for (const TermText term : atom.terms) {
            use(term);
            if (term.is_variable && !atom.is_negated) bound.insert(term.number);
        }
    }
    for (const ConditionText& condition : edges.conditions) {
        use(condition.left);
        use(condition.right);
    }
    for (const TermText term : edges.head.terms) use(term);
    const bool meets = std::ranges::any_of(
        stays, [&](TermText term) { return used.contains(term.number); });
    return !meets && std::ranges::includes(bound, used);
}

std::optional<std::uint32_t> moved_column(const RuleText& rule) {
    const std::vector<AtomText> own = own_atoms(rule);
    if (own.size() != 1 || own[0].is_negated) return std::nullopt;
    const std::vector<std::uint32_t> columns = differing(rule, own[0]);
    if (columns.size() != 1) return std::nullopt;
    std::vector<TermText> stays = rule.head.terms;
    stays.erase(stays.begin() + columns[0]);
    if (!are_variables(stays) || !is_apart(edges_of(rule, columns[0]), stays)) return std::nullopt;
    return columns[0];
}

}  // namespace

RuleText edges_of(const RuleText& rule, std::uint32_t column) {
    for (std::size_t n = 0; n < rule.body.size(); ++n) {
        const AtomText& atom = rule.body[n];
        if (atom.table != rule.head.table) continue;
        if (differing(rule, atom) != std::vector<std::uint32_t>{column}) continue;
        RuleText edges{{"", {atom.terms[column], rule.head.terms[column]}}, rule.body,
                       rule.conditions};
        edges.body.erase(edges.body.begin() + static_cast<std::ptrdiff_t>(n));
        return edges;
    }
    throw std::logic_error("no step of this column: " + to_text(rule));
}

std::optional<ClosureShape> find_closure(const std::map<RuleId, RuleText>& texts,
                                         const std::vector<RuleId>& rules) {
    ClosureShape shape{1, {}, {}};
    std::set<std::uint32_t> columns;
    bool is_any_doubled = false;
    for (const RuleId rule : rules) {
        const RuleText& text = texts.at(rule);
        if (own_atoms(text).empty()) continue;
        if (is_mirror(text)) {
            shape.mirrors.push_back(rule);
            continue;
        }
        if (is_doubled(text)) {
            is_any_doubled = true;
        } else {
            const std::optional<std::uint32_t> column = moved_column(text);
            if (!column.has_value()) return std::nullopt;
            columns.insert(*column);
        }
        shape.steps.push_back(rule);
    }
    if (columns.size() > 1 || shape.steps.empty()) return std::nullopt;
    if (!shape.mirrors.empty() && (!columns.empty() || !is_any_doubled)) return std::nullopt;
    if (!columns.empty()) shape.column = *columns.begin();
    return shape;
}

}  // namespace congress::tests
