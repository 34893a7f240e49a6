// Ctrl-C while the main thread is inside of an engine: it waits for a place where everything can be
// taken back, for Python would run its handler, which raises, between any two steps.
#pragma once

namespace congress {

class Interrupts {
public:
    // Lets Ctrl-C wait, until `resume` is called as often. In the main thread, with the interpreter
    // lock. A handler that the program has set is called later; without one nothing is changed.
    static void defer();
    // Promises: what waited reaches Python's handler as soon as Python runs.
    static void resume();

    // Tells which thread is the main one, and asks whether it is this one.
    static void set_main_thread(unsigned long thread);
    static bool is_main_thread();

    static bool is_waiting();
    // Runs Python's handlers of what waited, with the interpreter lock.
    // Raises: py::error_already_set: what a handler raised.
    static void handle();
    // The same on the way of something long, inside of an engine or not, with the interpreter lock
    // or without; in another thread than the main one nothing.
    static void see();
};

}  // namespace congress
