// What the kernel refuses; the bindings turn each into a Python exception.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace congress {

using RuleId = std::uint32_t;
constexpr RuleId kNoRule = 0xFFFF'FFFF;

// A rule derives, or joins on the way, more than it may, or the deadline came while it ran.
class LimitExceeded : public std::runtime_error {
public:
    LimitExceeded(RuleId rule, const std::string& what) : std::runtime_error(what), rule(rule) {}
    RuleId rule;
};

// The caller asked to stop.
class Cancelled : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// A plan, an id or a width that does not fit: a mistake in the planner.
class InvalidPlan : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

}  // namespace congress
