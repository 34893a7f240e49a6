// Calls of builtins that failed, as Python sees them.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "bindings_cells.h"
#include "builtin.h"
#include "kernel.h"

namespace congress {

// Says what is no reason of its own any more.
inline constexpr const char* kOtherReasons = "other reasons";

// Calls of one rule that failed, by builtin and reason, with one example.
// Invariant: with a kernel, its rollback takes back what was counted since its mark.
class RuleFailures : public FailureLog {
public:
    // Null: of a plan, whose calls are those of its last run.
    explicit RuleFailures(const Symbols& symbols, Kernel* kernel = nullptr)
        : symbols_(symbols), kernel_(kernel) {}

    void note(const Builtin& builtin, const char* reason, const Id* inputs) override {
        Kind& kind = kind_of(builtin, reason);
        if (kind.count == 0) {  // also one that a rollback took back: its example never was
            const py::gil_scoped_acquire lock;
            kind.example = decoded(symbols_, inputs, builtin.inputs);
        }
        if (kernel_ != nullptr && kind.span != kernel_->span()) {
            kernel_->note([&kind, before = kind.count] { kind.count = before; });
            kind.span = kernel_->span();
        }
        ++kind.count;
    }

    void clear() {
        if (kinds_.empty()) return;
        const py::gil_scoped_acquire lock;
        kinds_.clear();
    }
    py::list to_python() const {
        py::list made;
        for (const auto& [key, kind] : kinds_) {
            if (kind.count == 0) continue;
            made.append(py::make_tuple(key.first->name, key.second, kind.count, kind.example));
        }
        return made;
    }

private:
    static constexpr std::size_t kMostKinds = 100;  // a reader looks at the first few of a rule

    struct Kind {
        std::uint64_t count = 0;
        std::uint64_t span = 0;  // of the kernel, in which it was noted last
        py::tuple example{py::reinterpret_steal<py::tuple>(nullptr)};
    };

    Kind& kind_of(const Builtin& builtin, const char* reason) {
        const auto found = kinds_.find({&builtin, reason});
        if (found != kinds_.end()) return found->second;
        if (kinds_.size() < kMostKinds) return kinds_[{&builtin, reason}];
        return kinds_[{&builtin, kOtherReasons}];
    }

    const Symbols& symbols_;
    Kernel* kernel_;
    std::map<std::pair<const Builtin*, std::string>, Kind> kinds_;
};

}  // namespace congress
