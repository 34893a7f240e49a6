// What Python holds of a kernel: ids that stand for the same values until it lets them go, and plans.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "plan.h"
#include "symbols.h"

namespace congress {

// With the link of the list in which it will be let go: that asks for no memory then.
struct Held {
    std::vector<Id> ids;
    std::shared_ptr<const Plan> plan;  // or null; tables know the indexes that it shares
    std::unique_ptr<Held> next;
};

// What nobody outside of the kernel holds any more, to be let go when the kernel is at rest.
// Threads: any may `put`.
class Released {
public:
    Released() = default;
    Released(const Released&) = delete;
    Released& operator=(const Released&) = delete;
    // One after the other: a list that goes as a whole goes as deep as it is long.
    ~Released() {
        while (first_ != nullptr) first_ = std::move(first_->next);
    }

    // Called by destructors, also when there is no memory left.
    void put(std::unique_ptr<Held> held) noexcept {
        if (held == nullptr) return;
        const std::lock_guard lock(mutex_);
        count_ += held->ids.size();
        held->next = std::move(first_);
        first_ = std::move(held);
    }
    std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return count_;
    }
    // Ordering: nobody who puts waits until all are let go, which may be millions.
    void drain(Symbols& symbols) {
        for (auto held = take(); held != nullptr; held = std::move(held->next)) {
            for (const Id id : held->ids) symbols.release(id);
        }
    }

private:
    std::unique_ptr<Held> take() {
        const std::lock_guard lock(mutex_);
        count_ = 0;
        return std::move(first_);
    }

    mutable std::mutex mutex_;
    std::unique_ptr<Held> first_;
    std::size_t count_ = 0;
};

// Keeps ids from being given to other values, and a plan, until it is gone.
class Hold {
public:
    Hold(std::vector<Id> ids, std::shared_ptr<const Plan> plan, Symbols& symbols,
         std::shared_ptr<Released> released)
        : held_(std::make_unique<Held>()), released_(std::move(released)) {
        held_->ids = std::move(ids);
        held_->plan = std::move(plan);
        for (const Id id : held_->ids) symbols.retain(id);
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { released_->put(std::move(held_)); }

private:
    std::unique_ptr<Held> held_;
    std::shared_ptr<Released> released_;
};

}  // namespace congress
