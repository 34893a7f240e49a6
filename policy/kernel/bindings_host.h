// A kernel that Python owns.
//
// Threads: the caller lets one thread at a time into a Kernel. What may take long runs without the
// interpreter lock, and takes it for the planner, for builtins and to see signals.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "answers.h"
#include "bindings_cells.h"
#include "bindings_entrance.h"
#include "bindings_failures.h"
#include "bindings_holds.h"
#include "bindings_plans.h"
#include "bindings_rows.h"
#include "kernel.h"

namespace congress {

// The rows that a relation gained and lost in a step, null for none, and which relation it is.
struct Changed {
    RelationId relation;
    std::unique_ptr<Rows> added;
    std::unique_ptr<Rows> removed;
};

// What came of a step: the changes of relations with names, and which are of another size now than
// is expected.
struct Stepped {
    std::vector<Changed> changes;
    std::vector<RelationId> outgrown;
};

class Host : private Planner {
public:
    Host(py::object plan, py::object closure);
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    // Ordering: plans before the tables whose indexes they share.
    ~Host() { released_->drain(kernel_.symbols()); }

    void set_failure(py::object failure) { failure_ = std::move(failure); }
    std::size_t add_builtin(const std::string& name, std::uint32_t inputs, std::uint32_t outputs,
                            py::object solve);
    Kernel& kernel() { return kernel_; }

    // --- values: bindings_values.cpp

    Id intern_value(const py::object& value) { return intern(kernel_.symbols(), value.ptr()); }
    std::optional<Id> find(const py::object& value) {
        return with_value(value.ptr(), Finding{kernel_.symbols()});
    }
    py::object value(Id id) const { return to_python(kernel_.symbols().value(checked(id))); }
    py::tuple encode(const py::sequence& row);
    py::object find_row(const py::sequence& row);
    py::tuple decode(const std::vector<Id>& row) const;
    std::unique_ptr<Hold> hold(std::vector<Id> ids);

    // --- what there is

    // `step` tells its changes by its name, unless that is None.
    RelationId add_relation(std::uint32_t width, const std::string& kind, py::object name);
    // Lets `step` tell when it has less or more rows.
    void expect_size(RelationId id, std::size_t least, std::size_t most);
    RuleId add_rule(RelationId head,
                    const std::vector<std::tuple<RelationId, bool, Constants>>& body,
                    const std::vector<RelationId>& asks);
    RuleId add_fold(RelationId head, std::uint32_t groups, const std::vector<RelationId>& inputs,
                    const std::vector<std::pair<std::string, std::uint32_t>>& parts);
    // A condition on an age: whether it holds at first, and the ages at which it turns.
    RuleId add_crossings(RelationId head, RelationId texts, RelationId clock, std::uint32_t moment,
                         bool holds_at_first, const std::vector<std::int64_t>& turns);
    py::list failures(RuleId id);

    // --- steps: bindings_steps.cpp

    void change(RelationId id, const py::object& added, const py::object& removed);
    void replace(RelationId id, const py::object& rows);
    void change_ids(RelationId id, const std::vector<std::vector<Id>>& added,
                    const std::vector<std::vector<Id>>& removed);
    std::vector<RelationId> propagate();
    // Raises: as Watch::look.
    std::pair<std::unique_ptr<Rows>, std::unique_ptr<Rows>> changes(RelationId id);
    // Changes, propagation and the end of the step in one call: what a transaction of a few rows
    // costs is the calls between Python and here.
    // Promises: when it raises, nothing has changed since the last step.
    Stepped step(const py::list& given);
    // By name the pairs of rows that came and went; `self` is the kernel's Python object.
    py::dict told(std::vector<Changed> changes, const py::object& self);
    py::object told_rows(std::unique_ptr<Rows> rows, const py::object& self);
    void rollback(Kernel::Mark mark);
    void commit();

    // --- answers: bindings_answers.cpp

    py::list rows(RelationId id);
    // The rows in order, up to `limit` of those behind `after`.
    py::list page(RelationId id, const std::optional<std::vector<Id>>& after, std::size_t limit);
    py::list ids(RelationId id);
    bool has(RelationId id, const std::vector<Id>& row) { return find_row(id, row) != kNoRow; }
    std::uint32_t height(RelationId id, const std::vector<Id>& row);
    std::unique_ptr<Compiled> compile(const py::tuple& given);
    py::list query(Compiled& compiled, const std::vector<Id>& given);
    // As `query` for as many values as the plan takes; None when one of them is in no table.
    // Keeps the interpreter lock, and hears no signal.
    // Raises: LimitExceeded: it is much work, for `query` to do.
    py::object look_up(Compiled& compiled, PyObject* const* values);
    py::list query_ids(Compiled& compiled, const std::vector<Id>& given, std::uint32_t most);
    std::vector<std::vector<std::uint32_t>> indexes(RelationId id);
    void set_limits(std::uint64_t max_rows, std::uint64_t max_bindings);

    // --- calls

    Entrance& entrance() { return entrance_; }
    void enter();
    // What `PreparedQuery` adopted is to be found anew.
    void outdate() { ++meaning_; }
    std::uint64_t meaning() const { return meaning_; }
    bool is_busy() const { return is_busy_; }

private:
    // Marks that the kernel is at work: a builtin must not come back into it.
    class Busy {
    public:
        explicit Busy(Host& host) : host_(host) {
            if (host.is_busy_) {
                throw InvalidPlan("a builtin called the kernel that was calling it");
            }
            host.is_busy_ = true;
            host.entrance_.set_deadline();
        }
        Busy(const Busy&) = delete;
        Busy& operator=(const Busy&) = delete;
        ~Busy() { host_.is_busy_ = false; }

    private:
        Host& host_;
    };

    std::unique_ptr<Plan> plan(RuleId rule, PlanKind kind, std::uint32_t literal) override;
    std::optional<ClosureShape> closure(const std::vector<RuleId>& rules) override;
    void read_rows(const py::handle& given, std::uint32_t width, Buffer<Id>& out);
    void change_all(const py::list& given);
    void put(RelationId id, const Buffer<Id>& in, const Buffer<Id>& out);
    // Adds a rule with a log of its own, which is there as long as it.
    template <class Add>
    RuleId with_failures(Add add);
    Id checked(Id id) const;
    RowId find_row(RelationId id, const std::vector<Id>& row);
    // Only while busy. With `most` it stops soon after it has so many rows.
    Answers ask(Compiled& compiled, const std::vector<Id>& given, std::uint32_t most = ~0u);
    void run_plan(Compiled& compiled, const Id* given, Answers& answers, const Limits& limits);

    py::object plan_;
    py::object closure_;
    py::object failure_ = py::reinterpret_borrow<py::object>(PyExc_ValueError);
    std::shared_ptr<Released> released_ = std::make_shared<Released>();
    Kernel kernel_;
    Entrance entrance_{kernel_.watch()};
    std::uint64_t meaning_ = 0;
    std::vector<std::unique_ptr<Builtin>> builtins_;
    std::vector<std::unique_ptr<RuleFailures>> failures_;
    bool is_busy_ = false;
    Answers found_{0, ~0u};  // scratch of look_up
    struct Face {
        py::object name = py::none();
        std::size_t least = 1;  // rows that it is expected to have: at first, none are right
        std::size_t most = 0;
    };
    std::vector<Face> faces_;  // by relation
    py::object nothing_;       // Rows that are none
    Buffer<Id> in_;          // scratch of step
    Buffer<Id> out_;
};

}  // namespace congress
