// What the kernel refuses, as Python exceptions.

#include <exception>

#include "bindings.h"
#include "bindings_cells.h"
#include "errors.h"

namespace congress {

void bind_errors(py::module_& module) {
    static py::exception<CellRefused> cell_refused(module, "CellRefused", PyExc_ValueError);
    static py::exception<LimitExceeded> limit_exceeded(module, "LimitExceeded");
    static py::exception<InvalidPlan> invalid_plan(module, "InvalidPlan", PyExc_ValueError);
    static py::exception<Cancelled> cancelled(module, "Cancelled");
    py::register_exception_translator([](std::exception_ptr given) {
        try {
            if (given) std::rethrow_exception(given);
        } catch (const CellRefused& refused) {
            const py::tuple made = py::make_tuple(refused.what(), refused.row, refused.column);
            PyErr_SetObject(cell_refused.ptr(), made.ptr());
        } catch (const LimitExceeded& error) {
            const py::object rule =
                error.rule == kNoRule ? py::object(py::none()) : py::object(py::int_(error.rule));
            PyErr_SetObject(limit_exceeded.ptr(), py::make_tuple(error.what(), rule).ptr());
        } catch (const InvalidPlan& error) {
            PyErr_SetString(invalid_plan.ptr(), error.what());
        } catch (const Cancelled& error) {
            PyErr_SetString(cancelled.ptr(), error.what());
        }
    });
}

}  // namespace congress
