// What somebody outside of the kernel holds, and lets go.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bindings_holds.h"
#include "failing_allocator.h"
#include "harness.h"
#include "relation.h"

namespace congress::tests {
namespace {

static_assert(noexcept(std::declval<Released&>().put(nullptr)),
              "destructors call it when there is no memory");

const Test frugal("what is let go asks for no memory until it is drained, nor then", [] {
    Symbols symbols;
    const auto released = std::make_shared<Released>();
    const std::size_t before = symbols.size();
    for (int n = 0; n < 100; ++n) {
        const Id id = symbols.intern_text("text " + std::to_string(n));
        auto hold = std::make_unique<Hold>(std::vector<Id>(50, id), nullptr, symbols, released);
        const NoAllocation none;
        hold.reset();
    }
    require_equal(released->count(), std::size_t{5000}, "ids that wait");
    symbols.collect(1000);
    require_equal(symbols.size(), before + 100, "they are held until they are drained");
    {
        const NoAllocation none;
        released->drain(symbols);
    }
    require_equal(released->count(), std::size_t{0}, "some wait still");
    symbols.collect(1000);
    require_equal(symbols.size(), before, "some are held still");
});

const Test planned("a plan goes when what was let go is drained: its indexes are the tables'", [] {
    Symbols symbols;
    std::vector<Relation*> dirty;
    dirty.reserve(1);
    Relation relation(1, Support::kNone, symbols, dirty);
    const auto released = std::make_shared<Released>();
    auto plan = std::make_shared<Plan>();
    const std::uint32_t column = 0;
    plan->steps.emplace_back().index = relation.share_index({&column, 1});
    relation.fill(*plan->steps[0].index);
    auto hold = std::make_unique<Hold>(std::vector<Id>(), plan, symbols, released);
    plan.reset();
    hold.reset();
    require_equal(relation.index_columns().size(), std::size_t{1}, "it went at once");
    released->drain(symbols);
    require_equal(relation.index_columns().size(), std::size_t{0}, "it is still there");
});

const Test many("any number that nobody drains goes with the list", [] {
    Symbols symbols;
    const auto released = std::make_shared<Released>();
    for (int n = 0; n < 1'000'000; ++n) {
        const Hold hold({}, nullptr, symbols, released);
    }
});

}  // namespace
}  // namespace congress::tests
