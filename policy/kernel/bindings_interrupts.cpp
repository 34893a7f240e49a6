// How Ctrl-C waits.

#include <pybind11/pybind11.h>

#include <csignal>
#include <atomic>

#include "bindings_interrupts.h"

namespace congress {
namespace {

std::atomic<bool> is_pressed{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler may set it");

unsigned long main_thread = 0;

// Of the main thread alone.
int depth = 0;
bool is_replaced = false;
struct sigaction before;

void note(int) { is_pressed.store(true, std::memory_order_relaxed); }

}  // namespace

void Interrupts::defer() {
    if (depth++ > 0) return;
    struct sigaction own = {};
    own.sa_handler = note;
    own.sa_flags = SA_RESTART;
    sigemptyset(&own.sa_mask);
    if (sigaction(SIGINT, &own, &before) != 0) return;
    is_replaced = before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN;
    if (!is_replaced) sigaction(SIGINT, &before, nullptr);
}

void Interrupts::resume() {
    if (--depth > 0 || !is_replaced) return;
    is_replaced = false;
    sigaction(SIGINT, &before, nullptr);
    if (is_pressed.exchange(false)) PyErr_SetInterruptEx(SIGINT);
}

void Interrupts::set_main_thread(unsigned long thread) { main_thread = thread; }

bool Interrupts::is_main_thread() { return PyThread_get_thread_ident() == main_thread; }

bool Interrupts::is_waiting() { return is_pressed.load(std::memory_order_relaxed); }

void Interrupts::handle() {
    if (is_pressed.exchange(false)) PyErr_SetInterruptEx(SIGINT);
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

void Interrupts::see() {
    if (!is_main_thread()) return;
    const pybind11::gil_scoped_acquire lock;
    handle();
}

}  // namespace congress
