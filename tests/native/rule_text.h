// Rules as tests write them: "tc(x, z) :- tc(x, y), e(y, z), not b(x), x < z".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan.h"

namespace congress::tests {

// A variable (a small letter) or a number of the tests' values.
struct TermText {
    bool is_variable;
    int number;  // of the variable, from 0, or the value
};

struct AtomText {
    std::string table;
    std::vector<TermText> terms;
    bool is_negated = false;
};

struct ConditionText {
    TermText left;
    Comparison comparison;
    TermText right;
};

struct RuleText {
    AtomText head;
    std::vector<AtomText> body;
    std::vector<ConditionText> conditions;
};

constexpr int kVariables = 26;

RuleText parse(std::string_view text);
std::string to_text(const RuleText& rule);

}  // namespace congress::tests
