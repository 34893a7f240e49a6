// What the kernel refuses, as Python exceptions.

#include <cstring>
#include <exception>
#include <stdexcept>

#include "bindings.h"
#include "bindings_cells.h"
#include "errors.h"

namespace congress {
namespace {

py::object rule_of(RuleId rule) {
    return rule == kNoRule ? py::object(py::none()) : py::object(py::int_(rule));
}

const char* name_of(TextFlaw flaw) {
    switch (flaw) {
        case TextFlaw::kEncoding:
            return "encoding";
        case TextFlaw::kSyntax:
            return "syntax";
        case TextFlaw::kEmpty:
            return "empty";
        case TextFlaw::kTwice:
            return "twice";
        case TextFlaw::kWidth:
            return "width";
        case TextFlaw::kUnknown:
            return "unknown";
        case TextFlaw::kNull:
            return "null";
        case TextFlaw::kType:
            return "type";
        case TextFlaw::kValue:
            return "value";
    }
    return "?";
}

// pybind11 tells that Python has no memory for an object by the text of an error alone, or by one
// of the wrong type.
bool is_lack_of_memory(const std::runtime_error& error) {
    if (PyErr_ExceptionMatches(PyExc_MemoryError) != 0) return true;
    return std::strncmp(error.what(), "Could not allocate ", 19) == 0;
}

}  // namespace

void bind_errors(py::module_& module) {
    static py::exception<CellRefused> cell_refused(module, "CellRefused", PyExc_ValueError);
    static py::exception<TextRefused> text_refused(module, "TextRefused", PyExc_ValueError);
    static py::exception<InvalidColumns> invalid_columns(module, "InvalidColumns",
                                                         PyExc_ValueError);
    static py::exception<LimitExceeded> limit_exceeded(module, "LimitExceeded");
    static py::exception<TableFull> table_full(module, "TableFull");
    static py::exception<InvalidPlan> invalid_plan(module, "InvalidPlan", PyExc_ValueError);
    static py::exception<Stopped> stopped(module, "Stopped");
    static py::exception<Cancelled> cancelled(module, "Cancelled", stopped.ptr());
    static py::exception<DeadlinePassed> deadline_passed(module, "DeadlinePassed", stopped.ptr());
    py::register_exception_translator([](std::exception_ptr given) {
        try {
            if (given) std::rethrow_exception(given);
        } catch (const CellRefused& refused) {
            const py::tuple made = py::make_tuple(refused.what(), refused.row, refused.column);
            PyErr_SetObject(cell_refused.ptr(), made.ptr());
        } catch (const TextRefused& refused) {
            const py::tuple made = py::make_tuple(name_of(refused.flaw), refused.line,
                                                  refused.column, refused.detail);
            PyErr_SetObject(text_refused.ptr(), made.ptr());
        } catch (const InvalidColumns& error) {
            PyErr_SetString(invalid_columns.ptr(), error.what());
        } catch (const LimitExceeded& error) {
            const py::tuple made = py::make_tuple(error.what(), rule_of(error.rule));
            PyErr_SetObject(limit_exceeded.ptr(), made.ptr());
        } catch (const TableFull& error) {
            PyErr_SetObject(table_full.ptr(), py::make_tuple(error.what(), error.relation).ptr());
        } catch (const InvalidPlan& error) {
            PyErr_SetString(invalid_plan.ptr(), error.what());
        } catch (const Stopped& error) {
            const bool is_late = dynamic_cast<const DeadlinePassed*>(&error) != nullptr;
            PyObject* const type = is_late ? deadline_passed.ptr() : cancelled.ptr();
            PyErr_SetObject(type, py::make_tuple(error.what(), rule_of(error.rule)).ptr());
        } catch (const std::runtime_error& error) {
            if (!is_lack_of_memory(error)) throw;
            PyErr_NoMemory();
        }
    });
}

}  // namespace congress
