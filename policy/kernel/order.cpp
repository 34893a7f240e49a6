#include "order.h"

#include <cmath>
#include <compare>

namespace congress {

namespace {

// Compares without converting the integer: a double has 53 bits of it only.
std::partial_ordering compare(std::int64_t integer, double real) {
    constexpr double kTwoTo63 = 9223372036854775808.0;
    if (real >= kTwoTo63) return std::partial_ordering::less;
    if (real < -kTwoTo63) return std::partial_ordering::greater;
    const double whole = std::trunc(real);
    const auto truncated = static_cast<std::int64_t>(whole);
    if (integer != truncated) return integer <=> truncated;
    return 0.0 <=> (real - whole);
}

std::partial_ordering compare(const Value& left, const Value& right) {
    if (left.type == Type::kText && right.type == Type::kText) {
        // Ordering: UTF-8 sorts by bytes as by code points.
        return left.text.compare(right.text) <=> 0;
    }
    if (!left.is_number() || !right.is_number()) return std::partial_ordering::unordered;
    if (left.type == Type::kInteger && right.type == Type::kInteger) {
        return left.integer <=> right.integer;
    }
    if (left.type == Type::kFloat && right.type == Type::kFloat) return left.real <=> right.real;
    if (left.type == Type::kInteger) return compare(left.integer, right.real);
    return 0 <=> compare(right.integer, left.real);
}

// null, booleans, numbers, texts
int kind_of(const Value& value) {
    switch (value.type) {
        case Type::kNull:
            return 0;
        case Type::kBoolean:
            return 1;
        case Type::kInteger:
        case Type::kFloat:
            return 2;
        case Type::kText:
            break;
    }
    return 3;
}

}  // namespace

std::strong_ordering compare_shown(const Symbols& symbols, Id left, Id right) {
    if (!is_symbol(left) && !is_symbol(right)) return left <=> right;
    const Value first = symbols.value(left);
    const Value second = symbols.value(right);
    if (kind_of(first) != kind_of(second)) return kind_of(first) <=> kind_of(second);
    if (first.type == Type::kBoolean) return first.integer <=> second.integer;
    if (first.type == Type::kNull) return std::strong_ordering::equal;
    const std::partial_ordering order = compare(first, second);
    if (order == std::partial_ordering::less) return std::strong_ordering::less;
    if (order == std::partial_ordering::greater) return std::strong_ordering::greater;
    return (first.type == Type::kFloat) <=> (second.type == Type::kFloat);
}

bool is_less(const Symbols& symbols, Id left, Id right) {
    if (!is_symbol(left) && !is_symbol(right)) return left < right;
    return std::is_lt(compare(symbols.value(left), symbols.value(right)));
}

bool is_less_or_equal(const Symbols& symbols, Id left, Id right) {
    if (!is_symbol(left) && !is_symbol(right)) return left <= right;
    return std::is_lteq(compare(symbols.value(left), symbols.value(right)));
}

}  // namespace congress
