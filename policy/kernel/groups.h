// The groups of a fold, and what is known about each one's rows.
#pragma once

#include <cstdint>
#include <vector>

#include "buffer.h"
#include "exact_sum.h"
#include "slots.h"
#include "symbols.h"
#include "value.h"
#include "value_trees.h"

namespace congress {

// What is known about the rows that a group has in one input.
struct Tally {
    Wide sum;  // of the integers
    std::uint32_t rows;
    std::uint32_t floats;
    std::uint32_t texts;
    std::uint32_t others;  // nulls and booleans
    std::uint32_t exact;   // the number of the floats' sum, or kNoSum
    ValueTrees::Root tree;
    bool is_ordered;       // the tree has all values
};

// What the aggregates of one input ask for, besides how many rows there are.
struct Needs {
    bool values = false;  // which types there are, and the sum of integers
    bool sums = false;    // … and that of floats
    bool order = false;
};

// Numbers stand for groups; a group without rows stays until it is freed.
class Groups {
public:
    static constexpr std::uint32_t kNoSum = ~std::uint32_t{0};

    Groups(std::uint32_t width, std::vector<Needs> needs, Symbols& symbols);
    ~Groups() { clear(); }
    Groups(const Groups&) = delete;
    Groups& operator=(const Groups&) = delete;

    std::uint32_t end() const { return static_cast<std::uint32_t>(hashes_.size()); }
    const Id* key(std::uint32_t group) const { return keys_.data() + std::size_t{group} * width_; }
    std::uint32_t hash(std::uint32_t group) const { return hashes_[group]; }
    const Tally& tally(std::uint32_t group, std::uint32_t input) const {
        return tallies_[std::size_t{group} * needs_.size() + input];
    }
    // In every input, as the aggregates need it; an input without rows has no such group.
    bool has_rows(std::uint32_t group) const;
    bool is_empty(std::uint32_t group) const;
    const ExactSum& exact_sum(const Tally& tally) const { return sums_[tally.exact]; }
    const ValueTrees& trees() const { return trees_; }
    bool needs_order(std::uint32_t input) const { return needs_[input].order; }

    // The group with a key, made if there is none. Strong guarantee.
    std::uint32_t at(const Id* key);
    // Makes room for one more row with a value. Strong guarantee.
    void prepare(std::uint32_t group, std::uint32_t input, Id value);
    // One row more or less has the value, which was prepared before, in this transaction or by an
    // earlier row with it. Never fails.
    void add(std::uint32_t group, std::uint32_t input, Id value, int step);
    // Fills the tree of a group that has grown: `each(use)` calls `use(value, rows)` with its
    // values, and with no rows for those that a rollback may bring back. Strong guarantee.
    template <class Each>
    void order(std::uint32_t group, std::uint32_t input, Each each);

    // All rows that there were are known: a group of no columns is ordered from its first row on,
    // for there is no index to look its rows up.
    void order_from_now_on() { is_order_kept_ = width_ == 0; }

    // --- at the end of a transaction; none fails

    void forget_unused_values();
    // Gives back what a group with rows does not need any more: sums, and trees of small groups.
    void trim(std::uint32_t group, std::uint32_t most_unordered);
    void free(std::uint32_t group);
    void clear();

    std::size_t bytes() const;

private:
    Tally& own(std::uint32_t group, std::uint32_t input) {
        return tallies_[std::size_t{group} * needs_.size() + input];
    }
    std::uint32_t owner(std::uint32_t group, std::uint32_t input) const {
        return group * static_cast<std::uint32_t>(needs_.size()) + input;
    }
    std::uint32_t make(const Id* key, std::uint32_t hash);
    void free_sum(Tally& tally);
    void drop_tree(Tally& tally);

    std::uint32_t width_;
    std::vector<Needs> needs_;  // by input
    bool is_order_kept_ = false;
    Symbols& symbols_;
    Slots slots_;
    Buffer<Id> keys_;
    Buffer<std::uint32_t> hashes_;
    Buffer<Tally> tallies_;
    Buffer<std::uint32_t> free_;       // Invariant: it has room for every group
    Buffer<ExactSum> sums_;
    Buffer<std::uint32_t> free_sums_;  // Invariant: it has room for every sum
    ValueTrees trees_;
};

template <class Each>
void Groups::order(std::uint32_t group, std::uint32_t input, Each each) {
    Tally& ordered = own(group, input);
    Buffer<ValueTrees::Counted> values;
    values.reserve_more(ordered.rows);
    each([&](Id value, std::uint32_t rows) {
        const Type type = symbols_.value(value).type;
        if (type != Type::kNull && type != Type::kBoolean) values.push_back({value, rows});
    });
    trees_.fill(ordered.tree, owner(group, input), values);
    ordered.is_ordered = true;
}

}  // namespace congress
