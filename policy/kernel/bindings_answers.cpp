// Rows of tables, and questions.

#include <algorithm>
#include <utility>

#include "bindings_host.h"
#include "guard.h"
#include "pages.h"

namespace congress {
namespace {

constexpr std::uint64_t kBindingsAtOnce = 10'000;  // with the interpreter lock: less than 1 ms

template <class Make>
py::list all(const Relation& relation, Watch& watch, Make make) {
    py::list rows;
    for (RowId row = 0; row < relation.end(); ++row) {
        watch.spend(1);
        if (relation.is_in(row, State::kNew)) {
            rows.append(make(relation.row(row), relation.width()));
        }
    }
    return rows;
}

}  // namespace

// Busy also while Python objects are made: that may run finalizers, and they anything.
py::list Host::rows(RelationId id) {
    const Busy busy(*this);
    return all(kernel_.relation(id), kernel_.watch(), [&](const Id* cells, std::size_t width) {
        return decoded(kernel_.symbols(), cells, width);
    });
}

py::list Host::page(RelationId id, const std::optional<std::vector<Id>>& after,
                    std::size_t limit) {
    const Busy busy(*this);
    const Relation& relation = kernel_.relation(id);
    if (after && after->size() != relation.width()) {
        throw InvalidPlan("a page begins behind a row of another width");
    }
    py::list rows;
    if (after && after->empty()) return rows;  // there is no row behind the one without cells
    if (after) {
        for (const Id cell : *after) checked(cell);
    }
    const Id* const from = after ? after->data() : nullptr;
    const auto find = [&] {
        const py::gil_scoped_release unlocked;
        return page_of(relation, kernel_.symbols(), from, limit, kernel_.watch());
    };
    for (const RowId row : find()) {
        kernel_.watch().spend(1);
        rows.append(decoded(kernel_.symbols(), relation.row(row), relation.width()));
    }
    return rows;
}

py::list Host::ids(RelationId id) {
    const Busy busy(*this);
    return all(kernel_.relation(id), kernel_.watch(), ids_of);
}

std::uint32_t Host::height(RelationId id, const std::vector<Id>& row) {
    const RowId found = find_row(id, row);
    if (found == kNoRow) throw InvalidPlan("there is no such row");
    return kernel_.relation(id).support(found);
}

std::unique_ptr<Compiled> Host::compile(const py::tuple& given) {
    auto made = std::make_unique<Compiled>();
    made->plan = PlanReader(kernel_, builtins_).read(given);
    made->hold = std::make_unique<Hold>(constants_of(*made->plan), made->plan, kernel_.symbols(),
                                        released_);
    made->failures = std::make_unique<RuleFailures>(kernel_.symbols());
    return made;
}

py::list Host::query(Compiled& compiled, const std::vector<Id>& given) {
    const Busy busy(*this);
    const Answers answers = ask(compiled, given);
    const std::size_t width = compiled.plan->head.size();
    py::list rows(answers.size());
    for (std::uint32_t n = 0; n < answers.size(); ++n) {
        kernel_.watch().spend(1);
        rows[n] = decoded(kernel_.symbols(), answers.row(n), width);
    }
    return rows;
}

py::object Host::look_up(Compiled& compiled, PyObject* const* values) {
    const std::size_t size = compiled.plan->given.size();
    if (size > kMaxColumns) return py::none();
    Id given[kMaxColumns];
    for (std::size_t n = 0; n < size; ++n) {
        std::optional<Id> id;
        try {
            id = with_value(values[n], Finding{kernel_.symbols()});
        } catch (const CellRefused&) {
            return py::none();
        }
        if (!id) return py::none();
        given[n] = *id;
    }
    const Busy busy(*this);
    found_.reset(static_cast<std::uint32_t>(compiled.plan->head.size()));
    Limits few = kernel_.limits();
    few.max_bindings = std::min(few.max_bindings, kBindingsAtOnce);
    run_plan(compiled, given, found_, few);
    py::list rows(found_.size());
    for (std::uint32_t n = 0; n < found_.size(); ++n) {
        PyList_SET_ITEM(rows.ptr(), n,
                        decoded(kernel_.symbols(), found_.row(n), compiled.plan->head.size())
                            .release()
                            .ptr());
    }
    return rows;
}

py::list Host::query_ids(Compiled& compiled, const std::vector<Id>& given, std::uint32_t most) {
    const Busy busy(*this);
    const Answers answers = ask(compiled, given, most);
    py::list rows(answers.size());
    for (std::uint32_t n = 0; n < answers.size(); ++n) {
        rows[n] = ids_of(answers.row(n), compiled.plan->head.size());
    }
    return rows;
}

// Ordering: plans that nobody holds any more go first, with their indexes.
std::vector<std::vector<std::uint32_t>> Host::indexes(RelationId id) {
    released_->drain(kernel_.symbols());
    return kernel_.relation(id).index_columns();
}

void Host::set_limits(std::uint64_t max_rows, std::uint64_t max_bindings) {
    kernel_.limits().max_rows = max_rows;
    kernel_.limits().max_bindings = max_bindings;
}

RowId Host::find_row(RelationId id, const std::vector<Id>& row) {
    const Relation& relation = kernel_.relation(id);
    if (row.size() != relation.width()) return kNoRow;
    const RowId found = relation.find(row.data());
    return found != kNoRow && relation.is_in(found, State::kNew) ? found : kNoRow;
}

Answers Host::ask(Compiled& compiled, const std::vector<Id>& given, std::uint32_t most) {
    if (given.size() != compiled.plan->given.size()) {
        throw InvalidPlan("the plan takes other values");
    }
    Answers answers(static_cast<std::uint32_t>(compiled.plan->head.size()), most);
    const py::gil_scoped_release unlocked;
    run_plan(compiled, given.data(), answers, kernel_.limits());
    return answers;
}

void Host::run_plan(Compiled& compiled, const Id* given, Answers& answers, const Limits& limits) {
    Guard guard(limits, kernel_.watch(), kNoRule);
    compiled.failures->clear();
    Run run;
    run.plan = compiled.plan.get();
    run.sink = &answers;
    run.guard = &guard;
    run.reads = Reads::kNew;
    run.given = {given, compiled.plan->given.size()};
    run.is_found = answers.is_full();
    run.failures = compiled.failures.get();
    kernel_.executor().run(run);
    guard.refuse_rows(answers.size());
}

}  // namespace congress
