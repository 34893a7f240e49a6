#include <cmath>
#include <limits>

#include "harness.h"
#include "order.h"

namespace congress::tests {
namespace {

constexpr std::int64_t kTwoTo53 = std::int64_t{1} << 53;

void require_order(Symbols& symbols, Id lower, Id higher, const char* text) {
    require(is_less(symbols, lower, higher) && is_less_or_equal(symbols, lower, higher), text);
    require(!is_less(symbols, higher, lower) && !is_less_or_equal(symbols, higher, lower), text);
}

const Test exact("integers and floats compare without rounding", [] {
    Symbols symbols;
    const auto integer = [&](std::int64_t value) { return symbols.intern_integer(value); };
    const auto real = [&](double value) { return symbols.intern_float(value); };
    require_order(symbols, real(9007199254740992.0), integer(kTwoTo53 + 1), "2^53 and 2^53 + 1");
    require_order(symbols, integer(kTwoTo53 - 1), real(9007199254740992.0), "2^53 - 1 and 2^53");
    require_order(symbols, integer(std::numeric_limits<std::int64_t>::max()),
                  real(9223372036854775808.0), "the greatest integer and 2^63");
    require_order(symbols, real(-9223372036854777856.0),
                  integer(std::numeric_limits<std::int64_t>::min()), "below the least integer");
    require_order(symbols, integer(1), real(1.5), "1 and 1.5");
    require_order(symbols, real(-1.5), integer(-1), "-1.5 and -1");
    require_order(symbols, real(-0.5), integer(0), "-0.5 and 0");
    require_order(symbols, integer(-3), integer(2), "in line");
    require_order(symbols, integer(kMaxInline), integer(kMaxInline + 1), "in line and not");
});

const Test equal("1 and 1.0 are equally great", [] {
    Symbols symbols;
    const Id one = symbols.intern_integer(1);
    const Id real = symbols.intern_float(1.0);
    require(!is_less(symbols, one, real) && !is_less(symbols, real, one), "one is less");
    require(is_less_or_equal(symbols, one, real) && is_less_or_equal(symbols, real, one), "<=");
    const Id least = symbols.intern_integer(std::numeric_limits<std::int64_t>::min());
    const Id as_float = symbols.intern_float(-9223372036854775808.0);
    require(is_less_or_equal(symbols, least, as_float) && !is_less(symbols, least, as_float),
            "-2^63");
});

const Test texts("texts compare by code point", [] {
    Symbols symbols;
    require_order(symbols, symbols.intern_text("Z"), symbols.intern_text("a"), "case");
    require_order(symbols, symbols.intern_text(""), symbols.intern_text("a"), "empty");
    require_order(symbols, symbols.intern_text("\xef\xbf\xbd"),
                  symbols.intern_text("\xf0\x90\x80\x80"),
                  "beyond 16 bits");
});

const Test unordered("what cannot be ordered is neither less nor equal", [] {
    Symbols symbols;
    const Id ids[] = {Symbols::kNullId, Symbols::kTrueId, symbols.intern_text("1"),
                      symbols.intern_integer(1)};
    for (const Id left : ids) {
        for (const Id right : ids) {
            if (left == right) continue;
            require(!is_less(symbols, left, right) && !is_less_or_equal(symbols, left, right), "");
        }
    }
});

}  // namespace
}  // namespace congress::tests
