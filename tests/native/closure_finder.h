// Which rules of tests make a table a closure: what the planner tells the kernel, found again.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "program.h"
#include "rule_text.h"

namespace congress::tests {

// The shape of a table that `rules` derive. Unlike the planner, it takes steps over several tables.
std::optional<ClosureShape> find_closure(const std::map<RuleId, RuleText>& texts,
                                         const std::vector<RuleId>& rules);
// The rule that gives the edges of a step, as rows of a nameless table.
RuleText edges_of(const RuleText& rule, std::uint32_t column);

}  // namespace congress::tests
