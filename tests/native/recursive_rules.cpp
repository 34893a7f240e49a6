#include "engine.h"
#include "harness.h"

namespace congress::tests {
namespace {

struct Closure : Engine {
    explicit Closure(const char* rule) {
        add_base("e", 2);
        add_base("n", 1);
        add_derived("tc", 2);
        add_component({"tc"}, true, 1);
        add_rule("tc(x, y) :- e(x, y)");
        add_rule(rule);
    }
};

constexpr const char* kShapes[] = {"tc(x, z) :- tc(x, y), e(y, z)",
                                   "tc(x, z) :- e(x, y), tc(y, z)",
                                   "tc(x, z) :- tc(x, y), tc(y, z)"};

const Test cycle("rows that support each other in a circle go together", [] {
    for (const char* shape : kShapes) {
        Closure engine(shape);
        engine.change("e", {{1, 2}, {2, 3}, {3, 2}}, {});
        engine.finish();
        require_equal(engine.rows("tc").size(), std::size_t{6}, "1 and the circle of 2 and 3");
        engine.change("e", {}, {{1, 2}});
        engine.finish();
        require_equal(engine.rows("tc"), (Rows{{2, 3}, {3, 2}, {2, 2}, {3, 3}}), shape);
        engine.change("e", {}, {{3, 2}});
        engine.finish();
        require_equal(engine.rows("tc"), (Rows{{2, 3}}), shape);
    }
});

const Test back("a row comes back by another way, and is told as unchanged", [] {
    for (const char* shape : kShapes) {
        Closure engine(shape);
        engine.change("e", {{1, 2}, {2, 5}, {1, 3}, {3, 4}, {4, 5}, {5, 6}}, {});
        engine.finish();
        engine.change("e", {}, {{2, 5}});
        engine.kernel.propagate();
        require_equal(engine.removed("tc"), (Rows{{2, 5}, {2, 6}}), shape);
        require(engine.added("tc").empty(), shape);
    }
});

const Test heights("a row's height is above that of the rows it follows from", [] {
    Closure engine(kShapes[0]);
    engine.change("e", {{1, 2}, {2, 3}, {3, 4}}, {});
    engine.finish();
    require_equal(engine.support("tc", {1, 2}), 0u, "an edge");
    require_equal(engine.support("tc", {1, 3}), 1u, "two edges");
    require_equal(engine.support("tc", {1, 4}), 2u, "three edges");
    engine.change("e", {{1, 4}}, {});
    engine.finish();
    engine.change("e", {}, {{3, 4}});
    engine.kernel.propagate();
    require_equal(engine.removed("tc"), (Rows{{3, 4}, {2, 4}}), "(1, 4) is an edge now");
    require_equal(engine.rows("tc").contains({1, 4}), true, "(1, 4)");
});

const Test swap("an edge taken away and another put in at once", [] {
    for (const char* shape : kShapes) {
        Closure engine(shape);
        engine.change("e", {{1, 2}, {2, 3}}, {});
        engine.finish();
        engine.change("e", {{1, 4}, {4, 3}}, {{1, 2}});
        engine.kernel.propagate();
        require_equal(engine.removed("tc"), (Rows{{1, 2}}), shape);
        require_equal(engine.added("tc"), (Rows{{1, 4}, {4, 3}}), shape);
    }
});

const Test mutual("tables that follow from each other shrink together", [] {
    Engine engine;
    engine.add_base("e", 2);
    engine.add_base("n", 1);
    engine.add_derived("odd", 1);
    engine.add_derived("even", 1);
    engine.add_component({"odd", "even"}, true, 1);
    engine.add_rule("even(x) :- n(x)");
    engine.add_rule("odd(y) :- even(x), e(x, y)");
    engine.add_rule("even(y) :- odd(x), e(x, y)");
    engine.change("n", {{0}}, {});
    engine.change("e", {{0, 1}, {1, 2}, {2, 3}, {3, 0}, {3, 100}}, {});
    engine.finish();
    require_equal(engine.rows("even"), Rows{{0}, {2}, {100}}, "even");
    require_equal(engine.rows("odd"), Rows{{1}, {3}}, "odd");
    engine.change("e", {}, {{1, 2}});
    engine.finish();
    require(engine.rows("even") == Rows{{0}} && engine.rows("odd") == Rows{{1}}, "half of it");
    engine.change("n", {}, {{0}});
    engine.finish();
    require(engine.rows("even").empty() && engine.rows("odd").empty(), "nothing");
});

const Test negated("a negated table below a recursion takes rows away and gives them back", [] {
    Closure engine("tc(x, z) :- tc(x, y), e(y, z), not n(y)");
    engine.change("e", {{1, 2}, {2, 3}}, {});
    engine.finish();
    engine.change("n", {{2}}, {});
    engine.finish();
    require_equal(engine.rows("tc"), (Rows{{1, 2}, {2, 3}}), "2 is in n");
    engine.change("n", {}, {{2}});
    engine.finish();
    require_equal(engine.rows("tc"), (Rows{{1, 2}, {2, 3}, {1, 3}}), "2 is not in n");
});

const Test rebuild("a recursive component that is rebuilt tells only what has changed", [] {
    Closure engine(kShapes[2]);
    engine.change("e", {{1, 2}, {2, 3}}, {});
    engine.finish();
    engine.change("e", {{3, 4}}, {{1, 2}});
    engine.kernel.rebuild(0);
    engine.kernel.propagate();
    require_equal(engine.added("tc"), (Rows{{3, 4}, {2, 4}}), "what came");
    require_equal(engine.removed("tc"), (Rows{{1, 2}, {1, 3}}), "what went");
});

}  // namespace
}  // namespace congress::tests
