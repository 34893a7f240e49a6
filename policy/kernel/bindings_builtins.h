// Builtins of the language that Python answers.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>
#include <string>
#include <unordered_set>
#include <utility>

#include "builtin.h"
#include "memo.h"

namespace congress {

namespace py = pybind11;

// A builtin of the language: called once for each of its inputs, as long as that is remembered.
class PythonBuiltin : public Builtin {
public:
    PythonBuiltin(std::string name, std::uint32_t inputs, std::uint32_t outputs, py::object solve,
                  const py::object& failure, Symbols& symbols)
        : Builtin(std::move(name), inputs, outputs),
          solve_(std::move(solve)),
          failure_(failure),
          symbols_(symbols),
          memo_(symbols, inputs, outputs) {}

    std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*& failure) override;

private:
    void ask(const Id* cells);
    // A text that lives as long as the builtin, of the first thousand different ones.
    const char* reason(const std::string& text);

    py::object solve_;
    const py::object& failure_;
    Symbols& symbols_;
    Memo memo_;
    std::unordered_set<std::string> reasons_;
};

}  // namespace congress
