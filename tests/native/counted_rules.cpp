#include "engine.h"
#include "harness.h"

namespace congress::tests {
namespace {

struct Counted : Engine {
    Counted() {
        add_base("e", 2);
        add_base("n", 1);
        add_derived("d", 2);
        add_component({"d"}, false, 1);
    }
};

const Test self_join("a self-join counts each derivation once while both sides change", [] {
    Counted engine;
    engine.add_rule("d(x, z) :- e(x, y), e(y, z)");
    engine.change("e", {{1, 1}, {1, 2}, {2, 3}}, {});
    engine.finish();
    require_equal(engine.support("d", {1, 1}), 1u, "by itself");
    require_equal(engine.support("d", {1, 2}), 1u, "(1, 1), (1, 2)");
    engine.change("e", {{2, 2}}, {{1, 1}});
    engine.kernel.propagate();
    require_equal(engine.added("d"), (Rows{{2, 2}, {2, 3}}), "what came");
    require_equal(engine.removed("d"), Rows{{1, 1}}, "what went");
    require_equal(engine.support("d", {1, 2}), 1u, "now (1, 2), (2, 2)");
    require_equal(engine.support("d", {2, 3}), 1u, "(2, 2), (2, 3)");
});

const Test reasons("a row with two reasons stays when one goes", [] {
    Counted engine;
    engine.add_rule("d(x, y) :- e(x, y)");
    engine.add_rule("d(y, x) :- e(x, y)");
    engine.change("e", {{1, 2}, {2, 1}}, {});
    engine.finish();
    engine.change("e", {}, {{1, 2}});
    require(engine.kernel.propagate() == std::vector<RelationId>{engine.id("e")},
            "d is told as changed");
    require_equal(engine.support("d", {1, 2}), 1u, "one reason is left");
});

const Test negation("negation turns changes around", [] {
    Counted engine;
    engine.add_rule("d(x, y) :- e(x, y), not n(x), not n(y)");
    engine.change("e", {{1, 2}, {2, 2}}, {});
    engine.change("n", {{1}}, {});
    engine.finish();
    require_equal(engine.rows("d"), Rows{{2, 2}}, "1 is in n");
    engine.change("n", {{2}}, {{1}});
    engine.finish();
    require_equal(engine.rows("d"), Rows{}, "2 is in n");
    engine.change("n", {}, {{2}});
    engine.finish();
    require_equal(engine.rows("d"), Rows{{1, 2}, {2, 2}}, "n is empty");
});

const Test many("more than 255 derivations of a row are counted", [] {
    Counted engine;
    engine.add_rule("d(1, 1) :- e(x, y), e(z, w)");
    std::vector<Row> rows;
    for (int n = 0; n < 20; ++n) rows.push_back({n, n});
    engine.change("e", rows, {});
    engine.finish();
    require_equal(engine.support("d", {1, 1}), 400u, "20 times 20");
    engine.change("e", {}, {rows.begin(), rows.begin() + 19});
    engine.finish();
    require_equal(engine.support("d", {1, 1}), 1u, "once");
});

const Test rebuild("a component that is rebuilt tells only what has changed", [] {
    Counted engine;
    engine.add_rule("d(x, y) :- e(x, y)");
    engine.change("e", {{1, 2}, {3, 4}}, {});
    engine.finish();
    engine.change("e", {{5, 6}}, {{1, 2}});
    engine.kernel.rebuild(0);
    engine.kernel.propagate();
    require_equal(engine.added("d"), Rows{{5, 6}}, "what came");
    require_equal(engine.removed("d"), Rows{{1, 2}}, "what went");
    require_equal(engine.support("d", {3, 4}), 1u, "it is counted once");
});

const Test both("a row that is added and removed at once is there", [] {
    Counted engine;
    engine.change("e", {{1, 2}}, {{1, 2}, {7, 7}});
    engine.finish();
    engine.change("e", {{1, 2}, {1, 2}}, {{1, 2}});
    require(engine.kernel.propagate().empty(), "it is told as a change");
    require_equal(engine.rows("e"), Rows{{1, 2}}, "it is there");
    engine.replace("e", {{1, 2}, {3, 4}});
    engine.kernel.propagate();
    require(engine.added("e") == Rows{{3, 4}} && engine.removed("e").empty(), "replace");
});

}  // namespace
}  // namespace congress::tests
