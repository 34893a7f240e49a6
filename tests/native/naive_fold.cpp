#include "naive_fold.h"

#include <algorithm>

#include "builtin.h"
#include "harness.h"
#include "order.h"

namespace congress::tests {

namespace {

__extension__ typedef __float128 Precise;

}  // namespace

void NotedFailures::note(const Builtin& builtin, const char* reason, const Id* inputs) {
    for (std::uint32_t n = 0; n < builtin.inputs; ++n) {
        require(symbols_.is_known(inputs[n]), "a failure's group is not known");
    }
    noted.insert({builtin.name, reason, Cells(inputs, inputs + builtin.inputs)});
}

CellRows NaiveFold::fold(const std::vector<CellRows>& inputs, NotedFailures& failures) {
    std::map<Cells, std::vector<Cells>> values;  // by group: by input
    for (std::size_t input = 0; input < inputs.size(); ++input) {
        for (const Cells& row : inputs[input]) {
            auto& own = values[Cells(row.begin(), row.begin() + groups_)];
            own.resize(inputs.size());
            own[input].push_back(row[groups_]);
        }
    }
    CellRows rows;
    for (const auto& [group, columns] : values) {
        if (const auto row = row_of(group, columns, failures)) rows.insert(*row);
    }
    return rows;
}

std::optional<Cells> NaiveFold::row_of(const Cells& group, const std::vector<Cells>& columns,
                                       NotedFailures& failures) {
    Cells row;
    for (const FoldPart& part : parts_) {
        if (part.is_group) {
            row.push_back(group[part.number]);
            continue;
        }
        const char* failure = nullptr;
        row.push_back(result(part.function, columns[part.number], failure));
        if (failure == nullptr) continue;
        constexpr const char* kNames[] = {"count", "sum", "min", "max", "avg"};
        failures.noted.insert({kNames[static_cast<int>(part.function)], failure, group});
        return std::nullopt;
    }
    return row;
}

Id NaiveFold::result(Aggregate function, const Cells& ids, const char*& failure) {
    if (function == Aggregate::kCount) {
        return symbols_.intern_integer(static_cast<std::int64_t>(ids.size()));
    }
    if (function == Aggregate::kMin || function == Aggregate::kMax) {
        return extreme(function == Aggregate::kMin, ids, failure);
    }
    return total(function, ids, failure);
}

Id NaiveFold::total(Aggregate function, const Cells& ids, const char*& failure) {
    Wide sum = 0;
    bool has_float = function == Aggregate::kAverage;
    for (const Id id : ids) {
        const Value value = symbols_.value(id);
        if (!value.is_number()) {
            failure = "a value is not a number";
            return 0;
        }
        has_float |= value.type == Type::kFloat;
        sum += value.type == Type::kFloat ? static_cast<Wide>(value.real * 0x1p20)
                                          : Wide{value.integer} << 20;
    }
    if (has_float) {
        const auto count = static_cast<int>(function == Aggregate::kAverage ? ids.size() : 1);
        const Precise quotient = static_cast<Precise>(sum) / count / 0x1p20;
        return symbols_.intern_float(static_cast<double>(quotient));
    }
    sum >>= 20;
    if (sum != static_cast<std::int64_t>(sum)) {
        failure = "the sum does not fit into 64 bits";
        return 0;
    }
    return symbols_.intern_integer(static_cast<std::int64_t>(sum));
}

Id NaiveFold::extreme(bool is_least, const Cells& ids, const char*& failure) {
    const auto has = [&](auto is_such) { return std::ranges::any_of(ids, is_such); };
    const auto is_text = [&](Id id) { return symbols_.value(id).type == Type::kText; };
    const auto is_number = [&](Id id) { return symbols_.value(id).is_number(); };
    if (has(is_text) && !std::ranges::all_of(ids, is_text)) {
        failure = "numbers and text are mixed";
        return 0;
    }
    if (!has(is_text) && !std::ranges::all_of(ids, is_number)) {
        failure = "a value has no order";
        return 0;
    }
    Id found = ids[0];
    for (const Id id : ids) {
        const bool is_better = is_least ? is_less(symbols_, id, found)
                                        : is_less(symbols_, found, id);
        const bool is_equal = !is_less(symbols_, id, found) && !is_less(symbols_, found, id);
        const bool is_integer = symbols_.value(id).type == Type::kInteger;
        if (is_better || (is_equal && is_integer)) found = id;
    }
    return found;
}

}  // namespace congress::tests
