// What the aggregates of a fold give for a group.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "builtin.h"
#include "groups.h"
#include "relation.h"
#include "symbols.h"

namespace congress {

enum class Aggregate : std::uint8_t { kCount, kSum, kMin, kMax, kAverage };

// What one column of the head is: a column of the group, or an aggregate of one input.
struct FoldPart {
    bool is_group;
    Aggregate function;    // if not
    std::uint32_t number;  // the group's column, or the number of the input
};

// What each input must know for its aggregates. Raises: InvalidPlan: a part has no such input.
std::vector<Needs> needs_of(std::size_t inputs, const std::vector<FoldPart>& parts);

// Promises: the order of the rows never matters.
// Cost: for min and max of at most `kFew` rows those rows; of more, once, all of them in order.
class Aggregates {
public:
    static constexpr std::uint32_t kFew = 64;

    Aggregates(Groups& groups, std::uint32_t columns, std::vector<Relation*> inputs,
               std::vector<FoldPart> parts, Symbols& symbols, FailureLog* failures);

    std::uint32_t size() const { return static_cast<std::uint32_t>(parts_.size()); }
    // All rows of the new state were added to the groups.
    void note_loaded();
    // Gives whether all aggregates of a group with rows have a result; the first one that has none
    // is noted in the log.
    bool find(std::uint32_t group, Id* results);

private:
    bool solve(const FoldPart& part, std::uint32_t group, Id& result, const char*& failure);
    bool sum(const Tally& tally, Id& result, const char*& failure);
    bool divide(const Tally& tally, std::uint32_t count, Id& result, const char*& failure);
    bool extreme(const FoldPart& part, std::uint32_t group, Id& result, const char*& failure);
    Id extreme_of_few(const FoldPart& part, std::uint32_t group);
    void order(std::uint32_t group, std::uint32_t input);
    const Index& index(std::uint32_t input);

    Groups& groups_;
    std::vector<Relation*> inputs_;
    std::vector<std::shared_ptr<Index>> indexes_;  // by input: its rows by group, once needed
    std::vector<FoldPart> parts_;                  // those that are aggregates
    Symbols& symbols_;
    FailureLog* failures_;
    std::vector<std::unique_ptr<Builtin>> names_;  // by Aggregate, for the log
    std::vector<std::uint32_t> columns_;           // of the group
};

}  // namespace congress
