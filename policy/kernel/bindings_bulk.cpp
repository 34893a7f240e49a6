// Rows that are read from memory without a Python object for each cell; see _kernel.pyi.

#include <pybind11/stl.h>

#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"
#include "bindings_cells.h"
#include "bindings_columns.h"
#include "bindings_entrance.h"
#include "bindings_results.h"
#include "bindings_sequence.h"
#include "text_rows.h"

namespace congress {
namespace {

// Some of the rows, `step` places from each other.
py::list list_of(const BulkRows& rows, py::ssize_t first, py::ssize_t step, py::ssize_t count) {
    py::list made(count);
    std::size_t number = 0;
    const auto take = [&](std::span<const Value> values) {
        py::tuple row(values.size());
        for (std::size_t n = 0; n < values.size(); ++n) row[n] = to_python(values[n]);
        made[number++] = std::move(row);
    };
    const py::ssize_t parts = step == 1 ? 1 : count;  // that stand side by side
    for (py::ssize_t part = 0; part < parts; ++part) {
        const auto from = static_cast<std::size_t>(first + part * step);
        rows.each(from, from + static_cast<std::size_t>(count / parts), take);
    }
    return made;
}

using WrittenType = std::tuple<std::string, std::string, bool>;

constexpr std::pair<std::string_view, CellType> kTypes[] = {{"str", CellType::kText},
                                                            {"int", CellType::kInteger},
                                                            {"float", CellType::kFloat},
                                                            {"bool", CellType::kBoolean},
                                                            {"any", CellType::kAny}};

CellType type_of(const std::string& name) {
    for (const auto& [known, type] : kTypes) {
        if (name == known) return type;
    }
    throw py::value_error("there is no type of columns '" + name + "'");
}

std::string name_of(CellType type) {
    for (const auto& [name, known] : kTypes) {
        if (type == known) return std::string(name);
    }
    return "any";
}

std::unique_ptr<TextTable> text_table(const py::bytes& data, const std::string& mark) {
    if (mark.size() != 1) throw py::value_error("the mark between cells is one character");
    auto keeper = std::shared_ptr<const py::bytes>(new py::bytes(data), [](const py::bytes* held) {
        const py::gil_scoped_acquire lock;
        delete held;
    });
    const std::string_view text = *keeper;
    const py::gil_scoped_release unlocked;  // nobody can change it
    return std::make_unique<TextTable>(text, mark[0], Entrance::see, keeper);
}

std::vector<WrittenType> seen_types(const TextTable& table) {
    const py::gil_scoped_release unlocked;
    std::vector<WrittenType> made;
    for (const TextColumnType& column : table.seen_types()) {
        made.emplace_back(column.name, name_of(column.type), column.is_nullable);
    }
    return made;
}

std::shared_ptr<BulkRows> text_rows(const TextTable& table,
                                    const std::vector<WrittenType>& columns) {
    std::vector<TextColumnType> types;
    for (const auto& [name, type, is_nullable] : columns) {
        types.push_back({name, type_of(type), is_nullable});
    }
    const py::gil_scoped_release unlocked;
    return table.rows(std::move(types));
}

std::shared_ptr<BulkRows> column_rows(std::vector<std::shared_ptr<Column>> columns) {
    return std::make_shared<ColumnRows>(std::move(columns));
}

struct ArrowTable {
    std::vector<std::pair<std::string, std::shared_ptr<Column>>> columns;
};

ArrowTable arrow_table(const py::object& given) {
    ArrowTable made;
    for (NamedColumn& each : columns_of_arrow(given, true)) {
        made.columns.emplace_back(std::move(each.name), std::move(each.column));
    }
    return made;
}

}  // namespace

void bind_bulk(py::module_& module) {
    py::class_<Column, std::shared_ptr<Column>>(module, "Column", refused_instances())
        .def(py::init(&column_of))
        .def("__len__", giving(&Column::size));
    py::class_<BulkRows, std::shared_ptr<BulkRows>> rows(module, "BulkRows", refused_instances());
    rows.def(py::init(&column_rows))
        .def("__len__", giving(&BulkRows::size))
        .def("width", &BulkRows::width);
    bind_sequence(rows, list_of);
    py::class_<ArrowTable>(module, "ArrowTable", refused_instances())
        .def(py::init(&arrow_table))
        .def("columns", [](const ArrowTable& table) { return result(table.columns); });
    py::class_<TextTable>(module, "TextTable", refused_instances())
        .def(py::init(&text_table))
        .def("header", giving(&TextTable::header))
        .def("seen_types", [](const TextTable& table) { return result(seen_types(table)); })
        .def("rows", &text_rows);
}

}  // namespace congress
