// Columns as Python has them: lists, buffers and Arrow's arrays.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <vector>

#include "arrow_columns.h"
#include "columns.h"

namespace congress {

namespace py = pybind11;

// Raises: TypeError: it is neither a list or a tuple, nor one of Arrow's arrays, nor a buffer of
// numbers in one row. InvalidColumns.
std::shared_ptr<Column> column_of(const py::object& given);

// The columns of an object that hands over a table of Arrow's. Raises: InvalidColumns.
std::vector<NamedColumn> columns_of_arrow(const py::object& given, bool is_table);

}  // namespace congress
