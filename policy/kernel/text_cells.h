// What a cell of a text file is: a number, a boolean, null or text.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "value.h"

namespace congress {

enum class CellType : std::uint8_t { kText, kInteger, kFloat, kBoolean, kAny };

// What a cell looks like: JSON's words and numbers, with spaces around them or not.
enum class CellLook : std::uint8_t { kEmpty, kText, kInteger, kReal, kBoolean, kNull };

CellLook look_of(std::string_view cell);

struct ReadCell {
    std::optional<Value> value;    // none: it is not of this type
    const char* flaw = nullptr;    // why no table may hold it
};

// A cell as a column of some type has it.
ReadCell read_cell(std::string_view cell, CellType type, bool is_nullable);

}  // namespace congress
