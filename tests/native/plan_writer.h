// A small planner: from the rules of tests to plans, of more kinds of steps than a good planner
// would take.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "plan.h"
#include "program.h"
#include "rule_text.h"

namespace congress::tests {

inline Step make_step(StepKind kind) {
    Step step{};
    step.kind = kind;
    return step;
}

// What the plans need to know about tables and values.
struct Names {
    std::function<Relation*(const std::string&)> relation;
    std::function<Id(int)> constant;  // held for as long as plans may live
};

// The plan of a rule; `taste` picks between steps that do the same.
std::unique_ptr<Plan> write_plan(const RuleText& rule, PlanKind kind, std::uint32_t literal,
                                 const Names& names, std::uint32_t taste);

}  // namespace congress::tests
