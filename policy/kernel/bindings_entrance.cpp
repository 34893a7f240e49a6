#include "bindings_entrance.h"

#include <pybind11/pybind11.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <optional>
#include <utility>

#include "bindings.h"
#include "bindings_interrupts.h"
#include "bindings_results.h"

namespace congress {
namespace {

using namespace std::chrono_literals;

constexpr auto kSlice = 50ms;  // of waiting, and between two looks for other signals than Ctrl-C

thread_local Entrance* innermost = nullptr;  // of the engines that this thread is in

// A `with` block whose end is never left out: Python runs no handler between the block and this
// class, as it would before the first step of an `__exit__` of its own.
class GuardedBlock {
public:
    GuardedBlock(py::object enter, py::object leave)
        : enter_(std::move(enter)), leave_(std::move(leave)) {}

    void enter() const { enter_(); }
    // Raises: what `leave` raises, or what a handler raised for a signal that came before it.
    void leave(const py::args&) const {
        const bool is_main = Interrupts::is_main_thread();
        if (is_main) Interrupts::defer();
        std::optional<py::error_already_set> stop;
        if (PyErr_CheckSignals() != 0) stop.emplace();
        try {
            leave_();
        } catch (...) {
            if (is_main) Interrupts::resume();
            throw;
        }
        if (is_main) Interrupts::resume();
        if (stop) throw *stop;
    }

private:
    py::object enter_;
    py::object leave_;
};

}  // namespace

Entrance::Entrance(Watch& watch) : watch_(watch) {
    watch_.set_poll([this](Watch::Clock::time_point now) { poll(now); });
}

Watch::Clock::time_point& Entrance::deadline() {
    thread_local Watch::Clock::time_point own = Watch::kNever;
    return own;
}

bool Entrance::is_late() {
    const Watch::Clock::time_point own = deadline();
    return own != Watch::kNever && Watch::Clock::now() >= own;
}

void Entrance::see() {
    for (Entrance* each = innermost; each != nullptr; each = each->outer_) each->look();
    Interrupts::see();
    if (is_late()) throw DeadlinePassed(kNoRule);
}

bool Entrance::is_own() const { return owner_ == PyThread_get_thread_ident(); }

void Entrance::enter() {
    if (is_late()) throw DeadlinePassed(kNoRule);
    if (depth_ > 0 && is_own()) {
        ++depth_;
        if (is_deferring_) defer();
        return;
    }
    while (depth_ > 0) wait(deadline());
    take();
    watch_.forget_cancelling();
    set_deadline();
    is_deferring_ = Interrupts::is_main_thread();
    if (is_deferring_) defer();
}

// What came before is raised here: Python would raise it at its next step, inside.
void Entrance::defer() {
    Interrupts::defer();
    if (PyErr_CheckSignals() == 0) return;
    py::error_already_set raised;
    leave();
    throw raised;
}

void Entrance::leave() {
    if (depth_ > 1) {
        --depth_;
        if (is_deferring_) Interrupts::resume();
        return;
    }
    const bool is_deferring = is_deferring_;
    is_deferring_ = false;
    give();
    if (is_deferring) Interrupts::resume();
}

void Entrance::take() {
    owner_ = PyThread_get_thread_ident();
    depth_ = 1;
    outer_ = innermost;
    innermost = this;
}

void Entrance::give() {
    Entrance** place = &innermost;
    while (*place != nullptr && *place != this) place = &(*place)->outer_;
    if (*place != nullptr) *place = outer_;
    depth_ = 0;
    owner_ = 0;
    if (waiting_ == 0) return;
    const std::lock_guard lock(mutex_);
    freed_.notify_one();
}

Entrance& Entrance::alone() {
    while (depth_ > 0 && !is_own()) wait(Watch::kNever);
    return *this;
}

// In slices: a signal does not end a wait.
void Entrance::wait(Watch::Clock::time_point until) {
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    const auto end = std::min(until, Watch::Clock::now() + kSlice);
    ++waiting_;
    {
        const py::gil_scoped_release unlocked;
        std::unique_lock lock(mutex_);
        freed_.wait_until(lock, end, [this] { return depth_ == 0; });
    }
    --waiting_;
    if (depth_ > 0 && Watch::Clock::now() > until) throw DeadlinePassed(kNoRule);
}

// Without the interpreter lock, or with it. Other threads' calls have no signals to handle.
void Entrance::poll(Watch::Clock::time_point now) {
    if (!is_deferring_ || (now < next_poll_ && !Interrupts::is_waiting())) return;
    next_poll_ = now + kSlice;
    const py::gil_scoped_acquire lock;
    Interrupts::handle();
}

Entrance::Glance::Glance(Entrance& entrance)
    : entrance_(entrance), is_inside_(entrance.depth_ == 0 || entrance.is_own()) {
    if (!is_inside_) return;
    if (entrance_.depth_ == 0) {
        entrance_.take();
    } else {
        ++entrance_.depth_;
    }
}

Entrance::Glance::~Glance() {
    if (!is_inside_) return;
    if (entrance_.depth_ > 1) {
        --entrance_.depth_;
    } else {
        entrance_.give();
    }
}

void bind_calls(py::module_& module) {
    const py::object thread = py::module_::import("threading").attr("main_thread")();
    Interrupts::set_main_thread(py::cast<unsigned long>(thread.attr("ident")));
    py::class_<GuardedBlock>(module, "GuardedBlock", py::is_final(), refused_instances())
        .def(py::init<py::object, py::object>())
        .def("__enter__", &GuardedBlock::enter)
        .def("__exit__", &GuardedBlock::leave);
    module.def("let_interrupt", [] {
        if (Interrupts::is_main_thread()) Interrupts::resume();
    });
    module.def("defer_interrupt", [] {
        if (Interrupts::is_main_thread()) Interrupts::defer();
    });
    module.def("exchange_deadline", [](double at) {
        using Seconds = std::chrono::duration<double>;
        using Clock = Watch::Clock;
        Clock::time_point& own = Entrance::deadline();
        const double before = own == Watch::kNever
                                  ? std::numeric_limits<double>::infinity()
                                  : Seconds(own.time_since_epoch()).count();
        const auto given = Seconds(at);
        const bool is_far = given > Seconds(Watch::kNever.time_since_epoch()) / 2;
        own = is_far ? Watch::kNever
                     : Clock::time_point(std::chrono::duration_cast<Clock::duration>(given));
        return before;
    });
}

}  // namespace congress
