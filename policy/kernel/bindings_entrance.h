// One thread at a time in an engine, and what stops it on its way.
//
// Threads: everything but `cancel` is called with the interpreter lock, which guards the owner.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "guard.h"

namespace congress {

class Entrance {
public:
    explicit Entrance(Watch& watch);
    Entrance(const Entrance&) = delete;
    Entrance& operator=(const Entrance&) = delete;

    // Waits until no other thread is inside. Ctrl-C waits from then on, and the deadline of the
    // calls of this thread holds.
    // Raises: DeadlinePassed, also when nobody is inside; py::error_already_set: what a signal's
    // handler raised, up to then.
    void enter();
    void leave();
    // Raises: as Watch::look.
    void look() { watch_.look(); }
    void cancel() { watch_.cancel(); }
    // Takes over the deadline of this thread, which may have been set after it entered.
    void set_deadline() { watch_.set_deadline(deadline()); }

    // The deadline of the calls of this thread, whatever engine they are for.
    static Watch::Clock::time_point& deadline();
    // Whether it is over.
    static bool is_late();
    // Looks on the way of what knows no engine, for those too that this thread is in. With the
    // interpreter lock or without.
    // Raises: Cancelled, DeadlinePassed; py::error_already_set: what a signal's handler raised.
    static void see();

    // Waits until no other thread is inside; nobody gets in before the interpreter lock is let go.
    // Raises: py::error_already_set: what a signal's handler raised meanwhile.
    Entrance& alone();

    // For what neither changes anything nor lets Python run: no thread but this one gets in, as
    // long as it lives. Cost: nothing is waited for.
    class Glance {
    public:
        explicit Glance(Entrance& entrance);
        Glance(const Glance&) = delete;
        Glance& operator=(const Glance&) = delete;
        ~Glance();
        bool is_inside() const { return is_inside_; }

    private:
        Entrance& entrance_;
        bool is_inside_;
    };

private:
    bool is_own() const;
    void defer();
    void take();
    void give();
    void wait(Watch::Clock::time_point until);
    void poll(Watch::Clock::time_point now);

    Watch& watch_;
    std::atomic<unsigned> depth_{0};
    unsigned long owner_ = 0;
    Entrance* outer_ = nullptr;  // that the owner was in before
    bool is_deferring_ = false;  // the owner is the main thread
    Watch::Clock::time_point next_poll_{};
    unsigned waiting_ = 0;
    std::mutex mutex_;
    std::condition_variable freed_;
};

}  // namespace congress
