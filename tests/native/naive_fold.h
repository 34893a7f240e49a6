// The obvious way from rows to the results of aggregates.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "fold.h"
#include "symbols.h"

namespace congress::tests {

using Cells = std::vector<Id>;
using CellRows = std::set<Cells>;

// Failed aggregates: the function, the reason, the group.
class NotedFailures : public FailureLog {
public:
    explicit NotedFailures(const Symbols& symbols) : symbols_(symbols) {}
    void note(const Builtin& builtin, const char* reason, const Id* inputs) override;
    std::set<std::tuple<std::string, std::string, Cells>> noted;

private:
    const Symbols& symbols_;
};

// Folds from nothing, each time. Floats are multiples of 2^-20, so that 128 bits do.
class NaiveFold {
public:
    NaiveFold(Symbols& symbols, std::uint32_t groups, const std::vector<FoldPart>& parts)
        : symbols_(symbols), groups_(groups), parts_(parts) {}

    CellRows fold(const std::vector<CellRows>& inputs, NotedFailures& failures);

private:
    std::optional<Cells> row_of(const Cells& group, const std::vector<Cells>& columns,
                                NotedFailures& failures);
    Id result(Aggregate function, const Cells& ids, const char*& failure);
    Id total(Aggregate function, const Cells& ids, const char*& failure);
    Id extreme(bool is_least, const Cells& ids, const char*& failure);

    Symbols& symbols_;
    std::uint32_t groups_;
    std::vector<FoldPart> parts_;
};

}  // namespace congress::tests
