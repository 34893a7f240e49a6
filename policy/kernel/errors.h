// What the kernel refuses; the bindings turn each into a Python exception.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace congress {

using RuleId = std::uint32_t;
constexpr RuleId kNoRule = 0xFFFF'FFFF;

// A rule derives, or joins on the way, more than it may.
class LimitExceeded : public std::runtime_error {
public:
    LimitExceeded(RuleId rule, const std::string& what) : std::runtime_error(what), rule(rule) {}
    RuleId rule;
};

// A call was stopped on its way; with the rule that ran, kNoRule outside of one.
class Stopped : public std::runtime_error {
public:
    Stopped(RuleId rule, const char* what) : std::runtime_error(what), rule(rule) {}
    RuleId rule;
};

// Somebody asked to stop.
class Cancelled : public Stopped {
public:
    explicit Cancelled(RuleId rule) : Stopped(rule, "it was cancelled") {}
};

class DeadlinePassed : public Stopped {
public:
    explicit DeadlinePassed(RuleId rule) : Stopped(rule, "it was not done by its deadline") {}
};

// A plan, an id or a width that does not fit: a mistake in the planner.
class InvalidPlan : public std::invalid_argument {
public:
    using std::invalid_argument::invalid_argument;
};

}  // namespace congress
