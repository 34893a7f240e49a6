// The extension module. The files named bindings* alone know Python.

#include "bindings.h"

PYBIND11_MODULE(_kernel, module) {
    module.doc() = "The evaluation kernel; see _kernel.pyi.";
    congress::bind_errors(module);
    congress::bind_rows(module);
    congress::bind_bulk(module);
    congress::bind_kernel(module);
    congress::bind_calls(module);
    congress::bind_prepared(module);
}
