// Text in lines against the cells that it was written from, and whatever bytes come.
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "harness.h"
#include "text_rows.h"
#include "utf8.h"

namespace congress::tests {
namespace {

// In a block of exactly its size: the sanitizers see who reads beyond.
class Exact {
public:
    explicit Exact(const std::string& text)
        : size_(text.size()), data_(std::make_unique<char[]>(text.size())) {
        text.copy(data_.get(), size_);
    }
    std::string_view view() const { return {data_.get(), size_}; }

private:
    std::size_t size_;
    std::unique_ptr<char[]> data_;
};

std::string pieces(Random& random, const std::vector<std::string>& from, std::size_t most) {
    std::string text;
    for (unsigned left = below(random, most); left-- != 0;) text += from[below(random, from.size())];
    return text;
}

std::string written(const std::string& cell, char mark, bool is_quoted) {
    const std::string special = std::string("\"\r\n") + mark;
    if (!is_quoted && cell.find_first_of(special) == cell.npos) return cell;
    std::string made = "\"";
    for (const char c : cell) made += c == '"' ? std::string("\"\"") : std::string(1, c);
    return made + "\"";
}

const Model lines("lines come back as the cells that they were written from", 3'000,
                  [](Random& random) {
    const char mark = happens(random, 50) ? ',' : '\t';
    const std::string ends[] = {"\n", "\r\n", "\r"};
    const std::string end = ends[below(random, 3)];
    std::vector<std::vector<std::string>> rows(below(random, 6));
    std::string text;
    for (auto& row : rows) {
        row.resize(1 + below(random, 4));
        for (std::size_t n = 0; n < row.size(); ++n) {
            row[n] = pieces(random, {"a", "\"", ",", "\t", "\n", "\r\n", "é"}, 6);
            // A line of one empty cell has to say that it is there.
            const bool is_alone = row.size() == 1 && row[0].empty();
            text += written(row[n], mark, is_alone || happens(random, 20));
            text += n + 1 == row.size() ? end : std::string(1, mark);
        }
    }
    if (happens(random, 30) && !rows.empty()) text.resize(text.size() - end.size());
    const Exact exact(text);
    DelimitedReader reader(exact.view(), mark);
    std::vector<std::string_view> cells;
    for (const auto& row : rows) {
        require(reader.next(cells), "a line is missing");
        require(std::equal(cells.begin(), cells.end(), row.begin(), row.end()), "other cells");
    }
    require(!reader.next(cells), "there is one more line");
});

const Model any_bytes("any bytes are refused, or are rows of one width", 10'000,
                      [](Random& random) {
    const Exact exact(pieces(random, {"a", "b", "1", "-2.5", "true", "\"", ",", ",", "\n", "\n",
                                      "\r", " ", "é", "\xFF", std::string(1, '\0')}, 30));
    try {
        const TextTable table(exact.view(), ',', [] {}, nullptr);
        const auto rows = table.rows(table.seen_types());
        Symbols symbols;
        Buffer<Id> ids;
        rows->intern(symbols, [] {}, ids);
        require_equal(ids.size(), rows->size() * rows->width(), "another number of cells");
        const Id* id = ids.begin();
        const auto take = [&](std::span<const Value> row) {
            for (const Value& value : row) require_equal(intern_value(symbols, value), *id++, "id");
        };
        rows->each(0, rows->size(), take);
        require(id == ids.end(), "other rows");
        for (std::size_t row = rows->size(); row-- != 0;) {
            id = ids.begin() + row * rows->width();
            rows->each(row, row + 1, take);
        }
    } catch (const TextRefused&) {
    }
});

template <class Number>
std::string shown(Number number) {
    char digits[32];
    return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
}

const Model numbers("numbers come back as they were written", 10'000, [](Random& random) {
    const auto integer = static_cast<std::int64_t>(random() >> below(random, 64));
    const Exact whole(" " + shown(integer) + "\t");
    const ReadCell read = read_cell(whole.view(), CellType::kInteger, false);
    require(read.value && read.value->integer == integer && read.flaw == nullptr, "an integer");
    const std::uint64_t bits = random();
    double real;
    std::memcpy(&real, &bits, sizeof real);
    if (!std::isfinite(real)) return;
    const Exact part(shown(real));
    const ReadCell float_read = read_cell(part.view(), CellType::kFloat, false);
    require(float_read.value && float_read.value->real == real, "a float");
});

const Test limits("numbers beyond 64 bits are told, and tiny ones are zero", [] {
    const auto flaw = [](std::string_view cell) {
        return read_cell(cell, CellType::kAny, false).flaw != nullptr;
    };
    for (const char* cell : {"9223372036854775808", "1e400", "-0.001e999999999999999999"}) {
        require(flaw(cell), cell);
    }
    for (const char* cell : {"1e-400", "0e400", "-0.0e999999999999999999", "0.001e-400"}) {
        const ReadCell read = read_cell(cell, CellType::kAny, false);
        require(!flaw(cell) && read.value->type == Type::kFloat && read.value->real == 0.0, cell);
        require(!std::signbit(read.value->real), cell);
    }
    for (const char* cell : {"-", "01", "1.", ".5", "1e", "1e+", "+1", "--1", "1 2", "tru"}) {
        require_equal(read_cell(cell, CellType::kAny, false).value->text, std::string_view(cell),
                      cell);
    }
});

// Code points as RFC 3629 writes them.
std::string encoded(std::uint32_t point) {
    const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
    if (point < 0x80) return {byte(point)};
    if (point < 0x800) return {byte(0xC0 | point >> 6), byte(0x80 | (point & 0x3F))};
    const char last[] = {byte(0x80 | (point >> 6 & 0x3F)), byte(0x80 | (point & 0x3F))};
    if (point < 0x10000) return {byte(0xE0 | point >> 12), last[0], last[1]};
    return {byte(0xF0 | point >> 18), byte(0x80 | (point >> 12 & 0x3F)), last[0], last[1]};
}

const Test points("each code point is UTF-8, and a surrogate is not", [] {
    for (std::uint32_t point = 0; point < 0x10FFFF + 100; ++point) {
        const bool is_good = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
        const std::string text = encoded(point);
        require_equal(is_utf8(text), is_good, std::to_string(point));
        if (text.size() == 1) continue;
        require(!is_utf8(text.substr(0, text.size() - 1)), "a character that ends too early");
    }
});

const Model bytes("bytes are UTF-8 when they are those of code points", 10'000,
                  [](Random& random) {
    std::string text(below(random, 24), 'a');
    for (unsigned left = below(random, 4); left-- != 0 && !text.empty();) {
        const std::size_t at = below(random, text.size());
        text.replace(at, 1, happens(random, 50) ? encoded(below(random, 0xD800))
                                                : std::string(1, static_cast<char>(random())));
    }
    // What is none stands alone: a byte below 0x80, or the only way to write some code point.
    bool is_good = true;
    for (std::size_t at = 0; at < text.size() && is_good;) {
        is_good = false;
        for (std::uint32_t size = 1; size <= 4 && !is_good; ++size) {
            std::uint32_t point = static_cast<std::uint8_t>(text[at]);
            if (size > 1) point &= 0xFFu >> (size + 1);
            for (std::uint32_t n = 1; n < size && at + n < text.size(); ++n) {
                point = point << 6 | (static_cast<std::uint8_t>(text[at + n]) & 0x3F);
            }
            const bool exists = point <= 0x10FFFF && (point < 0xD800 || point > 0xDFFF);
            if (!exists || text.compare(at, size, encoded(point)) != 0) continue;
            is_good = true;
            at += size;
        }
    }
    require_equal(is_utf8(Exact(text).view()), is_good, "bytes");
});

}  // namespace
}  // namespace congress::tests
