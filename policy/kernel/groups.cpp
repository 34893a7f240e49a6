#include "groups.h"

#include <algorithm>
#include <utility>

#include "hash.h"

namespace congress {

Groups::Groups(std::uint32_t width, std::vector<Needs> needs, Symbols& symbols)
    : width_(width), needs_(std::move(needs)), symbols_(symbols), trees_(symbols) {}

bool Groups::has_rows(std::uint32_t group) const {
    for (std::uint32_t input = 0; input < needs_.size(); ++input) {
        if (tally(group, input).rows == 0) return false;
    }
    return true;
}

bool Groups::is_empty(std::uint32_t group) const {
    for (std::uint32_t input = 0; input < needs_.size(); ++input) {
        if (tally(group, input).rows != 0) return false;
    }
    return true;
}

std::uint32_t Groups::at(const Id* key) {
    const std::uint32_t hash = hash_cells(key, width_);
    const std::size_t place = slots_.find(hash, [&](std::uint32_t group) {
        return std::equal(key, key + width_, this->key(group));
    });
    return slots_.is_gap(place) ? make(key, hash) : slots_.number(place);
}

std::uint32_t Groups::make(const Id* key, std::uint32_t hash) {
    slots_.reserve_more(1);
    std::uint32_t group = end();
    if (free_.empty()) {
        keys_.reserve_more(width_);
        hashes_.reserve_more(1);
        tallies_.reserve_more(needs_.size());
        free_.reserve_more(std::size_t{group} + 1);
        keys_.append(key, width_);
        hashes_.push_reserved(hash);
        tallies_.resize(tallies_.size() + needs_.size(), Tally{});
    } else {
        group = free_.back();
        free_.pop_back();
        std::copy_n(key, width_, keys_.data() + std::size_t{group} * width_);
        hashes_[group] = hash;
    }
    for (std::uint32_t column = 0; column < width_; ++column) symbols_.retain(key[column]);
    for (std::uint32_t input = 0; input < needs_.size(); ++input) {
        const bool is_ordered = is_order_kept_ && needs_[input].order;
        own(group, input) = {0, 0, 0, 0, 0, kNoSum, ValueTrees::kEmpty, is_ordered};
    }
    slots_.fill(slots_.find(hash, [](std::uint32_t) { return false; }), hash, group);
    return group;
}

void Groups::prepare(std::uint32_t group, std::uint32_t input, Id value) {
    const Needs& needs = needs_[input];
    if (!needs.values) return;
    const Type type = symbols_.value(value).type;
    Tally& changed = own(group, input);
    if (needs.sums && type == Type::kFloat && changed.exact == kNoSum) {
        if (free_sums_.empty()) {
            sums_.reserve_more(1);
            free_sums_.reserve_more(sums_.size() + 1);
            changed.exact = static_cast<std::uint32_t>(sums_.size());
            sums_.push_reserved({});
        } else {
            changed.exact = free_sums_.back();
            free_sums_.pop_back();
            sums_[changed.exact] = {};
        }
    }
    if (changed.is_ordered && type != Type::kNull && type != Type::kBoolean) {
        trees_.prepare(changed.tree, owner(group, input), value);
    }
}

void Groups::add(std::uint32_t group, std::uint32_t input, Id id, int step) {
    Tally& changed = own(group, input);
    const auto more = static_cast<std::uint32_t>(step);  // or less: it wraps
    changed.rows += more;
    const Needs& needs = needs_[input];
    if (!needs.values) return;
    const Value value = symbols_.value(id);
    switch (value.type) {
        case Type::kInteger:
            changed.sum += Wide{value.integer} * step;
            break;
        case Type::kFloat:
            changed.floats += more;
            if (needs.sums) sums_[changed.exact].add(value.real, step);
            break;
        case Type::kText:
            changed.texts += more;
            break;
        default:
            changed.others += more;
            return;
    }
    if (changed.is_ordered) trees_.add(changed.tree, id, step);
}

// --- at the end of a transaction

void Groups::forget_unused_values() {
    trees_.forget_unused(
        [this](std::uint32_t owner) -> ValueTrees::Root& { return tallies_[owner].tree; });
}

void Groups::free_sum(Tally& tally) {
    if (tally.exact == kNoSum) return;
    free_sums_.push_reserved(tally.exact);
    tally.exact = kNoSum;
}

void Groups::drop_tree(Tally& tally) {
    trees_.drop(tally.tree);
    tally.is_ordered = false;
}

void Groups::trim(std::uint32_t group, std::uint32_t most_unordered) {
    for (std::uint32_t input = 0; input < needs_.size(); ++input) {
        Tally& trimmed = own(group, input);
        if (trimmed.floats == 0) free_sum(trimmed);
        if (trimmed.rows <= most_unordered && width_ != 0) drop_tree(trimmed);
    }
}

void Groups::free(std::uint32_t group) {
    slots_.erase(slots_.find(hashes_[group], [&](std::uint32_t other) { return other == group; }));
    for (std::uint32_t column = 0; column < width_; ++column) {
        symbols_.release(key(group)[column]);
    }
    for (std::uint32_t input = 0; input < needs_.size(); ++input) {
        Tally& freed = own(group, input);
        free_sum(freed);
        drop_tree(freed);
    }
    // An empty key: a free group's cells are nobody's.
    for (std::uint32_t column = 0; column < width_; ++column) {
        keys_[std::size_t{group} * width_ + column] = 0;
    }
    free_.push_reserved(group);
}

void Groups::clear() {
    for (const Id cell : keys_) symbols_.release(cell);
    for (std::uint32_t group = 0; group < end(); ++group) {
        const std::size_t place =
            slots_.find(hashes_[group], [&](std::uint32_t other) { return other == group; });
        if (!slots_.is_gap(place)) slots_.erase(place);
    }
    keys_.clear();
    hashes_.clear();
    tallies_.clear();
    free_.clear();
    sums_.clear();
    free_sums_.clear();
    trees_.clear();
    is_order_kept_ = false;
}

std::size_t Groups::bytes() const {
    return slots_.bytes() + keys_.bytes() + hashes_.bytes() + tallies_.bytes() + free_.bytes() +
           sums_.bytes() + free_sums_.bytes() + trees_.bytes();
}

}  // namespace congress
