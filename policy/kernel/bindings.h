// What each part of the bindings adds to the extension module.
#pragma once

#include <pybind11/pybind11.h>

namespace congress {

namespace py = pybind11;

void bind_errors(py::module_& module);
void bind_rows(py::module_& module);
void bind_bulk(py::module_& module);
void bind_kernel(py::module_& module);
void bind_calls(py::module_& module);
void bind_prepared(py::module_& module);

}  // namespace congress
