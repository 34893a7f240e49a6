// What pybind11 takes for granted: that Python has memory for a result.
#pragma once

#include <pybind11/pybind11.h>

#include <new>
#include <utility>

namespace congress {

namespace py = pybind11;

// A number, or a list of some, as Python object: pybind11 would call it one of the wrong type.
// Raises: py::error_already_set: there is no memory for it.
template <class Result>
py::object result(Result&& made) {
    py::object given = py::cast(std::forward<Result>(made));
    if (!given) throw py::error_already_set();
    return given;
}

// A method whose result is given so.
template <class Self, class Result, class... Given>
auto giving(Result (Self::*call)(Given...)) {
    return [call](Self& self, Given... given) {
        return result((self.*call)(std::forward<Given>(given)...));
    };
}
template <class Self, class Result, class... Given>
auto giving(Result (Self::*call)(Given...) const) {
    return [call](const Self& self, Given... given) {
        return result((self.*call)(std::forward<Given>(given)...));
    };
}

// For each class: pybind11 would write into an instance for which there was no memory.
inline py::custom_type_setup refused_instances() {
    return py::custom_type_setup([](PyHeapTypeObject* heap_type) {
        // Called by C++ alone: by `tp_new` below, and where a result becomes an instance.
        heap_type->ht_type.tp_alloc = [](PyTypeObject* type, Py_ssize_t count) {
            PyObject* const made = PyType_GenericAlloc(type, count);
            if (made == nullptr) throw py::error_already_set();
            return made;
        };
        heap_type->ht_type.tp_new = [](PyTypeObject* type, PyObject* given, PyObject* named) {
            try {
                return py::detail::pybind11_object_new(type, given, named);
            } catch (py::error_already_set& error) {
                error.restore();
            } catch (const std::bad_alloc&) {
                PyErr_NoMemory();
            }
            return static_cast<PyObject*>(nullptr);
        };
    });
}

}  // namespace congress
