// Changes of base tables and what follows from them.

#include "bindings_host.h"
#include "bindings_unlocked.h"
#include "bulk_rows.h"

namespace congress {
namespace {

Buffer<Id> flat(const std::vector<std::vector<Id>>& rows, std::uint32_t width) {
    Buffer<Id> cells;
    for (const std::vector<Id>& row : rows) {
        if (row.size() != width) throw InvalidPlan("a row has another width");
        if (width == 0) cells.push_back(0);
        cells.append(row.data(), row.size());
    }
    return cells;
}

}  // namespace

// Busy: rows may run Python code, as may a signal's handler while many are read; what is read so far
// is not to be changed by it.
void Host::read_rows(const py::handle& given, std::uint32_t width, Buffer<Id>& out) {
    const Busy busy(*this);
    // Lists are the usual thing, and looking for another type costs more than a small one.
    const bool is_plain = PyList_Check(given.ptr()) || PyTuple_Check(given.ptr());
    if (is_plain || !py::isinstance<BulkRows>(given)) {
        intern_rows(kernel_.symbols(), given, width, kernel_.watch(), out);
        return;
    }
    const auto rows = py::cast<std::shared_ptr<BulkRows>>(given);
    if (rows->width() != width && rows->size() != 0) {
        throw CellRefused(0, width, "has another number of columns");
    }
    const Unlocked unlocked(rows->is_python() ? 0 : rows->size());
    rows->intern(kernel_.symbols(), [this] { kernel_.watch().look(); }, out);
}

void Host::change(RelationId id, const py::object& added, const py::object& removed) {
    const std::uint32_t width = kernel_.relation(id).width();
    Buffer<Id> in;
    Buffer<Id> out;
    read_rows(added, width, in);
    read_rows(removed, width, out);
    put(id, in, out);
}

// Busy: what is looked at on the way may be a signal, whose handler may come back here.
void Host::put(RelationId id, const Buffer<Id>& in, const Buffer<Id>& out) {
    const Busy busy(*this);
    const Unlocked unlocked(in.size() + out.size());
    kernel_.change(id, {in.data(), in.size()}, {out.data(), out.size()});
}

void Host::replace(RelationId id, const py::object& rows) {
    Buffer<Id> in;
    read_rows(rows, kernel_.relation(id).width(), in);
    const Busy busy(*this);
    const Unlocked unlocked(in.size() + kernel_.relation(id).size());
    kernel_.replace(id, {in.data(), in.size()});
}

void Host::change_ids(RelationId id, const std::vector<std::vector<Id>>& added,
                      const std::vector<std::vector<Id>>& removed) {
    const Buffer<Id> in = flat(added, kernel_.relation(id).width());
    const Buffer<Id> out = flat(removed, kernel_.relation(id).width());
    put(id, in, out);
}

std::vector<RelationId> Host::propagate() {
    const Busy busy(*this);
    const py::gil_scoped_release unlocked;
    std::vector<RelationId> changed = kernel_.propagate();
    kernel_.watch().note_running(kNoRule);
    return changed;
}

std::pair<std::unique_ptr<Rows>, std::unique_ptr<Rows>> Host::changes(RelationId id) {
    const Busy busy(*this);
    const Relation& relation = kernel_.relation(id);
    const Unlocked unlocked(relation.touched_rows());
    std::unique_ptr<Rows> added;
    std::unique_ptr<Rows> removed;
    const auto put = [&](std::unique_ptr<Rows>& rows, RowId row) {
        if (rows == nullptr) {
            rows = std::make_unique<Rows>(relation.width(), kernel_.symbols(), entrance_, released_);
        }
        kernel_.watch().spend(1);
        rows->push(relation.row(row));
    };
    relation.each_added([&](RowId row) { put(added, row); });
    relation.each_removed([&](RowId row) { put(removed, row); });
    return {std::move(added), std::move(removed)};
}

void Host::change_all(const py::list& given) {
    for (const py::handle each : given) {
        const auto one = py::reinterpret_borrow<py::tuple>(each);
        const auto id = py::cast<RelationId>(one[0]);
        const std::uint32_t width = kernel_.relation(id).width();
        in_.clear();
        out_.clear();
        read_rows(one[1], width, in_);
        read_rows(one[2], width, out_);
        put(id, in_, out_);
    }
}

Stepped Host::step(const py::list& given) {
    const Kernel::Mark before = kernel_.mark();
    try {
        change_all(given);
        Stepped stepped;
        for (const RelationId id : propagate()) {
            const Face& face = faces_[id];
            const std::size_t size = kernel_.relation(id).size();
            if (size < face.least || size > face.most) stepped.outgrown.push_back(id);
            if (face.name.is_none() || !kernel_.is_derived(id)) continue;
            auto [added, removed] = changes(id);
            stepped.changes.push_back({id, std::move(added), std::move(removed)});
        }
        kernel_.end_step();
        return stepped;
    } catch (...) {
        rollback(before);
        throw;
    }
}

py::object Host::told_rows(std::unique_ptr<Rows> rows, const py::object& self) {
    if (rows != nullptr) {
        rows->keep(self);
        return py::cast(std::move(rows));
    }
    if (!nothing_) {
        nothing_ = py::cast(std::make_unique<Rows>(0, kernel_.symbols(), entrance_, released_));
    }
    return nothing_;
}

py::dict Host::told(std::vector<Changed> changes, const py::object& self) {
    py::dict told;
    for (Changed& each : changes) {
        const py::object name = faces_[each.relation].name;
        told[name] = py::make_tuple(told_rows(std::move(each.added), self),
                                    told_rows(std::move(each.removed), self));
    }
    return told;
}

void Host::rollback(Kernel::Mark mark) {
    const Unlocked unlocked(kernel_.touched_rows(mark));
    kernel_.rollback(mark);
}

void Host::commit() {
    const Unlocked unlocked(released_->count() + kernel_.touched_rows(0));
    released_->drain(kernel_.symbols());
    kernel_.commit();
}

}  // namespace congress
