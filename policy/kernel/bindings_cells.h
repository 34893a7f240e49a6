// Values between Python and the kernel: what a cell may be, and cells as Python objects.
#pragma once

#include <pybind11/pybind11.h>

#include <cmath>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "errors.h"
#include "symbols.h"

namespace congress {

namespace py = pybind11;

[[noreturn]] inline void refuse(const std::string& reason) { throw CellRefused(0, 0, reason); }

// The text of a `str`, there as long as it is; raises CellRefused: no table may hold it.
inline std::string_view text_of(PyObject* value) {
    Py_ssize_t size = 0;
    const char* text = nullptr;
    if (PyUnicode_IS_COMPACT_ASCII(value)) {
        text = reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(value));
        size = PyUnicode_GET_LENGTH(value);
    } else {
        text = PyUnicode_AsUTF8AndSize(value, &size);
    }
    if (text == nullptr) {
        if (PyErr_ExceptionMatches(PyExc_MemoryError) != 0) throw py::error_already_set();
        PyErr_Clear();
        refuse("text with a lone surrogate");
    }
    const auto bytes = static_cast<std::size_t>(size);
    if (std::memchr(text, 0, bytes) != nullptr) refuse("text with NUL");
    return {text, bytes};
}

// Calls `use` with what a Python value is; raises CellRefused: no table may hold it.
template <class Use>
auto with_value(PyObject* value, Use use) {
    if (PyUnicode_CheckExact(value)) return use(text_of(value));
    if (PyLong_CheckExact(value)) {
        int overflow = 0;
        const long long integer = PyLong_AsLongLongAndOverflow(value, &overflow);
        if (overflow != 0) refuse("an integer beyond 64 bits");
        return use(std::int64_t{integer});
    }
    if (PyFloat_CheckExact(value)) {
        const double real = PyFloat_AS_DOUBLE(value);
        if (!std::isfinite(real)) refuse("a float that is not a finite number");
        return use(real);
    }
    if (PyBool_Check(value)) return use(value == Py_True);
    if (value == Py_None) return use(nullptr);
    refuse("a value of type " + std::string(Py_TYPE(value)->tp_name));
}

struct Interning {
    Symbols& symbols;
    Id operator()(std::string_view text) const { return symbols.intern_text(text); }
    Id operator()(std::int64_t integer) const { return symbols.intern_integer(integer); }
    Id operator()(double real) const { return symbols.intern_float(real); }
    Id operator()(bool value) const { return Symbols::boolean(value); }
    Id operator()(std::nullptr_t) const { return Symbols::kNullId; }
};

struct Finding {
    const Symbols& symbols;
    std::optional<Id> operator()(std::string_view text) const { return symbols.find_text(text); }
    std::optional<Id> operator()(std::int64_t i) const { return symbols.find_integer(i); }
    std::optional<Id> operator()(double real) const { return symbols.find_float(real); }
    std::optional<Id> operator()(bool value) const { return Symbols::boolean(value); }
    std::optional<Id> operator()(std::nullptr_t) const { return Symbols::kNullId; }
};

inline Id intern(Symbols& symbols, PyObject* value) {
    return with_value(value, Interning{symbols});
}

py::object to_python(const Value& value);
py::tuple decoded(const Symbols& symbols, const Id* cells, std::size_t width);
py::tuple ids_of(const Id* cells, std::size_t width);

}  // namespace congress
