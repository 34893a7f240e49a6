#include "bindings_rows.h"

#include <string>
#include <utility>

#include "bindings.h"
#include "bindings_sequence.h"

namespace congress {

void intern_rows(Symbols& symbols, const py::handle& rows, std::uint32_t width, Buffer<Id>& out) {
    std::size_t number = 0;
    for (const py::handle row : rows) {
        PyObject* given = row.ptr();
        const bool is_plain = PyTuple_Check(given) || PyList_Check(given);
        const bool is_text = PyUnicode_Check(given) || PyBytes_Check(given);
        if (!is_plain && (is_text || PyDict_Check(given) || !PySequence_Check(given))) {
            throw CellRefused(number, width, "is no row");
        }
        const py::object kept = is_plain
                                    ? py::reinterpret_borrow<py::object>(row)
                                    : py::reinterpret_steal<py::object>(PySequence_Tuple(given));
        if (!kept) throw py::error_already_set();
        const Py_ssize_t size = PySequence_Fast_GET_SIZE(kept.ptr());
        if (size != static_cast<Py_ssize_t>(width)) {
            throw CellRefused(number, width,
                              "has " + std::to_string(size) + " cells, expected " +
                                  std::to_string(width));
        }
        PyObject** cells = PySequence_Fast_ITEMS(kept.ptr());
        if (width == 0) out.push_back(0);
        for (std::uint32_t column = 0; column < width; ++column) {
            try {
                out.push_back(intern(symbols, cells[column]));
            } catch (const CellRefused& refused) {
                throw CellRefused(number, column, refused.what());
            }
        }
        ++number;
    }
}

py::object kept_alive(std::unique_ptr<Rows> rows, const py::object& host) {
    if (rows == nullptr) return py::none();
    py::object made = py::cast(std::move(rows));
    py::detail::keep_alive_impl(made, host);
    return made;
}

void bind_rows(py::module_& module) {
    py::class_<Hold>(module, "Hold");
    py::class_<Rows> face(module, "Rows");
    face.def("__len__", &Rows::size)
        .def("__getitem__",
             [](const Rows& rows, py::ssize_t number) {
                 const auto size = static_cast<py::ssize_t>(rows.size());
                 if (number < 0) number += size;
                 if (number < 0 || number >= size) throw py::index_error("there is no such row");
                 return rows.row(static_cast<std::size_t>(number));
             });
    bind_sequence(face, [](const Rows& rows) { return rows.list(); });
}

}  // namespace congress
