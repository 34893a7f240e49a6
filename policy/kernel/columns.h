// Columns in memory that somebody else owns, and the rows that they make together.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "bulk_rows.h"
#include "errors.h"

namespace congress {

using Keeper = std::shared_ptr<const void>;  // keeps memory that a column reads

class Column {
public:
    virtual ~Column() = default;
    virtual std::size_t size() const = 0;
    // Whether the interpreter lock is to be held while it is read.
    virtual bool is_python() const { return false; }
    // Raises: CellRefused: no table may hold the cell; says which row, not which column.
    virtual Value value(std::size_t row) const = 0;
    // The ids of some rows, one every `stride` places. Raises: as `value`.
    virtual void intern(Symbols& symbols, std::size_t first, std::size_t count, Id* out,
                        std::size_t stride) const;
};

template <class Number>
Value number_value(Number number, std::size_t row) {
    if constexpr (std::is_same_v<Number, bool>) {
        return boolean_value(number);
    } else if constexpr (std::is_floating_point_v<Number>) {
        if (!std::isfinite(number)) {
            throw CellRefused(row, 0, "a float that is not a finite number");
        }
        return float_value(double{number} + 0.0);  // -0.0 is 0.0
    } else {
        if constexpr (std::is_same_v<Number, std::uint64_t>) {
            if (number > std::uint64_t{INT64_MAX}) {
                throw CellRefused(row, 0, "an integer beyond 64 bits");
            }
        }
        return integer_value(static_cast<std::int64_t>(number));
    }
}

// Numbers, or bytes that are booleans, `step` bytes from each other; in another byte order when
// they are swapped.
template <class Number>
class NumberColumn : public Column {
public:
    NumberColumn(const void* first, std::ptrdiff_t step, std::size_t size, bool is_swapped,
                 Keeper keeper)
        : first_(static_cast<const char*>(first)),
          step_(step),
          size_(size),
          is_swapped_(is_swapped),
          keeper_(std::move(keeper)) {}

    std::size_t size() const override { return size_; }
    Value value(std::size_t row) const override { return number_value(number(row), row); }
    void intern(Symbols& symbols, std::size_t first, std::size_t count, Id* out,
                std::size_t stride) const override {
        for (std::size_t row = first; row < first + count; ++row) {
            const Value value = number_value(number(row), row);
            *out = intern_value(symbols, value);
            out += stride;
        }
    }

private:
    Number number(std::size_t row) const {
        char bytes[sizeof(Number)];  // it may lie anywhere
        std::memcpy(bytes, first_ + static_cast<std::ptrdiff_t>(row) * step_, sizeof bytes);
        if (is_swapped_) std::reverse(bytes, bytes + sizeof bytes);
        if constexpr (std::is_same_v<Number, bool>) {
            return bytes[0] != 0;
        } else {
            return std::bit_cast<Number>(bytes);
        }
    }

    const char* first_;
    std::ptrdiff_t step_;
    std::size_t size_;
    bool is_swapped_;
    Keeper keeper_;
};

// Columns one after the other.
class ChunkedColumn : public Column {
public:
    explicit ChunkedColumn(std::vector<std::unique_ptr<Column>> chunks);
    std::size_t size() const override { return ends_.empty() ? 0 : ends_.back(); }
    Value value(std::size_t row) const override;
    void intern(Symbols& symbols, std::size_t first, std::size_t count, Id* out,
                std::size_t stride) const override;

private:
    std::vector<std::unique_ptr<Column>> chunks_;  // none is empty
    std::vector<std::size_t> ends_;
};

class ColumnRows : public BulkRows {
public:
    // Raises: InvalidColumns: they differ in length, or are more than a table has.
    explicit ColumnRows(std::vector<std::shared_ptr<Column>> columns);
    std::size_t size() const override { return columns_.empty() ? 0 : columns_[0]->size(); }
    std::uint32_t width() const override { return static_cast<std::uint32_t>(columns_.size()); }
    bool is_python() const override;
    void intern(Symbols& symbols, const Poll& poll, Buffer<Id>& out) const override;
    void each(std::size_t first, std::size_t end, const Take& take) const override;

private:
    std::vector<std::shared_ptr<Column>> columns_;
};

}  // namespace congress
