#include "bindings_plans.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <map>

namespace congress {
namespace {

// Numbers as the planner writes them: a register as it is, a constant's id as its complement.
Operand operand(const py::handle& given) {
    const auto number = py::cast<std::int64_t>(given);
    if (number < 0) return {true, static_cast<std::uint32_t>(~number)};
    if (number >= std::int64_t{kMaxRegisters}) throw InvalidPlan("too many variables");
    return {false, static_cast<std::uint32_t>(number)};
}

std::vector<Operand> operands(const py::handle& given) {
    std::vector<Operand> made;
    for (const py::handle each : given) made.push_back(operand(each));
    return made;
}

template <class Second, class Make>
std::vector<std::pair<std::uint32_t, Second>> pairs(const py::handle& given, Make make) {
    std::vector<std::pair<std::uint32_t, Second>> made;
    for (const py::handle each : given) {
        const auto pair = py::cast<py::tuple>(each);
        made.emplace_back(py::cast<std::uint32_t>(pair[0]), make(pair[1]));
    }
    return made;
}

Comparison comparison_of(const std::string& name, std::vector<Operand>& key) {
    if (name == "=") return Comparison::kEqual;
    if (name == "!=") return Comparison::kUnequal;
    if (name == ">" || name == ">=") std::swap(key[0], key[1]);
    if (name == "<" || name == ">") return Comparison::kLess;
    if (name == "<=" || name == ">=") return Comparison::kLessEqual;
    throw InvalidPlan("there is no comparison '" + name + "'");
}

std::vector<std::pair<std::uint32_t, Register>> results(const py::handle& given) {
    return pairs<Register>(given, [](const py::handle& h) { return py::cast<Register>(h); });
}

std::vector<Register> registers(const py::handle& given) {
    return py::cast<std::vector<Register>>(given);
}

std::vector<Id> constants(const py::handle& given) {
    auto made = py::cast<std::vector<Id>>(given);
    std::sort(made.begin(), made.end());
    return made;
}

std::uint32_t count_registers(const Plan& plan) {
    std::uint32_t end = 0;
    const auto see = [&](Register number) { end = std::max<std::uint32_t>(end, number + 1u); };
    for (const Register number : plan.given) see(number);
    for (const Step& step : plan.steps) {
        for (const auto& pick : step.picks) see(pick.second);
        for (const auto& result : step.results) see(result.second);
    }
    return end;
}

}  // namespace

std::unique_ptr<Plan> PlanReader::read(const py::tuple& given) const {
    auto plan = std::make_unique<Plan>();
    plan->given = registers(given[0]);
    for (const py::handle each : py::cast<py::sequence>(given[1])) {
        plan->steps.push_back(step(py::cast<py::tuple>(each)));
    }
    plan->head = operands(given[2]);
    plan->registers = count_registers(*plan);
    for (Step& step : plan->steps) {
        if (step.relation == nullptr) continue;
        plan->relations.push_back(kernel_.share_relation(step.relation->id()));
        if (!step.columns.empty()) step.index = step.relation->share_index(step.columns);
    }
    check_plan(*plan);
    return plan;
}

// A table of the steps that there are.
Step PlanReader::step(const py::tuple& given) const {
    const auto name = py::cast<std::string>(given[0]);
    Step made{};
    if (name == "scan") {
        read_table(made, StepKind::kScan, given);
        made.reads_changes = py::cast<bool>(given[3]);
        read_extension(made, given, 4);
    } else if (name == "probe") {
        read_table(made, StepKind::kProbe, given);
        made.columns = py::cast<std::vector<std::uint32_t>>(given[3]);
        made.key = operands(given[4]);
        read_extension(made, given, 5);
    } else if (name == "lookup") {
        read_table(made, StepKind::kLookup, given);
        made.key = operands(given[3]);
        made.is_negated = py::cast<bool>(given[4]);
        made.keep = registers(given[5]);
    } else if (name == "exists") {
        read_table(made, StepKind::kExists, given);
        made.columns = py::cast<std::vector<std::uint32_t>>(given[3]);
        made.key = operands(given[4]);
        made.is_negated = py::cast<bool>(given[5]);
        made.keep = registers(given[6]);
    } else if (name == "gather") {
        read_inner(made, StepKind::kGather, given);
        made.results = results(given[3]);
        made.keep = registers(given[4]);
    } else if (name == "ask") {
        read_inner(made, StepKind::kAsk, given);
        made.is_negated = py::cast<bool>(given[3]);
        made.keep = registers(given[4]);
    } else if (name == "compare") {
        made.kind = StepKind::kCompare;
        made.key = {operand(given[2]), operand(given[3])};
        made.comparison = comparison_of(py::cast<std::string>(given[1]), made.key);
        made.keep = registers(given[4]);
    } else if (name == "among") {
        made.kind = StepKind::kAmong;
        made.key = {operand(given[1])};
        made.constants = constants(given[2]);
        made.is_negated = py::cast<bool>(given[3]);
        made.keep = registers(given[4]);
    } else if (name == "choose") {
        made.kind = StepKind::kChoose;
        made.constants = constants(given[1]);
        made.results = {{0, py::cast<Register>(given[2])}};
        made.keep = registers(given[3]);
    } else if (name == "copy") {
        made.kind = StepKind::kCopy;
        made.key = {operand(given[1])};
        made.results = {{0, py::cast<Register>(given[2])}};
        made.keep = registers(given[3]);
    } else if (name == "call") {
        read_call(made, StepKind::kCall, given);
        made.results = results(given[3]);
        read_checks(made, given, 4);
    } else if (name == "fails") {
        read_call(made, StepKind::kFails, given);
        read_checks(made, given, 3);
    } else {
        throw InvalidPlan("there is no step '" + name + "'");
    }
    return made;
}

void PlanReader::read_table(Step& made, StepKind kind, const py::tuple& given) const {
    made.kind = kind;
    made.relation = &kernel_.relation(py::cast<RelationId>(given[1]));
    made.state = py::cast<bool>(given[2]) ? State::kOld : State::kNew;
}

void PlanReader::read_extension(Step& made, const py::tuple& given, std::size_t from) const {
    made.picks = results(given[from]);
    read_checks(made, given, from + 1);
}

void PlanReader::read_checks(Step& made, const py::tuple& given, std::size_t from) const {
    made.checks = pairs<Operand>(given[from], [](const py::handle& h) { return operand(h); });
    made.same = pairs<std::uint32_t>(
        given[from + 1], [](const py::handle& h) { return py::cast<std::uint32_t>(h); });
    made.keep = registers(given[from + 2]);
}

void PlanReader::read_inner(Step& made, StepKind kind, const py::tuple& given) const {
    made.kind = kind;
    for (const py::handle plan : py::cast<py::sequence>(given[1])) {
        made.plans.push_back(read(py::cast<py::tuple>(plan)));
    }
    made.key = operands(given[2]);
}

void PlanReader::read_call(Step& made, StepKind kind, const py::tuple& given) const {
    made.kind = kind;
    const auto number = py::cast<std::size_t>(given[1]);
    if (number >= builtins_.size()) {
        throw InvalidPlan("there is no builtin " + std::to_string(number));
    }
    made.builtin = builtins_[number].get();
    made.key = operands(given[2]);
}

FoldPart fold_part(const std::string& function, std::uint32_t number) {
    if (function == "group") return {true, Aggregate::kCount, number};
    static const std::map<std::string, Aggregate> kFunctions = {{"count", Aggregate::kCount},
                                                                {"sum", Aggregate::kSum},
                                                                {"min", Aggregate::kMin},
                                                                {"max", Aggregate::kMax},
                                                                {"avg", Aggregate::kAverage}};
    const auto found = kFunctions.find(function);
    if (found == kFunctions.end()) throw InvalidPlan("there is no aggregate '" + function + "'");
    return {false, found->second, number};
}

std::vector<Id> constants_of(const Plan& plan) {
    std::vector<Id> ids;
    const auto see = [&](Operand operand) {
        if (operand.is_constant) ids.push_back(operand.value);
    };
    for (const Step& step : plan.steps) {
        for (const Operand operand : step.key) see(operand);
        for (const auto& check : step.checks) see(check.second);
        ids.insert(ids.end(), step.constants.begin(), step.constants.end());
        for (const auto& inner : step.plans) {
            const std::vector<Id> more = constants_of(*inner);
            ids.insert(ids.end(), more.begin(), more.end());
        }
    }
    for (const Operand operand : plan.head) see(operand);
    return ids;
}

}  // namespace congress
