#include "follower.h"

namespace congress {

bool Follower::open_step(std::size_t changes, std::size_t touched) {
    if (is_dirty_) return false;
    kept_.reserve_more(1);
    present_ = {changes, touched, !is_loaded_};
    is_dirty_ = is_loaded_ = true;
    return true;
}

void Follower::keep_step() {
    if (!is_dirty_) {
        ++(kept_.empty() ? idle_ : kept_.back().idle);
        return;
    }
    close_step();
    kept_.push_reserved(present_);
    is_dirty_ = false;
}

void Follower::undo_step() {
    if (!is_dirty_) return;
    take_back_to(present_);
    is_dirty_ = false;
}

void Follower::undo_last() {
    std::uint32_t& idle = kept_.empty() ? idle_ : kept_.back().idle;
    if (idle != 0) {
        --idle;
        return;
    }
    const Mark mark = kept_.back();
    kept_.pop_back();
    take_back_to(mark);
}

void Follower::take_back_to(const Mark& mark) {
    take_back(mark);
    if (mark.is_load) is_loaded_ = false;
}

void Follower::commit() {
    forget_log();
    kept_.clear();
    idle_ = 0;
    is_dirty_ = false;
}

}  // namespace congress
