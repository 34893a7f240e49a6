// Values and rows of values as ids, and back.

#include <utility>

#include "bindings_host.h"

namespace congress {

py::tuple Host::encode(const py::sequence& row) {
    py::tuple made(row.size());
    for (std::size_t column = 0; column < row.size(); ++column) {
        try {
            made[column] = py::int_(intern_value(row[column]));
        } catch (const CellRefused& refused) {
            throw CellRefused(0, column, refused.what());
        }
    }
    return made;
}

py::object Host::find_row(const py::sequence& row) {
    py::tuple made(row.size());
    for (std::size_t column = 0; column < row.size(); ++column) {
        try {
            const std::optional<Id> id = find(row[column]);
            if (!id) return py::none();
            made[column] = py::int_(*id);
        } catch (const CellRefused&) {
            return py::none();
        }
    }
    return made;
}

py::tuple Host::decode(const std::vector<Id>& row) const {
    for (const Id id : row) checked(id);
    return decoded(kernel_.symbols(), row.data(), row.size());
}

std::unique_ptr<Hold> Host::hold(std::vector<Id> ids) {
    for (const Id id : ids) checked(id);
    return std::make_unique<Hold>(std::move(ids), nullptr, kernel_.symbols(), released_);
}

Id Host::checked(Id id) const {
    if (!kernel_.symbols().is_known(id)) {
        throw InvalidPlan("the id " + std::to_string(id) + " stands for nothing");
    }
    return id;
}

}  // namespace congress
