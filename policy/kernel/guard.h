// How much one call may still do: rows, bindings, time, and whether somebody asked to stop.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include "errors.h"

namespace congress {

struct Limits {
    std::uint64_t max_rows = 2'000'000;      // that one rule may derive
    std::uint64_t max_bindings = 40'000'000; // that one run of a rule may make on the way
};

// Whether the call under way may go on: every loop that may be long tells what it does.
// Cost: an addition per batch, a look at the clock per 65,536 bindings or rows.
class Watch {
public:
    using Clock = std::chrono::steady_clock;
    static constexpr Clock::time_point kNever = Clock::time_point::max();

    // `poll` is called at each look, with the present time; it may throw.
    void set_poll(std::function<void(Clock::time_point)> poll) { poll_ = std::move(poll); }
    void set_deadline(Clock::time_point deadline) { deadline_ = deadline; }
    // Lets the call under way stop at its next look; may be called from any thread.
    void cancel() { is_cancelled_.store(true, std::memory_order_relaxed); }
    void forget_cancelling() { is_cancelled_.store(false, std::memory_order_relaxed); }

    // The rule that began to run last, of which an exception is told; kNoRule: none.
    void note_running(RuleId rule) { running_ = rule; }
    RuleId running() const { return running_; }

    // Raises: as `look`.
    void spend(std::uint64_t amount, RuleId rule = kNoRule) {
        spent_ += amount;
        if (spent_ >= kStride) look(rule);
    }
    // Raises: Cancelled, DeadlinePassed, and what `poll` throws.
    void look(RuleId rule = kNoRule) {
        spent_ = 0;
        if (is_cancelled_.load(std::memory_order_relaxed)) throw Cancelled(rule);
        const Clock::time_point now = Clock::now();
        if (poll_) poll_(now);
        if (now > deadline_) throw DeadlinePassed(rule);
    }

private:
    static constexpr std::uint64_t kStride = 65'536;

    std::atomic<bool> is_cancelled_{false};
    Clock::time_point deadline_ = kNever;
    std::function<void(Clock::time_point)> poll_;
    std::uint64_t spent_ = 0;
    RuleId running_ = kNoRule;
};

// Counts what one run of a rule does.
class Guard {
public:
    Guard(const Limits& limits, Watch& watch, RuleId rule)
        : limits_(limits), watch_(watch), rule_(rule) {
        watch_.note_running(rule_);
        watch_.spend(kPerRun, rule_);
    }

    RuleId rule() const { return rule_; }
    std::uint64_t max_rows() const { return limits_.max_rows; }

    // Any number of rows and bindings from now on; what the watch heeds it still does.
    void lift_limits() {
        limits_.max_rows = limits_.max_bindings = std::numeric_limits<std::uint64_t>::max();
    }

    // Raises: LimitExceeded, and as Watch::look.
    void spend(std::uint64_t bindings) {
        spent_ += bindings;
        spend_of(spent_, bindings);
    }
    // The same, of a run of its own which made so many in all.
    void spend_of(std::uint64_t all, std::uint64_t bindings) {
        if (all > limits_.max_bindings) {
            throw LimitExceeded(rule_, "it joins more than " +
                                           std::to_string(limits_.max_bindings) + " rows");
        }
        watch_.spend(bindings, rule_);
    }
    // Steps that are no bindings: they are not limited. Raises: as Watch::look.
    void pass(std::uint64_t steps) { watch_.spend(steps, rule_); }
    // Calls `use(n)` for each n below `end`, such steps. Raises: as `pass`, and what `use` raises.
    template <class Number, class Use>
    void each_below(Number end, Use use) {
        for (Number n = 0; n < end;) {
            const Number last = end - n < kBlock ? end : static_cast<Number>(n + kBlock);
            pass(last - n);
            for (; n < last; ++n) use(n);
        }
    }
    void refuse_rows(std::uint64_t rows) const {
        if (rows > limits_.max_rows) {
            throw LimitExceeded(rule_, "it derives more than " +
                                           std::to_string(limits_.max_rows) + " rows");
        }
    }

private:
    static constexpr std::uint64_t kPerRun = 32;  // bindings that a run is worth which makes none
    static constexpr unsigned kBlock = 1024;      // steps that are told at once

    Limits limits_;
    Watch& watch_;
    RuleId rule_;
    std::uint64_t spent_ = 0;
};

}  // namespace congress
