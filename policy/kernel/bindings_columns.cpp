#include "bindings_columns.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "bindings_cells.h"
#include "bindings_interrupts.h"

namespace congress {
namespace {

// --- lists and tuples

struct Reading {
    Value operator()(std::string_view text) const { return text_value(text); }
    Value operator()(std::int64_t integer) const { return integer_value(integer); }
    Value operator()(double real) const { return float_value(real); }
    Value operator()(bool value) const { return boolean_value(value); }
    Value operator()(std::nullptr_t) const { return {}; }
};

class ValueColumn : public Column {
public:
    // A copy: nobody can change it.
    explicit ValueColumn(const py::object& values) : values_(py::tuple(values)) {}

    std::size_t size() const override { return values_.size(); }
    bool is_python() const override { return true; }
    Value value(std::size_t row) const override {
        try {
            return with_value(PyTuple_GET_ITEM(values_.ptr(), row), Reading{});
        } catch (const CellRefused& refused) {
            throw CellRefused(row, 0, refused.what());
        }
    }

private:
    py::tuple values_;
};

// --- buffers

std::shared_ptr<const Py_buffer> buffer_of(const py::object& given) {
    auto view = std::make_unique<Py_buffer>();
    if (PyObject_GetBuffer(given.ptr(), view.get(), PyBUF_RECORDS_RO) != 0) {
        const bool is_refused = PyErr_ExceptionMatches(PyExc_Exception) != 0;
        if (!is_refused || PyErr_ExceptionMatches(PyExc_MemoryError) != 0) {
            throw py::error_already_set();
        }
        PyErr_Clear();  // it has none of that kind
        return nullptr;
    }
    return {view.release(), [](Py_buffer* held) {
                const py::gil_scoped_acquire lock;
                PyBuffer_Release(held);
                delete held;
            }};
}

template <class Number>
std::shared_ptr<Column> numbers_of(const Py_buffer& view, bool is_swapped, Keeper keeper) {
    // Some, like ctypes, leave out what follows from the size of a cell.
    const Py_ssize_t size = view.shape == nullptr ? view.len / view.itemsize : view.shape[0];
    const Py_ssize_t step = view.strides == nullptr ? view.itemsize : view.strides[0];
    return std::make_shared<NumberColumn<Number>>(view.buf, step, static_cast<std::size_t>(size),
                                                  is_swapped, std::move(keeper));
}

template <class One, class Two, class Four, class Eight>
std::shared_ptr<Column> integers_of(const Py_buffer& view, bool is_swapped, Keeper keeper) {
    switch (view.itemsize) {
        case 1:
            return numbers_of<One>(view, is_swapped, std::move(keeper));
        case 2:
            return numbers_of<Two>(view, is_swapped, std::move(keeper));
        case 4:
            return numbers_of<Four>(view, is_swapped, std::move(keeper));
        case 8:
            return numbers_of<Eight>(view, is_swapped, std::move(keeper));
        default:
            return nullptr;
    }
}

// Null when its cells are no numbers. The letters are those of Python's module `struct`.
std::shared_ptr<Column> column_of_buffer(const py::object& given) {
    const std::shared_ptr<const Py_buffer> view = buffer_of(given);
    if (view == nullptr || view->ndim != 1) return nullptr;
    std::string_view format = view->format == nullptr ? "B" : view->format;
    bool is_swapped = false;
    if (!format.empty() && std::string_view("@=<>!").find(format[0]) != format.npos) {
        const bool is_big = format[0] == '>' || format[0] == '!';
        const bool is_little = format[0] == '<';
        is_swapped = std::endian::native == std::endian::little ? is_big : is_little;
        format.remove_prefix(1);
    }
    if (format.size() != 1) return nullptr;
    if (format == "?" && view->itemsize == 1) return numbers_of<bool>(*view, false, view);
    if (format == "f" && view->itemsize == 4) return numbers_of<float>(*view, is_swapped, view);
    if (format == "d" && view->itemsize == 8) return numbers_of<double>(*view, is_swapped, view);
    if (std::string_view("bhilqn").find(format[0]) != format.npos) {
        return integers_of<std::int8_t, std::int16_t, std::int32_t, std::int64_t>(
            *view, is_swapped, view);
    }
    if (std::string_view("BHILQN").find(format[0]) != format.npos) {
        return integers_of<std::uint8_t, std::uint16_t, std::uint32_t, std::uint64_t>(
            *view, is_swapped, view);
    }
    return nullptr;
}

// --- Arrow's arrays

template <class Structure>
Structure& inside(const py::handle& capsule, const char* name) {
    if (!PyCapsule_IsValid(capsule.ptr(), name)) {
        throw InvalidColumns(std::string("an object whose Arrow methods give no capsule '") +
                             name + "'");
    }
    return *static_cast<Structure*>(PyCapsule_GetPointer(capsule.ptr(), name));
}

}  // namespace

std::vector<NamedColumn> columns_of_arrow(const py::object& given, bool is_table) {
    if (py::hasattr(given, "__arrow_c_stream__")) {
        const py::object capsule = given.attr("__arrow_c_stream__")();
        auto& stream = inside<ArrowArrayStream>(capsule, "arrow_array_stream");
        const py::gil_scoped_release unlocked;  // the library may compute in threads of its own
        return read_arrow(stream, is_table, Interrupts::see);
    }
    const py::object made = given.attr("__arrow_c_array__")();
    if (!py::isinstance<py::tuple>(made) || py::len(made) != 2) {
        throw InvalidColumns("an object whose __arrow_c_array__ gives no pair of a schema and an array");
    }
    const auto capsules = py::reinterpret_borrow<py::tuple>(made);
    return read_arrow(inside<ArrowSchema>(capsules[0], "arrow_schema"),
                      inside<ArrowArray>(capsules[1], "arrow_array"), is_table);
}

std::shared_ptr<Column> column_of(const py::object& given) {
    if (py::isinstance<py::list>(given) || py::isinstance<py::tuple>(given)) {
        return std::make_shared<ValueColumn>(given);
    }
    if (py::hasattr(given, "__arrow_c_stream__") || py::hasattr(given, "__arrow_c_array__")) {
        return columns_of_arrow(given, false)[0].column;
    }
    std::shared_ptr<Column> made = column_of_buffer(given);
    if (made == nullptr) throw py::type_error("no list, no buffer of numbers, no array of Arrow");
    return made;
}

}  // namespace congress
