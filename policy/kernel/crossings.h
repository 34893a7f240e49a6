// An index by crossing time: moments, by when a condition on their age comes or ceases to hold.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "buffer.h"
#include "builtin.h"
#include "follower.h"
#include "relation.h"
#include "symbols.h"
#include "value.h"

namespace congress {

// A condition on an age: for the smallest ages it holds or not, as `at_first` says, and from each of
// the `turns`, which ascend, it is the other way round. In microseconds.
struct AgeCondition {
    static constexpr std::int64_t kMost = std::int64_t{1} << 61;  // of a turn, and of a moment

    bool at_first = false;
    std::vector<std::int64_t> turns;

    // How many turns an age has passed.
    std::size_t passed(std::int64_t age) const;
    bool holds(std::int64_t age) const { return at_first != (passed(age) % 2 == 1); }
};

// The head has those of some texts whose age, now, a condition holds for. The texts and the time are
// the rows of tables of one column; of a text that is no time `moment` tells why, and it has no age.
// With more than one time, one for which the condition holds is enough.
// Cost: the texts that came and went; of a tick those whose condition changes with it, for it is
// the times at which it does that they are ordered by.
class Crossings : public Follower {
public:
    // Shapes: `moment` takes a cell, and gives the microseconds since some fixed day.
    // Raises: InvalidPlan: widths do not fit, or turns do not ascend.
    Crossings(Relation& head, Relation& texts, Relation& clock, Builtin& moment,
              AgeCondition condition, Symbols& symbols, FailureLog* failures);

    void count_all(State state, int step, Guard& guard) override;
    void refresh(Guard& guard) override;
    std::size_t bytes() const override;

private:
    struct Entry {
        std::int64_t moment;
        Id text;
        auto operator<=>(const Entry&) const = default;
    };
    using Entries = std::set<Entry>;
    struct Change {
        Entry entry;
        Entries::node_type taken_out;  // empty: it came
    };

    std::optional<std::int64_t> moment_of(Id cell, FailureLog* failures);
    std::vector<std::int64_t> times(State state, FailureLog* failures);
    void follow(Guard& guard);
    void add(Id text);
    void remove(Id text);
    void tick(Guard& guard);
    void cross(std::int64_t from, std::int64_t to, Guard& guard);
    void count_at(std::int64_t now, int step, Guard& guard);
    template <class Use>
    void each_between(std::int64_t after, std::int64_t until, Guard& guard, Use use) const;
    void count(const Entry& entry, int step);
    void take_back(const Mark& mark) override;
    void forget_log() override { changes_.clear(); }

    Relation& head_;
    Relation& texts_;
    Relation& clock_;
    Builtin& moment_;
    AgeCondition condition_;
    Symbols& symbols_;
    FailureLog* failures_;
    Entries entries_;
    Buffer<Id> solutions_;  // scratch of moment_of
    std::vector<Change> changes_;
};

}  // namespace congress
