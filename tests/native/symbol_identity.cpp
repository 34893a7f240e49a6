#include <cmath>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "harness.h"
#include "symbols.h"

namespace congress::tests {
namespace {

const Test types("equal numbers, texts and booleans of other types are other values", [] {
    Symbols symbols;
    const Id ids[] = {symbols.intern_integer(1), symbols.intern_float(1.0),
                      symbols.intern_text("1"),  Symbols::boolean(true),
                      Symbols::kNullId,          symbols.intern_text("")};
    for (std::size_t n = 0; n < std::size(ids); ++n) {
        for (std::size_t other = 0; other < n; ++other) {
            require(ids[n] != ids[other], "one id for two");
        }
    }
});

const Test integers("integers come back, whether they fit in line or not", [] {
    Symbols symbols;
    const std::int64_t limits[] = {kMinInline - 1, kMinInline,     0,
                                   kMaxInline,     kMaxInline + 1,
                                   std::numeric_limits<std::int64_t>::min(),
                                   std::numeric_limits<std::int64_t>::max()};
    for (const std::int64_t integer : limits) {
        const Id id = symbols.intern_integer(integer);
        const Value value = symbols.value(id);
        require(value.type == Type::kInteger && value.integer == integer, std::to_string(integer));
        require_equal(is_symbol(id), !fits_inline(integer), "in line or not");
        require_equal(symbols.intern_integer(integer), id, "the same integer has the same id");
        require(symbols.find_integer(integer) == id, "find_integer");
    }
});

const Test floats("minus zero is zero, and floats come back exactly", [] {
    Symbols symbols;
    require_equal(symbols.intern_float(-0.0), symbols.intern_float(0.0), "-0.0");
    require(!std::signbit(symbols.value(symbols.intern_float(-0.0)).real), "it shows as -0.0");
    for (const double real : {0.1, -1e308, 5e-324}) {
        require(symbols.value(symbols.intern_float(real)).real == real, "another float");
    }
    require(!symbols.find_float(2.5), "it was never seen");
});

const Test texts("texts come back, also with any bytes in them", [] {
    Symbols symbols;
    const std::string_view odd("a\0b\xff", 4);
    const Id id = symbols.intern_text(odd);
    require_equal(symbols.value(id).text, odd, "another text");
    require(symbols.find_text(odd) == id && !symbols.find_text("a"), "find_text");
    const std::string_view long_ones[] = {"12345678", "123456789", "1234567", "12345678\0"};
    for (const auto text : long_ones) {
        require(symbols.value(symbols.intern_text(text)).text == text, "a long text");
    }
});

const Test batches("texts that are interned together have the ids that each has alone", [] {
    Symbols symbols;
    std::vector<std::string> texts;
    for (int n = 0; n < 3'000; ++n) {
        texts.push_back(std::string(static_cast<std::size_t>(n % 40), 'x') + std::to_string(n % 700));
    }
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    std::vector<Id> ids(views.size());
    symbols.intern_texts(views, ids.data());
    for (std::size_t n = 0; n < views.size(); ++n) {
        require_equal(symbols.value(ids[n]).text, views[n], "another text");
        require_equal(symbols.intern_text(views[n]), ids[n], "another id");
    }
});

const Test vast("a text that is too long for an entry is refused before it is read", [] {
    Symbols symbols;
    const std::string_view text("x", (std::size_t{1} << 32) + 1);
    require_raises<std::bad_alloc>([&] { symbols.intern_text(text); }, "alone");
    Id id;
    require_raises<std::bad_alloc>([&] { symbols.intern_texts({&text, 1}, &id); }, "in a batch");
    require_equal(symbols.size(), std::size_t{3}, "it is known");
});

const Test parts("a part of a short text may be interned while entries move", [] {
    Symbols symbols;
    const Id whole = symbols.intern_text("0123456789");
    for (int n = 0; n < 2'000; ++n) {
        symbols.retain(symbols.intern_text("text " + std::to_string(n)));
        const std::string_view part = symbols.value(whole).text.substr(0, 7);
        require_equal(symbols.value(symbols.intern_text(part)).text,
                      std::string_view("0123456"), "another part");
        symbols.collect(1);
    }
});

}  // namespace
}  // namespace congress::tests
