#include "aggregates.h"

#include <limits>
#include <utility>

#include "errors.h"

namespace congress {

namespace {

constexpr const char* kNames[] = {"count", "sum", "min", "max", "avg"};

// The name under which a group's failure is noted; plans do not call it.
class FunctionName final : public Builtin {
public:
    using Builtin::Builtin;
    std::uint32_t solve(const Id*, Buffer<Id>&, const char*& failure) override {
        failure = "an aggregate works on groups";
        return 0;
    }
};

}  // namespace

std::vector<Needs> needs_of(std::size_t inputs, const std::vector<FoldPart>& parts) {
    std::vector<Needs> needs(inputs);
    for (const FoldPart& part : parts) {
        if (part.is_group) continue;
        if (part.number >= inputs) throw InvalidPlan("an aggregate has no such input");
        Needs& own = needs[part.number];
        const Aggregate function = part.function;
        own.sums |= function == Aggregate::kSum || function == Aggregate::kAverage;
        own.order |= function == Aggregate::kMin || function == Aggregate::kMax;
        own.values = own.sums || own.order;
    }
    return needs;
}

Aggregates::Aggregates(Groups& groups, std::uint32_t columns, std::vector<Relation*> inputs,
                       std::vector<FoldPart> parts, Symbols& symbols, FailureLog* failures)
    : groups_(groups),
      inputs_(std::move(inputs)),
      indexes_(inputs_.size()),
      parts_(std::move(parts)),
      symbols_(symbols),
      failures_(failures) {
    for (const char* name : kNames) {
        names_.push_back(std::make_unique<FunctionName>(name, columns, 1));
    }
    for (std::uint32_t column = 0; column < columns; ++column) columns_.push_back(column);
    std::erase_if(parts_, [](const FoldPart& part) { return part.is_group; });
}

bool Aggregates::find(std::uint32_t group, Id* results) {
    for (const FoldPart& part : parts_) {
        const char* failure = nullptr;
        if (solve(part, group, *results++, failure)) continue;
        const Builtin& name = *names_[static_cast<std::size_t>(part.function)];
        if (failures_ != nullptr) failures_->note(name, failure, groups_.key(group));
        return false;
    }
    return true;
}

bool Aggregates::solve(const FoldPart& part, std::uint32_t group, Id& result,
                       const char*& failure) {
    const Tally& tally = groups_.tally(group, part.number);
    switch (part.function) {
        case Aggregate::kCount:
            result = symbols_.intern_integer(tally.rows);
            return true;
        case Aggregate::kSum:
            return sum(tally, result, failure);
        case Aggregate::kAverage:
            return divide(tally, tally.rows, result, failure);
        default:
            return extreme(part, group, result, failure);
    }
}

bool Aggregates::sum(const Tally& tally, Id& result, const char*& failure) {
    if (tally.floats != 0) return divide(tally, 1, result, failure);
    if (tally.texts + tally.others != 0) {
        failure = "a value is not a number";
        return false;
    }
    if (tally.sum < std::numeric_limits<std::int64_t>::min() ||
        tally.sum > std::numeric_limits<std::int64_t>::max()) {
        failure = "the sum does not fit into 64 bits";
        return false;
    }
    result = symbols_.intern_integer(static_cast<std::int64_t>(tally.sum));
    return true;
}

bool Aggregates::divide(const Tally& tally, std::uint32_t count, Id& result,
                        const char*& failure) {
    if (tally.texts + tally.others != 0) {
        failure = "a value is not a number";
        return false;
    }
    ExactSum total = tally.floats != 0 ? groups_.exact_sum(tally) : ExactSum{};
    total.add(tally.sum);
    const auto quotient = total.divided_by(count);
    if (!quotient) {
        failure = "the result is too large";
        return false;
    }
    result = symbols_.intern_float(*quotient);
    return true;
}

bool Aggregates::extreme(const FoldPart& part, std::uint32_t group, Id& result,
                         const char*& failure) {
    const Tally& tally = groups_.tally(group, part.number);
    if (tally.texts != 0 && tally.texts != tally.rows) {
        failure = "numbers and text are mixed";
        return false;
    }
    if (tally.others != 0) {
        failure = "a value has no order";
        return false;
    }
    if (!tally.is_ordered && tally.rows <= kFew) {
        result = extreme_of_few(part, group);
        return true;
    }
    if (!tally.is_ordered) order(group, part.number);
    const ValueTrees& trees = groups_.trees();
    result = part.function == Aggregate::kMin ? trees.least(tally.tree)
                                              : trees.greatest(tally.tree);
    return true;
}

const Index& Aggregates::index(std::uint32_t input) {
    if (indexes_[input] == nullptr) indexes_[input] = inputs_[input]->share_index(columns_);
    inputs_[input]->fill(*indexes_[input]);
    return *indexes_[input];
}

// Only for groups with rows, of values that can be ordered.
Id Aggregates::extreme_of_few(const FoldPart& part, std::uint32_t group) {
    const Relation& read = *inputs_[part.number];
    const Index& by_group = index(part.number);
    const Index::Rows rows = by_group.find(groups_.key(group), groups_.hash(group));
    bool is_first = true;
    Id found = 0;
    for (std::uint32_t place = 0; place < rows.length; ++place) {
        const RowId row = by_group.row_at(rows, place);
        if (!read.is_in(row, State::kNew)) continue;
        const Id value = read.row(row)[columns_.size()];
        const bool is_better = part.function == Aggregate::kMin
                                   ? is_before(symbols_, value, found)
                                   : is_greater(symbols_, value, found);
        if (is_first || is_better) found = value;
        is_first = false;
    }
    return found;
}

void Aggregates::order(std::uint32_t group, std::uint32_t input) {
    const Relation& read = *inputs_[input];
    const Index& by_group = index(input);
    const Index::Rows rows = by_group.find(groups_.key(group), groups_.hash(group));
    groups_.order(group, input, [&](auto use) {
        for (std::uint32_t place = 0; place < rows.length; ++place) {
            const RowId row = by_group.row_at(rows, place);
            // Rows that are in no state are there for a rollback: they need a node.
            use(read.row(row)[columns_.size()], read.is_in(row, State::kNew) ? 1u : 0u);
        }
    });
}

void Aggregates::note_loaded() {
    groups_.order_from_now_on();
    if (!columns_.empty() || groups_.end() == 0) return;
    for (std::uint32_t input = 0; input < inputs_.size(); ++input) {
        const Relation& read = *inputs_[input];
        if (!groups_.needs_order(input)) continue;
        groups_.order(0, input, [&](auto use) {
            for (RowId row = 0; row < read.end(); ++row) {
                if (read.is_in(row, State::kNew)) use(read.row(row)[0], 1u);
            }
        });
    }
}

}  // namespace congress
