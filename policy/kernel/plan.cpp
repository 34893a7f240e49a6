#include "plan.h"

#include <algorithm>
#include <string>

#include "builtin.h"
#include "errors.h"

namespace congress {

namespace {

// Follows which registers have values, step by step.
class Checker {
public:
    explicit Checker(const Plan& plan)
        : is_written_(plan.registers, false), is_live_(plan.registers, false) {
        for (const Register number : plan.given) write(number);
    }

    void check(const Step& step) {
        for (const Operand operand : step.key) read(operand);
        for (const auto& check : step.checks) read(check.second);
        check_shape(step);
        for (const Register number : step.keep) read({false, number});
        // What is not kept is gone.
        std::fill(is_live_.begin(), is_live_.end(), false);
        for (const Register number : step.keep) is_live_[number] = true;
        for (const auto& pick : step.picks) write(pick.second);
        for (const auto& result : step.results) write(result.second);
    }
    void read(Operand operand) const {
        if (operand.is_constant) return;
        if (operand.value >= is_live_.size() || !is_live_[operand.value]) {
            throw InvalidPlan("register " + std::to_string(operand.value) + " has no value");
        }
    }

private:
    void write(Register number) {
        if (number >= is_written_.size() || is_written_[number]) {
            throw InvalidPlan("register " + std::to_string(number) + " is written twice");
        }
        is_written_[number] = true;
        is_live_[number] = true;
    }

    static void in_range(std::size_t number, std::size_t end, const char* what) {
        if (number >= end) {
            throw InvalidPlan("a step uses " + std::string(what) + " " + std::to_string(number) +
                              " of " + std::to_string(end));
        }
    }

    static void same_size(std::size_t given, std::size_t wanted) {
        if (given != wanted) {
            throw InvalidPlan("a step has " + std::to_string(given) + " operands instead of " +
                              std::to_string(wanted));
        }
    }

    static void need(bool is_there, const char* what) {
        if (!is_there) throw InvalidPlan("a step has no " + std::string(what));
    }

    static void check_shape(const Step& step) {
        check_source(step);
        same_size(step.key.size(), operands(step));
        const std::size_t columns = width(step);
        const bool picks = step.kind == StepKind::kScan || step.kind == StepKind::kProbe;
        const bool solves = step.kind == StepKind::kCall || step.kind == StepKind::kFails;
        for (const auto& pick : step.picks) in_range(pick.first, picks ? columns : 0, "column");
        const std::size_t compared = picks || solves ? columns : 0;
        for (const auto& check : step.checks) in_range(check.first, compared, "column");
        for (const auto& [left, right] : step.same) {
            in_range(left, compared, "column");
            in_range(right, compared, "column");
        }
        for (const auto& result : step.results) in_range(result.first, results(step), "result");
        const bool is_single = step.kind == StepKind::kCopy || step.kind == StepKind::kChoose;
        if (is_single) same_size(step.results.size(), 1);
    }

    // That what a step reads is there.
    static void check_source(const Step& step) {
        switch (step.kind) {
            case StepKind::kProbe:
            case StepKind::kExists:
                need(step.relation != nullptr, "table");
                need(step.index != nullptr && step.index->columns() == step.columns, "index");
                in_range(step.columns.size(), step.relation->width() + std::size_t{1}, "columns");
                for (const std::uint32_t column : step.columns) {
                    in_range(column, step.relation->width(), "column");
                }
                break;
            case StepKind::kScan:
            case StepKind::kLookup:
                need(step.relation != nullptr, "table");
                break;
            case StepKind::kCall:
            case StepKind::kFails:
                need(step.builtin != nullptr, "builtin");
                break;
            case StepKind::kGather:
            case StepKind::kAsk:
                for (const auto& plan : step.plans) check_inner(step, plan.get());
                break;
            default:
                break;
        }
    }

    static void check_inner(const Step& step, const Plan* plan) {
        need(plan != nullptr, "plan");
        check_plan(*plan);
        same_size(step.key.size(), plan->given.size());
        if (step.kind == StepKind::kGather) same_size(plan->head.size(), width(step));
    }

    // How many cells each row or solution has that the step reads.
    static std::size_t width(const Step& step) {
        if (step.relation != nullptr) return step.relation->width();
        if (step.builtin != nullptr) return step.builtin->outputs;
        return step.plans.empty() ? 0 : step.plans.front()->head.size();
    }

    // How many operands the step's key has.
    static std::size_t operands(const Step& step) {
        switch (step.kind) {
            case StepKind::kProbe:
            case StepKind::kExists:
                return step.columns.size();
            case StepKind::kLookup:
                return step.relation->width();
            case StepKind::kCompare:
                return 2;
            case StepKind::kAmong:
            case StepKind::kCopy:
                return 1;
            case StepKind::kCall:
            case StepKind::kFails:
                return step.builtin->inputs;
            case StepKind::kGather:
            case StepKind::kAsk:
                return step.key.size();  // as each of its plans is given
            default:
                return 0;
        }
    }

    // How many results there are to choose from.
    static std::size_t results(const Step& step) {
        switch (step.kind) {
            case StepKind::kCall:
            case StepKind::kGather:
                return width(step);
            case StepKind::kCopy:
            case StepKind::kChoose:
                return 1;
            default:
                return 0;
        }
    }

    std::vector<bool> is_written_;
    std::vector<bool> is_live_;
};

}  // namespace

void check_plan(const Plan& plan) {
    if (plan.registers > kMaxRegisters) throw InvalidPlan("a rule has too many variables");
    Checker checker(plan);
    for (const Step& step : plan.steps) checker.check(step);
    for (const Operand operand : plan.head) checker.read(operand);
}

}  // namespace congress
