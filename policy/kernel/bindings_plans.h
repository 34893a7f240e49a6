// Plans as the planner writes them; see _kernel.pyi.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings_failures.h"
#include "bindings_holds.h"
#include "kernel.h"

namespace congress {

namespace py = pybind11;

class PlanReader {
public:
    PlanReader(Kernel& kernel, const std::vector<std::unique_ptr<Builtin>>& builtins)
        : kernel_(kernel), builtins_(builtins) {}

    // Raises: InvalidPlan: it is none that the kernel can run.
    std::unique_ptr<Plan> read(const py::tuple& given) const;

private:
    Step step(const py::tuple& given) const;
    void read_table(Step& made, StepKind kind, const py::tuple& given) const;
    void read_extension(Step& made, const py::tuple& given, std::size_t from) const;
    void read_checks(Step& made, const py::tuple& given, std::size_t from) const;
    void read_inner(Step& made, StepKind kind, const py::tuple& given) const;
    void read_call(Step& made, StepKind kind, const py::tuple& given) const;

    Kernel& kernel_;
    const std::vector<std::unique_ptr<Builtin>>& builtins_;
};

// One column of an aggregate step's head.
FoldPart fold_part(const std::string& function, std::uint32_t number);

// The constants of a plan and of the plans in it.
std::vector<Id> constants_of(const Plan& plan);

// A plan of a question, ready to run.
struct Compiled {
    std::shared_ptr<const Plan> plan;
    std::unique_ptr<Hold> hold;  // of the plan and of its constants
    std::unique_ptr<RuleFailures> failures;  // of the last run
};

}  // namespace congress
