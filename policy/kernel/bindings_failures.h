// Calls of builtins that failed, as Python sees them.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "bindings_cells.h"
#include "builtin.h"

namespace congress {

// Calls of one rule that failed, by builtin and reason, with one example.
class RuleFailures : public FailureLog {
public:
    explicit RuleFailures(const Symbols& symbols) : symbols_(symbols) {}

    void note(const Builtin& builtin, const char* reason, const Id* inputs) override {
        const auto found = kinds_.find({&builtin, reason});
        if (found != kinds_.end()) {
            ++found->second.count;
            return;
        }
        const py::gil_scoped_acquire lock;  // for the example, also to make and to destroy it
        kinds_[{&builtin, reason}] = {1, decoded(symbols_, inputs, builtin.inputs)};
    }

    void clear() {
        if (kinds_.empty()) return;
        const py::gil_scoped_acquire lock;
        kinds_.clear();
    }
    py::list to_python() const {
        py::list made;
        for (const auto& [key, kind] : kinds_) {
            made.append(py::make_tuple(key.first->name, key.second, kind.count, kind.example));
        }
        return made;
    }

private:
    struct Kind {
        std::uint64_t count = 0;
        py::tuple example;
    };
    const Symbols& symbols_;
    std::map<std::pair<const Builtin*, std::string>, Kind> kinds_;
};

}  // namespace congress
