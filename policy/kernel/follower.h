// A rule that is no join: it follows the changes of whole tables.
#pragma once

#include <cstddef>
#include <cstdint>

#include "buffer.h"
#include "guard.h"
#include "relation.h"

namespace congress {

// Knows what its tables hold, and what it made of it; its rows are derivations of its head. It keeps
// a log of what it changed in itself, with a mark for each step of the transaction.
class Follower {
public:
    Follower() = default;
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;
    virtual ~Follower() = default;

    // Adds the head's rows, or takes them away. They are those of the new state, for which it
    // follows the tables first, or of the old one, which it knows as long as it has not followed
    // them in this step. Raises: as Guard::pass, and std::bad_alloc.
    virtual void count_all(State state, int step, Guard& guard) = 0;
    // Follows the net changes of the tables, which are final for this step, and counts what they
    // change in the head. Raises: as `count_all`.
    virtual void refresh(Guard& guard) = 0;

    // --- ends of steps, whether they changed something here or not; none of them fails

    void keep_step();
    void undo_step();
    // Takes back the latest step that was kept and not taken back yet.
    void undo_last();
    // Makes everything final, the present step included.
    void commit();

    virtual std::size_t bytes() const = 0;

protected:
    // Where the log was when a step began.
    struct Mark {
        std::size_t changes;
        std::size_t touched;
        bool is_load;            // before it, nothing was known
        std::uint32_t idle = 0;  // steps without changes that were kept after it
    };

    bool is_loaded() const { return is_loaded_; }
    const Mark& present() const { return present_; }
    // What the present step has changed so far goes on from here; gives whether it is the first
    // time in the step. Strong guarantee.
    bool open_step(std::size_t changes, std::size_t touched);
    std::size_t marks_bytes() const { return kept_.bytes(); }

private:
    virtual void close_step() {}
    // Takes the log back to a mark; to one of a load forgets everything.
    virtual void take_back(const Mark& mark) = 0;
    // No step is taken back any more.
    virtual void forget_log() = 0;
    void take_back_to(const Mark& mark);

    bool is_loaded_ = false;
    bool is_dirty_ = false;
    Mark present_{};
    Buffer<Mark> kept_;
    std::uint32_t idle_ = 0;  // steps without changes kept before the first of `kept_`
};

}  // namespace congress
