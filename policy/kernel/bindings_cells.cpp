#include "bindings_cells.h"

namespace congress {

py::object to_python(const Value& value) {
    switch (value.type) {
        case Type::kNull:
            return py::none();
        case Type::kBoolean:
            return py::bool_(value.integer != 0);
        case Type::kInteger:
            return py::int_(value.integer);
        case Type::kFloat:
            return py::float_(value.real);
        case Type::kText:
            return py::str(value.text.data(), value.text.size());
    }
    return py::none();
}

py::tuple decoded(const Symbols& symbols, const Id* cells, std::size_t width) {
    py::tuple row(width);
    for (std::size_t column = 0; column < width; ++column) {
        PyTuple_SET_ITEM(row.ptr(), static_cast<Py_ssize_t>(column),
                         to_python(symbols.value(cells[column])).release().ptr());
    }
    return row;
}

py::tuple ids_of(const Id* cells, std::size_t width) {
    py::tuple row(width);
    for (std::size_t column = 0; column < width; ++column) row[column] = py::int_(cells[column]);
    return row;
}

}  // namespace congress
