#include "text_cells.h"

#include <charconv>
#include <limits>
#include <system_error>

#include "bulk_rows.h"
#include "utf8.h"

namespace congress {
namespace {

constexpr std::string_view kSpaces = " \t\n\r";  // JSON's

std::string_view trimmed(std::string_view cell) {
    const std::size_t first = cell.find_first_not_of(kSpaces);
    if (first == cell.npos) return {};
    return cell.substr(first, cell.find_last_not_of(kSpaces) - first + 1);
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t pass_digits(std::string_view text, std::size_t at) {
    while (at < text.size() && is_digit(text[at])) ++at;
    return at;
}

// A number as JSON writes it. Source: RFC 8259, section 6.
CellLook look_of_number(std::string_view text) {
    std::size_t at = text[0] == '-' ? 1 : 0;
    const std::size_t whole = at;
    at = pass_digits(text, at);
    if (at == whole || (text[whole] == '0' && at != whole + 1)) return CellLook::kText;
    if (at == text.size()) return CellLook::kInteger;
    if (text[at] == '.') {
        const std::size_t fraction = ++at;
        at = pass_digits(text, at);
        if (at == fraction) return CellLook::kText;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
        const std::size_t exponent = at;
        at = pass_digits(text, at);
        if (at == exponent) return CellLook::kText;
    }
    return at == text.size() ? CellLook::kReal : CellLook::kText;
}

// Whether a number too large or too small for a float is too small: its first digit that is not 0
// stands behind the point.
bool is_tiny(std::string_view number) {
    const std::size_t mark = number.find_first_of("eE");
    const std::string_view digits = number.substr(0, mark);
    const std::size_t first = digits.find_first_of("123456789");
    if (first == digits.npos) return true;
    const std::size_t point = std::min(digits.find('.'), digits.size());
    const auto power = static_cast<double>(point) - static_cast<double>(first);
    double exponent = 0;
    if (mark != number.npos) {
        bool is_negative = false;
        for (const char c : number.substr(mark + 1)) {
            if (c == '-') is_negative = true;
            if (is_digit(c)) exponent = exponent * 10 + (c - '0');
        }
        if (is_negative) exponent = -exponent;
    }
    return power + exponent < 0;
}

ReadCell read_float(std::string_view text) {
    double real = 0.0;
    const auto done = std::from_chars(text.data(), text.data() + text.size(), real);
    if (done.ec == std::errc::result_out_of_range) {
        if (!is_tiny(text)) return {Value{}, "a float that is not a finite number"};
        real = 0.0;
    }
    return {float_value(real + 0.0), nullptr};  // -0.0 is 0.0
}

ReadCell read_integer(std::string_view text) {
    std::int64_t integer = 0;
    const auto done = std::from_chars(text.data(), text.data() + text.size(), integer);
    if (done.ec != std::errc{}) return {Value{}, "an integer beyond 64 bits"};
    return {integer_value(integer), nullptr};
}

ReadCell read_text(std::string_view cell) {
    return {text_value(cell), has_nul(cell) ? "text with NUL" : nullptr};
}

bool is_of(CellLook look, CellType type) {
    switch (type) {
        case CellType::kInteger:
            return look == CellLook::kInteger;
        case CellType::kFloat:
            return look == CellLook::kInteger || look == CellLook::kReal;
        case CellType::kBoolean:
            return look == CellLook::kBoolean;
        case CellType::kText:
        case CellType::kAny:
            return true;
    }
    return false;
}

}  // namespace

CellLook look_of(std::string_view cell) {
    if (cell.empty()) return CellLook::kEmpty;
    const std::string_view text = trimmed(cell);
    if (text.empty()) return CellLook::kText;
    if (text[0] == '-' || is_digit(text[0])) return look_of_number(text);
    if (text == "true" || text == "false") return CellLook::kBoolean;
    return text == "null" ? CellLook::kNull : CellLook::kText;
}

ReadCell read_cell(std::string_view cell, CellType type, bool is_nullable) {
    const bool may_be_empty = type == CellType::kText || type == CellType::kAny;
    if (cell.empty() && (is_nullable || !may_be_empty)) return {Value{}, nullptr};
    if (type == CellType::kText) return read_text(cell);
    const CellLook look = look_of(cell);
    if (!is_of(look, type)) return {};
    switch (look) {
        case CellLook::kInteger:
            return type == CellType::kFloat ? read_float(trimmed(cell))
                                            : read_integer(trimmed(cell));
        case CellLook::kReal:
            return read_float(trimmed(cell));
        case CellLook::kBoolean:
            return {boolean_value(trimmed(cell) == "true"), nullptr};
        case CellLook::kNull:
            return {Value{}, nullptr};
        case CellLook::kEmpty:
        case CellLook::kText:
            return read_text(cell);
    }
    return {};
}

}  // namespace congress
