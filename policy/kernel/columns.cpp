#include "columns.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace congress {

void Column::intern(Symbols& symbols, std::size_t first, std::size_t count, Id* out,
                    std::size_t stride) const {
    for (std::size_t row = first; row < first + count; ++row) {
        *out = intern_value(symbols, value(row));
        out += stride;
    }
}

// --- columns one after the other

ChunkedColumn::ChunkedColumn(std::vector<std::unique_ptr<Column>> chunks) {
    std::size_t end = 0;
    for (std::unique_ptr<Column>& chunk : chunks) {
        if (chunk->size() == 0) continue;
        end += chunk->size();
        ends_.push_back(end);
        chunks_.push_back(std::move(chunk));
    }
}

Value ChunkedColumn::value(std::size_t row) const {
    const auto end = std::upper_bound(ends_.begin(), ends_.end(), row);
    const auto number = static_cast<std::size_t>(end - ends_.begin());
    const std::size_t start = number == 0 ? 0 : ends_[number - 1];
    try {
        return chunks_[number]->value(row - start);
    } catch (const CellRefused& refused) {
        throw CellRefused(start + refused.row, refused.column, refused.what());
    }
}

void ChunkedColumn::intern(Symbols& symbols, std::size_t first, std::size_t count, Id* out,
                           std::size_t stride) const {
    std::size_t start = 0;
    for (std::size_t number = 0; number < chunks_.size() && count != 0; ++number) {
        const std::size_t end = ends_[number];
        if (first < end) {
            const std::size_t some = std::min(count, end - first);
            try {
                chunks_[number]->intern(symbols, first - start, some, out, stride);
            } catch (const CellRefused& refused) {
                throw CellRefused(start + refused.row, refused.column, refused.what());
            }
            first += some;
            count -= some;
            out += some * stride;
        }
        start = end;
    }
}

// --- rows

ColumnRows::ColumnRows(std::vector<std::shared_ptr<Column>> columns)
    : columns_(std::move(columns)) {
    if (columns_.size() > kMaxColumns) throw InvalidColumns("more columns than a table has");
    for (const auto& column : columns_) {
        if (column->size() != size()) throw InvalidColumns("columns of different lengths");
    }
}

bool ColumnRows::is_python() const {
    return std::ranges::any_of(columns_, [](const auto& column) { return column->is_python(); });
}

void ColumnRows::intern(Symbols& symbols, const Poll& poll, Buffer<Id>& out) const {
    const std::size_t wide = columns_.size();
    const std::size_t before = out.size();
    out.resize(before + size() * wide, Symbols::kNullId);
    const std::size_t block = kBulkBlock / std::max<std::size_t>(wide, 1);
    for (std::size_t first = 0; first < size(); first += block) {
        poll();
        std::size_t count = std::min(block, size() - first);
        std::optional<CellRefused> earliest;
        for (std::size_t column = 0; column < wide; ++column) {
            Id* place = out.data() + before + first * wide + column;
            try {
                columns_[column]->intern(symbols, first, count, place, wide);
            } catch (const CellRefused& refused) {
                earliest.emplace(refused.row, column, refused.what());
                count = refused.row - first;  // a later column can only refuse an earlier row
            }
        }
        if (earliest) throw *earliest;
    }
}

void ColumnRows::each(std::size_t first, std::size_t end, const Take& take) const {
    std::vector<Value> row(columns_.size());
    for (std::size_t number = first; number < end; ++number) {
        for (std::size_t column = 0; column < row.size(); ++column) {
            try {
                row[column] = columns_[column]->value(number);
            } catch (const CellRefused& refused) {
                throw CellRefused(number, column, refused.what());
            }
        }
        take(row);
    }
}

}  // namespace congress
