// How much one call may still do: rows, bindings, time, and whether somebody asked to stop.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "errors.h"

namespace congress {

struct Limits {
    std::uint64_t max_rows = 2'000'000;      // that one rule may derive
    std::uint64_t max_bindings = 40'000'000; // that one run of a rule may make on the way
    std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
    std::function<void()> poll;  // called now and then on the way; may throw
};

// Counts what one run of a rule does. Cost: an addition per batch, a look at the clock per 65,536.
class Guard {
public:
    Guard(const Limits& limits, const std::atomic<bool>& is_cancelled, RuleId rule)
        : limits_(limits), is_cancelled_(is_cancelled), rule_(rule) {
        next_look_ = std::min(kStride, limits_.max_bindings + 1);
    }

    RuleId rule() const { return rule_; }
    std::uint64_t max_rows() const { return limits_.max_rows; }

    // Raises: LimitExceeded, Cancelled.
    void spend(std::uint64_t bindings) {
        spent_ += bindings;
        if (spent_ >= next_look_) look();
    }
    void refuse_rows(std::uint64_t rows) const {
        if (rows > limits_.max_rows) {
            throw LimitExceeded(rule_, "it derives more than " +
                                           std::to_string(limits_.max_rows) + " rows");
        }
    }

private:
    static constexpr std::uint64_t kStride = 65'536;

    void look() {
        next_look_ = std::min(spent_ + kStride, limits_.max_bindings + 1);
        if (spent_ > limits_.max_bindings) {
            throw LimitExceeded(rule_, "it joins more than " +
                                           std::to_string(limits_.max_bindings) + " rows");
        }
        if (is_cancelled_.load(std::memory_order_relaxed)) throw Cancelled("the call was cancelled");
        if (limits_.poll) limits_.poll();
        if (std::chrono::steady_clock::now() > limits_.deadline) {
            throw LimitExceeded(rule_, "it was not done by the deadline");
        }
    }

    const Limits& limits_;
    const std::atomic<bool>& is_cancelled_;
    RuleId rule_;
    std::uint64_t spent_ = 0;
    std::uint64_t next_look_;
};

}  // namespace congress
