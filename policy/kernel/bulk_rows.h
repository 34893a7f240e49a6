// Rows in memory, or in a text, that are not Python objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "buffer.h"
#include "symbols.h"
#include "value.h"

namespace congress {

constexpr std::size_t kBulkBlock = 1 << 16;  // cells between two looks at whether to stop

class BulkRows {
public:
    using Poll = std::function<void()>;  // throws when somebody asked to stop
    using Take = std::function<void(std::span<const Value>)>;

    virtual ~BulkRows() = default;
    virtual std::size_t size() const = 0;
    virtual std::uint32_t width() const = 0;
    // Whether the interpreter lock is to be held while they are read.
    virtual bool is_python() const { return false; }
    // Appends the rows as ids. Raises: CellRefused. InvalidColumns.
    virtual void intern(Symbols& symbols, const Poll& poll, Buffer<Id>& out) const = 0;
    // Calls `take` for the rows [first, end), one after the other. Raises: as `intern`.
    // Cost: those rows, of a text some lines before them.
    virtual void each(std::size_t first, std::size_t end, const Take& take) const = 0;
};

inline Id intern_value(Symbols& symbols, const Value& value) {
    switch (value.type) {
        case Type::kNull:
            return Symbols::kNullId;
        case Type::kBoolean:
            return Symbols::boolean(value.integer != 0);
        case Type::kInteger:
            return symbols.intern_integer(value.integer);
        case Type::kFloat:
            return symbols.intern_float(value.real);
        case Type::kText:
            return symbols.intern_text(value.text);
    }
    return Symbols::kNullId;
}

inline Value boolean_value(bool value) { return {Type::kBoolean, value ? 1 : 0, 0.0, {}}; }
inline Value integer_value(std::int64_t integer) { return {Type::kInteger, integer, 0.0, {}}; }
inline Value float_value(double real) { return {Type::kFloat, 0, real, {}}; }
inline Value text_value(std::string_view text) { return {Type::kText, 0, 0.0, text}; }

}  // namespace congress
