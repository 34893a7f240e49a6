// A rule that is no join: it follows the changes of whole tables.
#pragma once

#include <cstddef>

#include "relation.h"

namespace congress {

// Knows what its tables hold, and what it made of it; its rows are derivations of its head.
class Follower {
public:
    Follower() = default;
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    virtual ~Follower() = default;

    // Adds the head's rows, or takes them away. They are those of the new state, for which it
    // follows the tables first, or of the old one, which it knows as long as it has not followed
    // them in this step.
    virtual void count_all(State state, int step) = 0;
    // Follows the net changes of the tables, which are final for this step, and counts what they
    // change in the head.
    virtual void refresh() = 0;

    // --- ends of steps, whether they changed something here or not; none of them fails

    virtual void keep_step() = 0;
    virtual void undo_step() = 0;
    // Takes back the latest step that was kept and not taken back yet.
    virtual void undo_last() = 0;
    // Makes everything final, the present step included.
    virtual void commit() = 0;

    virtual std::size_t bytes() const = 0;
};

}  // namespace congress
