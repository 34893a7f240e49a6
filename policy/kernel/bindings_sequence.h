// Rows in C++ as a Python sequence, equal to the list of them.
#pragma once

#include <pybind11/pybind11.h>

namespace congress {

namespace py = pybind11;

// `list(rows, first, step, count)` makes the list of some rows.
template <class Rows, class... Options, class List>
void bind_sequence(py::class_<Rows, Options...>& face, List list) {
    const auto whole = [list](const Rows& rows) {
        return list(rows, 0, 1, static_cast<py::ssize_t>(rows.size()));
    };
    face.def("__getitem__",
             [list](const Rows& rows, const py::slice& slice) {
                 py::ssize_t first = 0;
                 py::ssize_t end = 0;
                 py::ssize_t step = 0;
                 py::ssize_t count = 0;
                 const auto size = static_cast<py::ssize_t>(rows.size());
                 if (!slice.compute(size, &first, &end, &step, &count)) {
                     throw py::error_already_set();
                 }
                 return list(rows, first, step, count);
             })
        .def("__getitem__",
             [list](const Rows& rows, py::ssize_t number) {
                 const auto size = static_cast<py::ssize_t>(rows.size());
                 if (number < 0) number += size;
                 if (number < 0 || number >= size) throw py::index_error("there is no such row");
                 return py::object(list(rows, number, 1, 1)[0]);
             })
        .def("__iter__", [whole](const Rows& rows) { return py::iter(whole(rows)); })
        .def("__eq__",
             [whole](const Rows& rows, const py::object& other) {
                 const py::object own = whole(rows);
                 if (!py::isinstance<Rows>(other)) return own.equal(other);
                 return own.equal(whole(other.cast<const Rows&>()));
             })
        .def("__repr__", [whole](const Rows& rows) { return py::repr(whole(rows)); });
}

}  // namespace congress
