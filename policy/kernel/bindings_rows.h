// Rows between Python and the kernel.
#pragma once

#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "bindings_cells.h"
#include "bindings_entrance.h"
#include "bindings_holds.h"
#include "bindings_interrupts.h"

namespace congress {

// Appends rows of values as ids. Raises CellRefused with row and column, and as Watch::look.
void intern_rows(Symbols& symbols, const py::handle& rows, std::uint32_t width, Watch& watch,
                 Buffer<Id>& out);

// Rows that are turned into Python values when somebody looks at them: in any thread, while others
// may be inside of the kernel and make its symbols move.
class Rows {
public:
    Rows(std::uint32_t width, Symbols& symbols, Entrance& entrance,
         std::shared_ptr<Released> released)
        : width_(width), symbols_(symbols), entrance_(entrance), released_(std::move(released)) {}
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;
    ~Rows() { released_->put(std::move(held_)); }

    void push(const Id* cells) {
        if (held_ == nullptr) held_ = std::make_unique<Held>();
        held_->ids.insert(held_->ids.end(), cells, cells + width_);
        for (std::uint32_t column = 0; column < width_; ++column) symbols_.retain(cells[column]);
        ++size_;
    }
    // The kernel's Python object, which is to live as long.
    void keep(py::object owner) { owner_ = std::move(owner); }
    std::size_t size() const { return size_; }
    // Some of the rows, `step` places from each other.
    py::list list(py::ssize_t first, py::ssize_t step, py::ssize_t count) const {
        py::list rows(count);
        for (py::ssize_t n = 0; n < count;) {
            if (n != 0) Interrupts::see();
            const Entrance::Glance glance(entrance_.alone());
            for (const py::ssize_t end = std::min(count, n + kAtOnce); n < end; ++n) {
                const auto number = static_cast<std::size_t>(first + n * step);
                rows[static_cast<std::size_t>(n)] =
                    decoded(symbols_, held_->ids.data() + number * width_, width_);
            }
        }
        return rows;
    }

private:
    static constexpr py::ssize_t kAtOnce = 65'536;  // rows between two looks for signals

    std::uint32_t width_;
    std::size_t size_ = 0;
    std::unique_ptr<Held> held_;  // null: no row yet
    Symbols& symbols_;
    Entrance& entrance_;
    std::shared_ptr<Released> released_;
    py::object owner_;
};

}  // namespace congress
