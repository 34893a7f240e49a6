// A text whose first line names columns, and the rows that its other lines are.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "columns.h"
#include "delimited.h"
#include "text_cells.h"

namespace congress {

struct TextColumnType {
    std::string name;
    CellType type;
    bool is_nullable;
};

class TextTable {
public:
    // Raises: TextRefused: it is not UTF-8, is not such a text, or its lines are not all of one
    // width.
    TextTable(std::string_view text, char mark, BulkRows::Poll poll, Keeper keeper);

    const std::vector<std::string>& header() const { return header_; }
    // For each column of the first line the narrowest type that all its filled cells have.
    std::vector<TextColumnType> seen_types() const;
    // The rows of a table; a column that the text does not have is null.
    // Raises: TextRefused: a cell does not fit its column.
    std::shared_ptr<BulkRows> rows(std::vector<TextColumnType> columns) const;

private:
    DelimitedReader lines() const;  // behind the first one

    std::string_view text_;
    char mark_;
    BulkRows::Poll poll_;
    Keeper keeper_;
    std::vector<std::string> header_;
    std::size_t header_line_ = 0;
    std::size_t size_ = 0;
};

}  // namespace congress
