// The naive evaluator: plain sets, every rule again and again until nothing comes any more.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "rule_text.h"

namespace congress::tests {

using Row = std::vector<int>;
using Rows = std::set<Row>;
using Tables = std::map<std::string, Rows>;

// Values from 100 on are texts, from 200 on integers that do not fit in line.
constexpr int kFirstText = 100;
constexpr int kFirstLarge = 200;

// A value for each variable of a rule.
struct Assignment {
    int values[kVariables];

    Row row(const AtomText& atom) const;
    int value(TermText term) const { return term.is_variable ? values[term.number] : term.number; }
};

// Calls `use` with every assignment under which a rule's body holds.
void each_instance(const RuleText& rule, const Tables& tables,
                   const std::function<void(const Assignment&)>& use);

// Tables that depend on each other, or one alone.
struct Stratum {
    std::vector<std::string> tables;
    bool is_recursive = false;
};

// head(x, count, max) over the rows (x, y) of its input; without max of texts and numbers mixed.
struct FoldText {
    std::string head;
    std::string input;
};
Rows fold(const FoldText& how, const Tables& tables);

// Brings the tables of the strata, given from the lowest up, to what follows from the others.
void evaluate(const std::vector<Stratum>& strata, const std::vector<RuleText>& rules,
              const std::vector<FoldText>& folds, Tables& tables);

}  // namespace congress::tests
