// How values compare with `<`: numbers exactly, texts by code point, anything else never.
#pragma once

#include <compare>

#include "symbols.h"
#include "value.h"

namespace congress {

// Whether the comparison holds; false for operands that cannot be ordered.
bool is_less(const Symbols& symbols, Id left, Id right);
bool is_less_or_equal(const Symbols& symbols, Id left, Id right);
// The order in which values are shown, in which any two have a place: null, booleans, numbers, texts;
// an integer before the float that is equal to it.
std::strong_ordering compare_shown(const Symbols& symbols, Id left, Id right);

}  // namespace congress
