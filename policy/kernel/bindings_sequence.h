// Rows in C++ as a Python sequence, equal to the list of them.
#pragma once

#include <pybind11/pybind11.h>

namespace congress {

namespace py = pybind11;

// `list(rows)` makes the list.
template <class Rows, class... Options, class List>
void bind_sequence(py::class_<Rows, Options...>& face, List list) {
    face.def("__getitem__",
             [list](const Rows& rows, const py::slice& slice) {
                 return py::object(list(rows)[slice]);
             })
        .def("__iter__", [list](const Rows& rows) { return py::iter(list(rows)); })
        .def("__eq__",
             [list](const Rows& rows, const py::object& other) {
                 const py::object own = list(rows);
                 if (!py::isinstance<Rows>(other)) return own.equal(other);
                 return own.equal(list(other.cast<const Rows&>()));
             })
        .def("__repr__", [list](const Rows& rows) { return py::repr(list(rows)); });
}

}  // namespace congress
