#include "bindings_builtins.h"

#include "bindings_cells.h"
#include "bindings_failures.h"

namespace congress {

namespace {

constexpr std::size_t kMostReasons = 1000;  // they are kept as long as the builtin

}  // namespace

std::uint32_t PythonBuiltin::solve(const Id* cells, Buffer<Id>& solutions, const char*& failure) {
    const Memo::Found* found = memo_.find(cells);
    if (found == nullptr) {
        ask(cells);
        found = memo_.find(cells);
    }
    failure = found->failure;
    solutions.append(memo_.solutions() + found->offset, std::size_t{found->count} * outputs);
    return found->count;
}

void PythonBuiltin::ask(const Id* cells) {
    const py::gil_scoped_acquire lock;
    Buffer<Id> made;
    std::uint32_t count = 0;
    const char* failure = nullptr;
    try {
        const py::object answers = solve_(decoded(symbols_, cells, inputs));
        bool is_refused = false;
        for (const py::handle answer : answers) {
            const auto row = py::cast<py::tuple>(answer);
            const std::size_t before = made.size();
            try {
                for (const py::handle cell : row) made.push_back(intern(symbols_, cell.ptr()));
                ++count;
            } catch (const CellRefused&) {
                made.truncate(before);
                is_refused = true;
            }
        }
        if (is_refused && count == 0) {
            failure = reason("the result is no value that a table may hold");
        }
    } catch (py::error_already_set& error) {
        if (!error.matches(failure_)) throw;
        made.clear();
        count = 0;
        failure = reason(py::cast<std::string>(py::str(error.value())));
    }
    memo_.put(cells, made.data(), count, failure);
}

const char* PythonBuiltin::reason(const std::string& text) {
    const auto found = reasons_.find(text);
    if (found != reasons_.end()) return found->c_str();
    return reasons_.size() < kMostReasons ? reasons_.insert(text).first->c_str() : kOtherReasons;
}

}  // namespace congress
