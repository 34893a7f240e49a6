// What a kernel of Python's is made of: relations, rules, builtins.

#include "bindings_host.h"

#include <pybind11/stl.h>

#include "bindings_builtins.h"
#include "native.h"

namespace congress {

Host::Host(py::object plan, py::object closure)
    : plan_(std::move(plan)), closure_(std::move(closure)), kernel_(*this) {}

void Host::enter() {
    entrance_.enter();
    // Only the thread that is inside gets here, so a busy kernel was called by what it called.
    if (!is_busy_) {
        kernel_.watch().note_running(kNoRule);
        return;
    }
    entrance_.leave();
    throw InvalidPlan("a builtin called the engine that was calling it");
}

std::size_t Host::add_builtin(const std::string& name, std::uint32_t inputs, std::uint32_t outputs,
                              py::object solve) {
    std::unique_ptr<Builtin> made = make_native(name, kernel_.symbols());
    if (made == nullptr) {
        made = std::make_unique<PythonBuiltin>(name, inputs, outputs, std::move(solve),
                                               failure_, kernel_.symbols());
    }
    builtins_.push_back(std::move(made));
    return builtins_.size() - 1;
}

RelationId Host::add_relation(std::uint32_t width, const std::string& kind, py::object name) {
    const Support support = kind == "base" ? Support::kNone : Support::kCount;
    const RelationId id = kernel_.add_relation(width, support);
    if (faces_.size() <= id) faces_.resize(id + std::size_t{1});
    faces_[id].name = std::move(name);
    return id;
}

void Host::expect_size(RelationId id, std::size_t least, std::size_t most) {
    kernel_.relation(id);
    faces_[id].least = least;
    faces_[id].most = most;
}

RuleId Host::add_rule(RelationId head,
                      const std::vector<std::tuple<RelationId, bool, Constants>>& body,
                      const std::vector<RelationId>& asks) {
    std::vector<LiteralGiven> literals;
    for (const auto& [relation, is_negated, constants] : body) {
        literals.push_back({relation, is_negated, constants});
    }
    return with_failures([&](FailureLog* failures) {
        return kernel_.add_rule(head, literals, asks, failures);
    });
}

RuleId Host::add_fold(RelationId head, std::uint32_t groups, const std::vector<RelationId>& inputs,
                      const std::vector<std::pair<std::string, std::uint32_t>>& parts) {
    std::vector<FoldPart> made;
    for (const auto& [function, number] : parts) made.push_back(fold_part(function, number));
    return with_failures([&](FailureLog* failures) {
        return kernel_.add_fold(head, groups, inputs, std::move(made), failures);
    });
}

RuleId Host::add_crossings(RelationId head, RelationId texts, RelationId clock,
                           std::uint32_t moment, bool holds_at_first,
                           const std::vector<std::int64_t>& turns) {
    if (moment >= builtins_.size()) {
        throw InvalidPlan("there is no builtin " + std::to_string(moment));
    }
    return with_failures([&](FailureLog* failures) {
        return kernel_.add_crossings(head, texts, clock, *builtins_[moment],
                                     {holds_at_first, turns}, failures);
    });
}

template <class Add>
RuleId Host::with_failures(Add add) {
    auto failures = std::make_unique<RuleFailures>(kernel_.symbols(), &kernel_);
    const RuleId id = add(failures.get());
    if (failures_.size() <= id) failures_.resize(id + std::size_t{1});
    failures_[id] = std::move(failures);
    return id;
}

py::list Host::failures(RuleId id) {
    kernel_.rule(id);
    return failures_[id]->to_python();
}

std::unique_ptr<Plan> Host::plan(RuleId rule, PlanKind kind, std::uint32_t literal) {
    static constexpr const char* kNames[] = {"whole", "variant", "check", "edges"};
    const py::gil_scoped_acquire lock;
    const py::object given = plan_(rule, kNames[static_cast<int>(kind)], literal);
    return PlanReader(kernel_, builtins_).read(py::cast<py::tuple>(given));
}

std::optional<ClosureShape> Host::closure(const std::vector<RuleId>& rules) {
    using Shape = std::tuple<std::uint32_t, std::vector<RuleId>, std::vector<RuleId>>;
    if (closure_.is_none()) return std::nullopt;
    const py::gil_scoped_acquire lock;
    const auto found = py::cast<std::optional<Shape>>(closure_(rules));
    if (!found.has_value()) return std::nullopt;
    const auto& [column, steps, mirrors] = *found;
    return ClosureShape{column, steps, mirrors};
}

}  // namespace congress
