// Aggregates: rows of (group, aggregated values) become one row for each group.
#pragma once

#include <cstdint>
#include <vector>

#include "aggregates.h"
#include "buffer.h"
#include "builtin.h"
#include "follower.h"
#include "groups.h"
#include "relation.h"
#include "symbols.h"

namespace congress {

// One rule's aggregate step. Each input holds the group's cells, then what is aggregated, of which
// the first column is what the function works on; all inputs have the same groups. A group with an
// aggregate that fails has no row, and is noted in the log with its cells; the log then refers to
// builtins of this fold.
// Cost: the changes; for min and max of large groups each costs the logarithm of the group's size.
class Fold : public Follower {
public:
    // Raises: InvalidPlan: parts, inputs and widths do not fit.
    Fold(Relation& head, std::uint32_t groups, std::vector<Relation*> inputs,
         std::vector<FoldPart> parts, Symbols& symbols, FailureLog* failures);
    ~Fold() override;

    void count_all(State state, int step, Guard& guard) override;
    void refresh(Guard& guard) override;
    std::size_t bytes() const override;

private:
    struct Change {
        std::uint32_t group;
        Id value;
        std::uint32_t input;
        std::int32_t step;
    };
    struct Touched {
        std::uint32_t group;
        bool had_row;
    };

    static constexpr std::uint8_t kHasRow = 1;
    static constexpr std::uint8_t kTouched = 2;  // in the present step
    static constexpr std::uint8_t kListed = 4;   // in `to_trim_`

    void follow(Guard& guard);
    void load(Guard& guard);
    void change(std::uint32_t input, RowId row, int step);
    std::uint32_t group_of(const Id* key);
    void touch(std::uint32_t group);
    void settle(std::uint32_t group, bool counts_head);
    void count(std::uint32_t group, const Id* results, int step);
    void close_step() override;
    void take_back(const Mark& mark) override;
    void forget_log() override;
    void forget_all();
    Id* results(std::uint32_t group) { return results_.data() + std::size_t{group} * width_; }

    Relation& head_;
    std::vector<Relation*> inputs_;
    std::uint32_t columns_;  // of the groups
    std::vector<FoldPart> parts_;
    Symbols& symbols_;

    Groups groups_;
    Aggregates aggregates_;
    std::uint32_t width_;         // of the results of a group
    Buffer<std::uint8_t> flags_;  // by group
    Buffer<Id> results_;          // by group; integers in line while it has no row

    Buffer<Change> changes_;
    Buffer<Touched> touched_;
    Buffer<Id> befores_;          // the results before the step, for each entry of `touched_`
    Buffer<std::uint32_t> to_trim_;
};

}  // namespace congress
