// How values compare with `<`: numbers exactly, texts by code point, anything else never.
#pragma once

#include "symbols.h"
#include "value.h"

namespace congress {

// Whether the comparison holds; false for operands that cannot be ordered.
bool is_less(const Symbols& symbols, Id left, Id right);
bool is_less_or_equal(const Symbols& symbols, Id left, Id right);

}  // namespace congress
