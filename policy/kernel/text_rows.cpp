#include "text_rows.h"

#include <algorithm>
#include <set>
#include <utility>

#include "utf8.h"

namespace congress {
namespace {

constexpr std::size_t kNowhere = ~std::size_t{0};
constexpr std::size_t kCellBytes = 16;         // that are as much to read as a cell
constexpr std::size_t kTextBlock = 1 << 20;    // bytes between two looks at whether to stop
constexpr std::size_t kNoted = 64;  // of so many rows one is found without those before it
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

using Cells = std::vector<std::string_view>;

// Whether a byte of UTF-8 is not the first of a character.
bool goes_on(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

// Calls `use` with the cells of each line, the line's number and the place behind it.
template <class Use>
void each_line(DelimitedReader lines, const BulkRows::Poll& poll, Use use) {
    Cells cells;
    std::size_t unseen = 0;  // cells since the last look
    std::size_t place = lines.place();
    while (lines.next(cells)) {
        unseen += cells.size() + (lines.place() - place) / kCellBytes;
        place = lines.place();
        if (unseen >= kBulkBlock) {
            poll();
            unseen = 0;
        }
        use(cells, lines.line(), lines.place());
    }
}

// A block at a time, of whole characters: more than three bytes that go on with one are none.
bool is_utf8_throughout(std::string_view text, const BulkRows::Poll& poll) {
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(text.size(), at + kTextBlock);
        const std::size_t least = end - std::min<std::size_t>(end - at, 4);
        while (end < text.size() && end > least && goes_on(text[end])) --end;
        if (end == least || !is_utf8(text.substr(at, end - at))) return false;
        poll();
        at = end;
    }
    return true;
}

// Lines that were found to be rows.
class TextRows : public BulkRows {
public:
    TextRows(DelimitedReader lines, std::size_t size, std::vector<TextColumnType> columns,
             std::vector<std::size_t> places, Keeper keeper)
        : lines_(std::move(lines)),
          size_(size),
          columns_(std::move(columns)),
          places_(std::move(places)),
          keeper_(std::move(keeper)) {}

    // Once, before rows are asked for. Raises: TextRefused: a cell does not fit.
    void check(const Poll& poll) {
        std::size_t row = 0;
        std::size_t place = lines_.place();
        each_line(lines_, poll, [&](const Cells& cells, std::size_t line, std::size_t next) {
            if (row++ % kNoted == 0) noted_.push_back(place);
            place = next;
            check_line(cells, line);
        });
    }
    std::size_t size() const override { return size_; }
    std::uint32_t width() const override { return static_cast<std::uint32_t>(columns_.size()); }
    void intern(Symbols& symbols, const Poll& poll, Buffer<Id>& out) const override {
        out.reserve_more(size_ * columns_.size());
        each_line(lines_, poll, [&](const Cells& cells, std::size_t, std::size_t) {
            for (std::size_t n = 0; n < columns_.size(); ++n) {
                out.push_reserved(intern_value(symbols, *read(cells, n).value));
            }
        });
    }
    void each(std::size_t first, std::size_t end, const Take& take) const override {
        if (first >= end) return;
        DelimitedReader lines = lines_.from(noted_[first / kNoted]);
        Cells cells;
        std::vector<Value> row(columns_.size());
        for (std::size_t number = first / kNoted * kNoted; number < end; ++number) {
            lines.next(cells);
            if (number < first) continue;
            for (std::size_t n = 0; n < row.size(); ++n) row[n] = *read(cells, n).value;
            take(row);
        }
    }

private:
    ReadCell read(const Cells& cells, std::size_t column) const {
        if (places_[column] == kNowhere) return {Value{}, nullptr};
        const TextColumnType& type = columns_[column];
        return read_cell(cells[places_[column]], type.type, type.is_nullable);
    }
    // What does not fit a column is told before what fits no table.
    void check_line(const Cells& cells, std::size_t line) const {
        const char* flaw = nullptr;
        std::size_t place = 0;
        for (std::size_t n = 0; n < columns_.size(); ++n) {
            const ReadCell cell = read(cells, n);
            if (!cell.value) {
                const std::string text(cells[places_[n]]);
                throw TextRefused(TextFlaw::kType, line, n, text);
            }
            const bool is_null = cell.value->type == Type::kNull && cell.flaw == nullptr;
            if (is_null && !columns_[n].is_nullable && columns_[n].type != CellType::kAny) {
                throw TextRefused(TextFlaw::kNull, line, n, "");
            }
            if (flaw == nullptr && cell.flaw != nullptr) {
                flaw = cell.flaw;
                place = n;
            }
        }
        if (flaw != nullptr) throw TextRefused(TextFlaw::kValue, line, place, flaw);
    }

    DelimitedReader lines_;
    std::size_t size_;
    std::vector<TextColumnType> columns_;
    std::vector<std::size_t> places_;  // of each column in a line
    std::vector<std::size_t> noted_;   // where each block of rows begins in the text
    Keeper keeper_;
};

// Which of the types with values of their own all cells of a column have.
struct Seen {
    bool has_empty = false;
    bool has_filled = false;
    bool all_integers = true;
    bool all_numbers = true;
    bool all_booleans = true;

    void see(CellLook look) {
        if (look == CellLook::kEmpty) {
            has_empty = true;
            return;
        }
        has_filled = true;
        all_integers = all_integers && look == CellLook::kInteger;
        const bool is_number = look == CellLook::kInteger || look == CellLook::kReal;
        all_numbers = all_numbers && is_number;
        all_booleans = all_booleans && look == CellLook::kBoolean;
    }
    CellType type() const {
        if (!has_filled) return CellType::kText;
        if (all_integers) return CellType::kInteger;
        if (all_numbers) return CellType::kFloat;
        return all_booleans ? CellType::kBoolean : CellType::kText;
    }
};

}  // namespace

TextTable::TextTable(std::string_view text, char mark, BulkRows::Poll poll, Keeper keeper)
    : text_(text), mark_(mark), poll_(std::move(poll)), keeper_(std::move(keeper)) {
    if (!is_utf8_throughout(text_, poll_)) throw TextRefused(TextFlaw::kEncoding, 0, 0, "");
    if (text_.starts_with(kByteOrderMark)) text_.remove_prefix(kByteOrderMark.size());
    DelimitedReader lines(text_, mark_);
    Cells names;
    if (!lines.next(names)) throw TextRefused(TextFlaw::kEmpty, 0, 0, "");
    header_.assign(names.begin(), names.end());
    header_line_ = lines.line();
    std::size_t odd_line = 0;
    std::size_t odd_width = 0;
    each_line(lines, poll_, [&](const Cells& cells, std::size_t line, std::size_t) {
        ++size_;
        if (cells.size() == header_.size() || odd_line != 0) return;
        odd_line = line;
        odd_width = cells.size();
    });
    const std::set<std::string_view> distinct(header_.begin(), header_.end());
    if (distinct.size() != header_.size()) {
        std::string told = header_[0];
        for (std::size_t n = 1; n < header_.size(); ++n) told += ", " + header_[n];
        throw TextRefused(TextFlaw::kTwice, header_line_, 0, told);
    }
    if (odd_line != 0) {
        throw TextRefused(TextFlaw::kWidth, odd_line, header_.size(), std::to_string(odd_width));
    }
}

DelimitedReader TextTable::lines() const {
    DelimitedReader lines(text_, mark_);
    Cells cells;
    lines.next(cells);
    return lines;
}

std::vector<TextColumnType> TextTable::seen_types() const {
    std::vector<Seen> seen(header_.size());
    each_line(lines(), poll_, [&](const Cells& cells, std::size_t, std::size_t) {
        for (std::size_t n = 0; n < seen.size(); ++n) seen[n].see(look_of(cells[n]));
    });
    std::vector<TextColumnType> types;
    for (std::size_t n = 0; n < seen.size(); ++n) {
        const CellType type = seen[n].type();
        types.push_back({header_[n], type, type != CellType::kText && seen[n].has_empty});
    }
    return types;
}

std::shared_ptr<BulkRows> TextTable::rows(std::vector<TextColumnType> columns) const {
    std::vector<std::size_t> places(columns.size(), kNowhere);
    for (std::size_t n = 0; n < header_.size(); ++n) {
        const auto column = std::find_if(columns.begin(), columns.end(), [&](const auto& each) {
            return each.name == header_[n];
        });
        if (column != columns.end()) {
            places[static_cast<std::size_t>(column - columns.begin())] = n;
        } else {
            throw TextRefused(TextFlaw::kUnknown, header_line_, n, header_[n]);
        }
    }
    auto rows = std::make_shared<TextRows>(lines(), size_, std::move(columns), std::move(places),
                                           keeper_);
    rows->check(poll_);
    return rows;
}

}  // namespace congress
