// Prepared questions: a call that neither changes nor plans anything runs no line of Python.

#include <pybind11/pybind11.h>
#include <structmember.h>

#include <memory>
#include <new>

#include "bindings.h"
#include "bindings_host.h"
#include "bindings_hot_keys.h"

namespace congress {
namespace {

// The type is written by hand: Python calls it without a tuple of arguments and without a search
// for the method.
struct Prepared {
    PyObject_HEAD
    vectorcallfunc call;
    PyObject* text;
    PyObject* ask;     // asks for an answer: with a tuple of values
    PyObject* kernel;  // the kernel's Python object
    PyObject* plan;    // what answers as long as nothing but rows changes, or null
    Host* host;
    Compiled* compiled;
    std::uint64_t meaning;  // of the kernel when the plan was adopted
    HotKeys* hot;
};

Prepared* prepared(PyObject* self) { return reinterpret_cast<Prepared*>(self); }

PyObject* copied(PyObject* rows) {
    const Py_ssize_t size = PyTuple_GET_SIZE(rows);
    PyObject* const made = PyList_New(size);
    if (made == nullptr) return nullptr;
    for (Py_ssize_t n = 0; n < size; ++n) {
        PyObject* const row = PyTuple_GET_ITEM(rows, n);
        Py_INCREF(row);
        PyList_SET_ITEM(made, n, row);
    }
    return made;
}

// The rows, or null without an error when somebody else has to answer.
PyObject* look_up(const Prepared& self, PyObject* const* values, std::size_t size) {
    Host& host = *self.host;
    if (self.plan == nullptr || self.meaning != host.meaning()) return nullptr;
    if (size != self.compiled->plan->given.size() || Entrance::is_late()) return nullptr;
    const Entrance::Glance glance(host.entrance());
    if (!glance.is_inside() || host.is_busy()) return nullptr;
    const std::uint64_t version = host.kernel().version();
    const HotKeys::Question question = HotKeys::question(values, size);
    if (const py::object rows = self.hot->find(question, version)) return copied(rows.ptr());
    try {
        py::object rows = host.look_up(*self.compiled, values);
        if (rows.is_none()) return nullptr;
        self.hot->note(question, version, py::reinterpret_borrow<py::list>(rows));
        return rows.release().ptr();
    } catch (const LimitExceeded&) {
        return nullptr;  // is asked without the interpreter lock, or told in the language's words
    } catch (const Stopped&) {
        return nullptr;  // is stopped again, where that is told
    } catch (py::error_already_set& error) {
        error.restore();
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (...) {
        return nullptr;  // is told where Python's own calls are translated
    }
    return nullptr;
}

PyObject* tuple_of(PyObject* const* values, std::size_t size) {
    PyObject* const made = PyTuple_New(static_cast<Py_ssize_t>(size));
    if (made == nullptr) return nullptr;
    for (std::size_t n = 0; n < size; ++n) {
        Py_INCREF(values[n]);
        PyTuple_SET_ITEM(made, static_cast<Py_ssize_t>(n), values[n]);
    }
    return made;
}

PyObject* answered(PyObject* self, PyObject* const* values, std::size_t size) {
    PyObject* const given = tuple_of(values, size);
    if (given == nullptr) return nullptr;
    PyObject* const found = PyObject_CallFunctionObjArgs(prepared(self)->ask, self, given, nullptr);
    Py_DECREF(given);
    return found;
}

PyObject* call(PyObject* self, PyObject* const* values, std::size_t flags, PyObject* names) {
    if (names != nullptr && PyTuple_GET_SIZE(names) > 0) {
        PyErr_SetString(PyExc_TypeError, "values are given in text order, not by name");
        return nullptr;
    }
    const auto size = static_cast<std::size_t>(PyVectorcall_NARGS(flags));
    PyObject* const rows = look_up(*prepared(self), values, size);
    if (rows != nullptr || PyErr_Occurred() != nullptr) return rows;
    PyObject* const found = answered(self, values, size);
    if (found == nullptr) return nullptr;
    PyObject* const answer_rows = PyObject_GetAttrString(found, "rows");
    Py_DECREF(found);
    return answer_rows;
}

PyObject* answer(PyObject* self, PyObject* const* values, Py_ssize_t size) {
    return answered(self, values, static_cast<std::size_t>(size));
}

// Takes the plan that alone gives the answers from now on, None for none.
PyObject* adopt(PyObject* self, PyObject* plan) {
    Prepared& own = *prepared(self);
    Compiled* compiled = nullptr;
    if (plan != Py_None) {
        try {
            compiled = py::handle(plan).cast<Compiled*>();
        } catch (const py::cast_error&) {
            PyErr_SetString(PyExc_TypeError, "expected a plan or None");
            return nullptr;
        }
    }
    own.hot->clear();
    own.compiled = compiled;
    own.meaning = own.host->meaning();
    PyObject* const before = own.plan;
    Py_XINCREF(compiled == nullptr ? nullptr : plan);
    own.plan = compiled == nullptr ? nullptr : plan;
    Py_XDECREF(before);
    Py_RETURN_NONE;
}

PyObject* make(PyTypeObject* type, PyObject* arguments, PyObject* names) {
    static const char* keys[] = {"kernel", "text", "ask", nullptr};
    PyObject* kernel = nullptr;
    PyObject* text = nullptr;
    PyObject* ask = nullptr;
    if (PyArg_ParseTupleAndKeywords(arguments, names, "OUO", const_cast<char**>(keys), &kernel,
                                    &text, &ask) == 0) {
        return nullptr;
    }
    if (!py::isinstance<Host>(kernel)) {
        PyErr_SetString(PyExc_TypeError, "expected a Kernel");
        return nullptr;
    }
    auto hot = std::unique_ptr<HotKeys>(new (std::nothrow) HotKeys);
    if (hot == nullptr) return PyErr_NoMemory();
    PyObject* const self = type->tp_alloc(type, 0);
    if (self == nullptr) return nullptr;
    Prepared& own = *prepared(self);
    own.call = call;
    own.hot = hot.release();
    own.host = py::handle(kernel).cast<Host*>();
    Py_INCREF(text);
    own.text = text;
    Py_INCREF(ask);
    own.ask = ask;
    Py_INCREF(kernel);
    own.kernel = kernel;
    return self;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(prepared(self)->ask);
    Py_VISIT(prepared(self)->plan);
    Py_VISIT(prepared(self)->kernel);
    return 0;
}

// Ordering: the plan before its kernel.
int clear(PyObject* self) {
    Py_CLEAR(prepared(self)->ask);
    Py_CLEAR(prepared(self)->plan);
    return 0;
}

void destroy(PyObject* self) {
    PyTypeObject* const type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    clear(self);
    delete prepared(self)->hot;
    Py_CLEAR(prepared(self)->text);
    Py_CLEAR(prepared(self)->kernel);
    type->tp_free(self);
    Py_DECREF(type);
}

PyMemberDef members[] = {
    {"text", T_OBJECT_EX, offsetof(Prepared, text), READONLY, "The question."},
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Prepared, call), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyMethodDef methods[] = {
    {"answer", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(answer)), METH_FASTCALL,
     "Give the rows with what keeps them from being complete. Raises: as a call."},
    {"adopt", adopt, METH_O, "Take the plan that alone gives the answers from now on, or None."},
    {nullptr, nullptr, 0, nullptr},
};

constexpr const char* kDescription =
    "A question that waits for the values of its `?`; made by `Engine.prepare`.\n\n"
    "Called with one value for each `?`, in text order, it gives the rows, each once and in no\n"
    "order.\n\n"
    "Promises: follows changes of rules and schemas; may be called from any thread.\n"
    "Raises: InvalidRequest: more or fewer values. InvalidRow: no table may hold one of them.\n"
    "    PolicyError: the question does not fit the rules and schemas of now.\n";

PyType_Slot slots[] = {
    {Py_tp_new, reinterpret_cast<void*>(make)},
    {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
    {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
    {Py_tp_clear, reinterpret_cast<void*>(clear)},
    {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
    {Py_tp_members, members},
    {Py_tp_methods, methods},
    {Py_tp_doc, const_cast<char*>(kDescription)},
    {0, nullptr},
};

PyType_Spec spec = {
    "congress_dist.policy.kernel._kernel.PreparedQuery", sizeof(Prepared), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL, slots};

}  // namespace

void bind_prepared(py::module_& module) {
    const auto type = py::reinterpret_steal<py::object>(PyType_FromSpec(&spec));
    if (!type) throw py::error_already_set();
    module.attr("PreparedQuery") = type;
}

}  // namespace congress
