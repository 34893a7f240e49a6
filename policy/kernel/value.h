// Cells as 32-bit ids: the same (type, value) has the same id, so joins compare integers.
#pragma once

#include <cstdint>
#include <string_view>

namespace congress {

using Id = std::uint32_t;     // one cell
using RowId = std::uint32_t;  // the place of a row in its relation

constexpr Id kSymbolBit = 1u << 31;  // set: an entry of Symbols; clear: an integer in line
constexpr std::int64_t kInlineBias = std::int64_t{1} << 27;
constexpr std::int64_t kMinInline = -kInlineBias;
constexpr std::int64_t kMaxInline = (std::int64_t{1} << 31) - kInlineBias - 1;
static_assert(kMaxInline > 1'900'000'000, "seconds since 1970 fit in line until 2030");

constexpr std::uint32_t kMaxColumns = 1024;  // of a table
constexpr RowId kNoRow = 0xFFFF'FFFF;

enum class Type : std::uint8_t { kNull, kBoolean, kInteger, kFloat, kText };

// What an id stands for; `text` is valid until a symbol comes or goes.
struct Value {
    Type type = Type::kNull;
    std::int64_t integer = 0;  // of an integer, or 0 and 1 of a boolean
    double real = 0.0;
    std::string_view text;

    bool is_number() const { return type == Type::kInteger || type == Type::kFloat; }
};

constexpr bool is_symbol(Id id) { return (id & kSymbolBit) != 0; }
constexpr bool fits_inline(std::int64_t integer) {
    return integer >= kMinInline && integer <= kMaxInline;
}
constexpr Id inline_id(std::int64_t integer) { return static_cast<Id>(integer + kInlineBias); }
constexpr std::int64_t inline_integer(Id id) { return std::int64_t{id} - kInlineBias; }

}  // namespace congress
