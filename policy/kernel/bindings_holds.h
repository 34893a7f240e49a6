// Ids that Python holds: they stand for the same values until it lets them go.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "symbols.h"

namespace congress {

// Ids that somebody outside of the kernel holds, to be let go when the kernel is at rest.
class Released {
public:
    void put(const std::vector<Id>& ids) {
        const std::lock_guard lock(mutex_);
        ids_.insert(ids_.end(), ids.begin(), ids.end());
    }
    void drain(Symbols& symbols) {
        const std::lock_guard lock(mutex_);
        for (const Id id : ids_) symbols.release(id);
        ids_.clear();
    }

private:
    std::mutex mutex_;
    std::vector<Id> ids_;
};

// Keeps ids from being given to other values, until it is gone.
class Hold {
public:
    Hold(std::vector<Id> ids, Symbols& symbols, std::shared_ptr<Released> released)
        : ids_(std::move(ids)), released_(std::move(released)) {
        for (const Id id : ids_) symbols.retain(id);
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() { released_->put(ids_); }

private:
    std::vector<Id> ids_;
    std::shared_ptr<Released> released_;
};

}  // namespace congress
