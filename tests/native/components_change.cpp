#include "engine.h"
#include "harness.h"

namespace congress::tests {
namespace {

// Tables a and b, which follow from each other and from e.
struct Pair : Engine {
    Pair() {
        add_base("e", 1);
        add_derived("a", 1);
        add_derived("b", 1);
        component = add_component({"a", "b"}, true, 1);
        add_rule("a(x) :- e(x)");
        from_a = add_rule("b(x) :- a(x)");
        from_b = add_rule("a(x) :- b(x)");
        change("e", {{1}, {2}, {100}}, {});
        finish();
    }
    ComponentId component;
    RuleId from_a;
    RuleId from_b;
};

const Test split("a component falls apart when a rule goes", [] {
    Pair engine;
    const Contents before = engine.contents();
    engine.kernel.remove_rule(engine.from_b);
    engine.kernel.rebuild(engine.add_component({"a"}, false, 1));
    engine.kernel.rebuild(engine.add_component({"b"}, false, 2));
    require(engine.kernel.propagate().empty(), "no table has other rows");
    require_equal(engine.support("a", {1}), 1u, "it counts");
    engine.kernel.end_step();
    engine.kernel.rollback(0);
    require(engine.contents() == before, "it is one again");
    engine.change("e", {}, {{1}});
    engine.finish();
    require(engine.rows("a") == Rows{{2}, {100}} && engine.rows("b") == Rows{{2}, {100}},
            "and works");
});

const Test forgotten("a component without tables is gone after the commit", [] {
    Pair engine;
    engine.kernel.remove_rule(engine.from_b);
    engine.kernel.rebuild(engine.add_component({"a"}, false, 1));
    engine.kernel.rebuild(engine.add_component({"b"}, false, 2));
    engine.finish();
    require_raises<InvalidPlan>([&] { engine.kernel.component(engine.component); }, "it is there");
    engine.change("e", {}, {{1}});
    engine.finish();
    require_equal(engine.rows("b"), (Rows{{2}, {100}}), "the new ones work");
});

const Test dropped("one table of a component is dropped while the other moves", [] {
    Pair engine;
    engine.kernel.remove_rule(engine.from_a);
    engine.kernel.remove_rule(engine.from_b);
    engine.kernel.rebuild(engine.add_component({"a"}, false, 1));
    engine.step();
    engine.kernel.drop_relation(engine.id("b"));
    engine.finish();
    engine.forget("b");
    require_raises<InvalidPlan>([&] { engine.kernel.component(engine.component); }, "it is there");
    engine.change("e", {{3}}, {{1}});
    engine.finish();
    require_equal(engine.rows("a"), (Rows{{2}, {3}, {100}}), "what is left works");
});

const Test merged("two components become one when a rule comes", [] {
    Engine engine;
    engine.add_base("e", 1);
    engine.add_derived("a", 1);
    engine.add_derived("b", 1);
    engine.add_component({"a"}, false, 1);
    engine.add_component({"b"}, false, 2);
    engine.add_rule("a(x) :- e(x)");
    engine.add_rule("b(x) :- a(x)");
    engine.change("e", {{1}}, {});
    engine.finish();
    const ComponentId both = engine.add_component({"a", "b"}, true, 2);
    engine.add_rule("a(x) :- b(x)");
    engine.kernel.rebuild(both);
    require(engine.kernel.propagate().empty(), "no table has other rows");
    engine.kernel.end_step();
    engine.kernel.commit();
    engine.change("e", {}, {{1}});
    engine.finish();
    require(engine.rows("a").empty() && engine.rows("b").empty(), "they hold each other up");
});

const Test order("tables are brought up to date in the order of their components", [] {
    Engine engine;
    engine.add_base("e", 1);
    engine.add_derived("a", 1);
    engine.add_derived("b", 1);
    const ComponentId first = engine.add_component({"a"}, false, 1);
    engine.add_component({"b"}, false, 2);
    engine.add_rule("a(x) :- e(x)");
    engine.add_rule("b(x) :- e(x), not a(x)");
    engine.finish();
    engine.kernel.set_order(first, 3);
    engine.kernel.rollback(0);
    engine.change("e", {{1}}, {});
    require((engine.kernel.propagate() == std::vector{engine.id("e"), engine.id("a")}),
            "b is empty");
});

}  // namespace
}  // namespace congress::tests
