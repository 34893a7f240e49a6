#include <new>
#include <string>

#include "failing_allocator.h"
#include "harness.h"
#include "symbols.h"

namespace congress::tests {
namespace {

const Test forgets("a symbol that nobody holds is forgotten, and its id given again", [] {
    Symbols symbols;
    const Id first = symbols.intern_text("first");
    const std::size_t before = symbols.size();
    symbols.collect(10);
    require_equal(symbols.size(), before - 1, "it is still there");
    require(!symbols.find_text("first") && !symbols.is_known(first), "it is still found");
    require_equal(symbols.intern_text("second"), first, "its id was not given again");
    require_equal(symbols.value(first).text, std::string_view("second"), "another text");
});

const Test holds("a symbol lives as long as somebody holds it", [] {
    Symbols symbols;
    const Id held = symbols.intern_float(2.5);
    symbols.retain(held);
    symbols.retain(held);
    symbols.collect(10);
    symbols.release(held);
    symbols.collect(10);
    require(symbols.find_float(2.5) == held, "it is gone though it was held twice");
    symbols.release(held);
    require(symbols.find_float(2.5) == held, "it went before `collect`");
    symbols.retain(held);  // found again in time
    symbols.collect(10);
    require(symbols.find_float(2.5) == held, "it is gone though it is held again");
    symbols.release(held);
    symbols.collect(10);
    require(!symbols.find_float(2.5), "nobody holds it, and it is there");
});

const Test slices("collecting goes on where it stopped", [] {
    Symbols symbols;
    const std::size_t before = symbols.size();
    for (int n = 0; n < 100; ++n) symbols.intern_text("text " + std::to_string(n));
    for (int n = 0; n < 10; ++n) symbols.collect(10);
    require_equal(symbols.size(), before, "some are left");
});

const Test constant("null and the booleans are there for ever", [] {
    Symbols symbols;
    for (const Id id : {Symbols::kNullId, Symbols::kTrueId, Symbols::kFalseId}) {
        symbols.retain(id);
        symbols.release(id);
    }
    symbols.collect(10);
    require_equal(symbols.size(), std::size_t{3}, "one is gone");
    require(symbols.value(Symbols::kTrueId).integer == 1, "true is not true");
});

const Test bounded("fresh texts in place of others take no more memory", [] {
    Symbols symbols;
    std::size_t bytes = 0;
    for (int n = 0; n < 20'000; ++n) {
        symbols.intern_text("value " + std::to_string(100'000 + n));
        symbols.collect(4);
        if (n == 1000) bytes = symbols.bytes();
    }
    require_equal(symbols.bytes(), bytes, "it has grown");
});

const Test fails("a text for which there is no memory leaves nothing", [] {
    Symbols symbols;
    for (std::uint64_t number = 1;; ++number) {
        const std::size_t before = symbols.size();
        const std::string text = "a text that is new each time " + std::to_string(number);
        try {
            const FailingAllocator failing(number);
            symbols.intern_text(text);
        } catch (const std::bad_alloc&) {
            require(symbols.size() == before && !symbols.find_text(text), "a half-made symbol");
            continue;
        }
        break;
    }
});

}  // namespace
}  // namespace congress::tests
