// Text in lines of cells with a mark between them, as CSV and TSV have it.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "errors.h"

namespace congress {

// A cell may stand in quotes; then a mark, the end of a line and a quote written twice are part of
// it. Lines end in LF, CR LF or CR; those without a character are passed over.
class DelimitedReader {
public:
    DelimitedReader(std::string_view text, char mark) : text_(text), mark_(mark) {}

    // Reads the next line, false at the end. The cells are good until the next call.
    // Raises: TextRefused: a quote is not closed, or something else than a mark follows it.
    bool next(std::vector<std::string_view>& cells);
    // Where in the text the next line begins, and a reader of the lines from such a place on, which
    // does not know their numbers.
    std::size_t place() const { return at_; }
    DelimitedReader from(std::size_t place) const { return {text_.substr(place), mark_}; }
    // Where that line ended, from 1.
    std::size_t line() const { return line_; }

private:
    bool at_end() const { return at_ == text_.size(); }
    bool at_line_end() const { return text_[at_] == '\n' || text_[at_] == '\r'; }
    void pass_line_end();
    std::string_view plain_cell();
    std::string_view quoted_cell();

    std::string_view text_;
    char mark_;
    std::size_t at_ = 0;
    std::size_t line_ = 0;
    std::deque<std::string> unquoted_;  // cells with a quote in them; some are of earlier lines
    std::size_t unquoted_count_ = 0;
};

}  // namespace congress
