// Rows in the order in which people are shown them, a page at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "guard.h"
#include "relation.h"
#include "symbols.h"
#include "value.h"

namespace congress {

// The first `limit` rows of the new state, in order, of those behind the cells `after`; null: of all.
// Rows are in the order of their cells from the first column on: null, booleans, numbers, texts by
// code point; of two equal numbers the integer comes first.
// Raises: as Watch::look.
// Cost: a comparison for each row, and for those that get in the logarithm of the limit.
std::vector<RowId> page_of(const Relation& relation, const Symbols& symbols, const Id* after,
                           std::size_t limit, Watch& watch);

}  // namespace congress
