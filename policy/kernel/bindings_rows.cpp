#include "bindings_rows.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include "bindings.h"
#include "bindings_cell_queue.h"
#include "bindings_results.h"
#include "bindings_sequence.h"
#include "bulk_rows.h"

namespace congress {

namespace {

constexpr Py_ssize_t kMany = 32;    // rows from which on a queue pays
constexpr Py_ssize_t kAhead = 8;    // rows: how far ahead one is fetched ahead

bool is_listed(PyObject* value) { return PyTuple_CheckExact(value) || PyList_CheckExact(value); }

void check_width(std::size_t number, Py_ssize_t size, std::uint32_t width) {
    if (size == static_cast<Py_ssize_t>(width)) return;
    throw CellRefused(number, width,
                      "has " + std::to_string(size) + (size == 1 ? " cell" : " cells") +
                          ", expected " + std::to_string(width));
}

// Texts and mappings are sequences to Python, of something else than cells.
bool is_sequence_of_cells(PyObject* value) {
    const bool is_text =
        PyUnicode_Check(value) || PyBytes_Check(value) || PyByteArray_Check(value);
    const bool is_mapping = PyType_HasFeature(Py_TYPE(value), Py_TPFLAGS_MAPPING);
    return !is_text && !is_mapping && PySequence_Check(value);
}

// A row of any kind; what it is made of may run Python code.
void intern_row(Symbols& symbols, PyObject* given, std::size_t number, std::uint32_t width,
                Buffer<Id>& out) {
    const bool is_plain = PyTuple_Check(given) || PyList_Check(given);
    if (!is_plain && !is_sequence_of_cells(given)) throw CellRefused(number, width, "is no row");
    const py::object kept = is_plain
                                ? py::reinterpret_borrow<py::object>(given)
                                : py::reinterpret_steal<py::object>(PySequence_Tuple(given));
    if (!kept) throw py::error_already_set();
    check_width(number, PySequence_Fast_GET_SIZE(kept.ptr()), width);
    PyObject** cells = PySequence_Fast_ITEMS(kept.ptr());
    if (width == 0) out.push_back(0);
    for (std::uint32_t column = 0; column < width; ++column) {
        try {
            out.push_back(intern(symbols, cells[column]));
        } catch (const CellRefused& refused) {
            throw CellRefused(number, column, refused.what());
        }
    }
}

// The tuples and lists among the rows [number, end), up to the first row of another kind: nothing
// that they need runs Python code, so that all stay. Gives where that row is.
Py_ssize_t intern_listed(Symbols& symbols, PyObject* list, Py_ssize_t number, Py_ssize_t end,
                         std::uint32_t width, Buffer<Id>& out) {
    PyObject** rows = PySequence_Fast_ITEMS(list);
    CellQueue queue(symbols, out);
    for (; number < end && is_listed(rows[number]); ++number) {
        if (number + kAhead < end) __builtin_prefetch(rows[number + kAhead]);
        check_width(static_cast<std::size_t>(number), PySequence_Fast_GET_SIZE(rows[number]), width);
        PyObject** cells = PySequence_Fast_ITEMS(rows[number]);
        std::uint32_t column = 0;
        try {
            for (; column < width; ++column) queue.push(cells[column]);
        } catch (const CellRefused& refused) {
            throw CellRefused(static_cast<std::size_t>(number), column, refused.what());
        }
    }
    queue.flush();
    return number;
}

// The same of all rows, a block at a time: a look between two may run a handler, and that anything.
Py_ssize_t intern_blocks(Symbols& symbols, PyObject* list, std::uint32_t width, Watch& watch,
                         Buffer<Id>& out) {
    const auto block = static_cast<Py_ssize_t>(kBulkBlock / width);
    for (Py_ssize_t number = 0;;) {
        const Py_ssize_t end = std::min(PySequence_Fast_GET_SIZE(list), number + block);
        const Py_ssize_t done = intern_listed(symbols, list, number, end, width, out);
        if (done < end || end < number + block) return done;
        watch.spend(kBulkBlock);
        number = done;
    }
}

}  // namespace

void intern_rows(Symbols& symbols, const py::handle& rows, std::uint32_t width, Watch& watch,
                 Buffer<Id>& out) {
    PyObject* given = rows.ptr();
    const bool is_many = is_listed(given) && PySequence_Fast_GET_SIZE(given) >= kMany && width != 0;
    const Py_ssize_t done = is_many ? intern_blocks(symbols, given, width, watch, out) : 0;
    if (is_many && done >= PySequence_Fast_GET_SIZE(given)) return;
    std::size_t number = 0;
    for (const py::handle row : rows) {
        if (number >= static_cast<std::size_t>(done)) {
            watch.spend(width + std::uint64_t{1});
            intern_row(symbols, row.ptr(), number, width, out);
        }
        ++number;
    }
}

void bind_rows(py::module_& module) {
    py::class_<Hold>(module, "Hold", refused_instances());
    py::class_<Rows> face(module, "Rows", refused_instances());
    face.def("__len__", giving(&Rows::size));
    bind_sequence(face, std::mem_fn(&Rows::list));
}

}  // namespace congress
