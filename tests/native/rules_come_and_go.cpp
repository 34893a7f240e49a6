#include "engine.h"
#include "harness.h"

namespace congress::tests {
namespace {

struct Closure : Engine {
    Closure() {
        add_base("e", 2);
        add_base("f", 2);
        add_derived("tc", 2);
        component = add_component({"tc"}, true, 1);
        add_rule("tc(x, y) :- e(x, y)");
        second = add_rule("tc(x, z) :- tc(x, y), e(y, z)");
        change("e", {{1, 2}, {2, 3}}, {});
        change("f", {{3, 4}}, {});
        finish();
    }
    ComponentId component;
    RuleId second;
};

const Rows kAll{{1, 2}, {2, 3}, {1, 3}};

const Test added("a rule that is added derives its rows, and removed takes them away", [] {
    Closure engine;
    const RuleId rule = engine.add_rule("tc(x, y) :- f(x, y)");
    engine.kernel.propagate();
    require_equal(engine.added("tc"), (Rows{{3, 4}}), "what came");
    engine.kernel.end_step();
    engine.kernel.commit();
    engine.kernel.remove_rule(rule);
    engine.finish();
    require_equal(engine.rows("tc"), kAll, "what is left");
    require_raises<InvalidPlan>([&] { engine.kernel.rule(rule); }, "the rule is still there");
});

const Test passing("a rule that is added and removed in one step derives nothing", [] {
    Closure engine;
    const Contents before = engine.contents();
    engine.kernel.remove_rule(engine.add_rule("tc(x, y) :- f(x, y)"));
    require(engine.kernel.propagate().empty(), "it is told as a change");
    require_equal(engine.rows("tc"), kAll, "in a component that is recursive");
    engine.add_derived("d", 2);
    engine.add_component({"d"}, false, 2);
    engine.kernel.remove_rule(engine.add_rule("d(x, y) :- f(x, y)"));
    engine.change("f", {{5, 6}}, {});
    engine.step();
    require(engine.rows("d").empty(), "in one that is not");
    engine.kernel.rollback(0);
    engine.forget("d");
    require(engine.contents() == before, "it is taken back");
    engine.kernel.remove_rule(engine.add_rule("tc(x, y) :- f(x, y)"));
    engine.change("f", {{7, 8}}, {});
    engine.finish();
    engine.change("f", {{8, 9}}, {});
    engine.finish();
    require_equal(engine.rows("tc"), kAll, "and afterwards");
});

const Test recursive("removing the recursive rule leaves what follows without it", [] {
    Closure engine;
    engine.kernel.remove_rule(engine.second);
    engine.kernel.propagate();
    require_equal(engine.removed("tc"), (Rows{{1, 3}}), "what went");
});

const Test exchanged("a rule exchanged for one that says the same changes nothing", [] {
    Closure engine;
    engine.kernel.remove_rule(engine.second);
    engine.add_rule("tc(x, z) :- e(x, y), tc(y, z)");
    require(engine.kernel.propagate().empty(), "it is told as a change");
    require_equal(engine.rows("tc"), kAll, "the rows");
});

const Test rolled_back("rules that came and went in steps are taken back to any mark", [] {
    Closure engine;
    const Contents start = engine.contents();
    const Kernel::Mark first = engine.kernel.mark();
    engine.add_rule("tc(x, y) :- f(x, y)");
    engine.step();
    const Contents middle = engine.contents();
    const Kernel::Mark second = engine.kernel.mark();
    engine.kernel.remove_rule(engine.second);
    engine.step();
    engine.kernel.rollback(second);
    require(engine.contents() == middle, "to the second mark");
    engine.change("e", {{4, 5}}, {});
    engine.step();
    require(engine.rows("tc").contains({3, 4}) && !engine.rows("tc").contains({1, 4}), "going on");
    engine.kernel.rollback(first);
    require(engine.contents() == start, "to the first mark");
    engine.change("e", {{3, 4}}, {});
    engine.finish();
    require_equal(engine.rows("tc").size(), std::size_t{6}, "the removed rule works again");
});

const Test limited("a rule over its limit is taken back, and the engine goes on", [] {
    Closure engine;
    const Contents before = engine.contents();
    engine.kernel.limits().max_rows = 5;
    engine.change("e", {{3, 4}, {4, 5}}, {{1, 2}});
    require_raises<LimitExceeded>([&] { engine.kernel.propagate(); }, "there is no limit");
    engine.kernel.rollback(0);
    require(engine.contents() == before, "after the limit");
    engine.kernel.limits() = Limits();
    engine.change("e", {}, {{1, 2}});
    engine.finish();
    require_equal(engine.rows("tc"), (Rows{{2, 3}}), "it goes on");
});

const Test flat("a component that is not recursive any more counts its rows", [] {
    Closure engine;
    const Contents before = engine.contents();
    engine.kernel.remove_rule(engine.second);
    engine.kernel.rebuild(engine.add_component({"tc"}, false, 1));
    engine.kernel.propagate();
    require_equal(engine.removed("tc"), (Rows{{1, 3}}), "what went");
    require_equal(engine.support("tc", {1, 2}), 1u, "one derivation");
    engine.kernel.end_step();
    engine.kernel.rollback(0);
    require(engine.contents() == before, "heights are back");
    engine.change("e", {}, {{2, 3}});
    engine.finish();
    require_equal(engine.rows("tc"), (Rows{{1, 2}}), "it is recursive again");
});

const Test dropped("a table that nothing uses is dropped at the commit", [] {
    Closure engine;
    engine.add_base("g", 1);
    engine.change("g", {{100}}, {});
    engine.finish();
    const RelationId id = engine.id("g");
    require_raises<InvalidPlan>([&] { engine.kernel.drop_relation(engine.id("e")); },
                                "it is used");
    engine.kernel.drop_relation(id);
    engine.kernel.rollback(0);
    require_equal(engine.rows("g"), (Rows{{100}}), "it is back");
    engine.kernel.drop_relation(id);
    engine.finish();
    require_raises<InvalidPlan>([&] { engine.kernel.relation(id); }, "it is still there");
    engine.forget("g");
    require_equal(engine.kernel.add_relation(1, Support::kNone), id, "its number is free");
});

const Test dropped_with("a table and its rules are dropped in one transaction", [] {
    Closure engine;
    engine.kernel.remove_rule(0);
    engine.kernel.remove_rule(engine.second);
    engine.step();
    const RelationId id = engine.id("tc");
    engine.kernel.drop_relation(id);
    engine.kernel.drop_relation(engine.id("e"));
    engine.finish();
    require_raises<InvalidPlan>([&] { engine.kernel.relation(id); }, "it is still there");
    require_raises<InvalidPlan>([&] { engine.kernel.component(engine.component); },
                                "its component");
});

const Test anew("what a recursive table lost in an earlier step counts for nothing later", [] {
    Engine engine;
    engine.add_base("e", 2);
    engine.add_derived("tc", 2);
    engine.add_component({"tc"}, true, 1);
    engine.add_rule("tc(x, y) :- e(x, y)");
    const RuleId further = engine.add_rule("tc(x, z) :- tc(x, y), e(y, z)");
    engine.change("e", {{1, 2}, {2, 3}, {3, 4}}, {});
    engine.finish();
    engine.change("e", {}, {{3, 4}});
    engine.step();
    engine.kernel.remove_rule(further);
    engine.kernel.rebuild(engine.add_component({"tc"}, false, 1));
    engine.change("e", {{1, 4}}, {});
    engine.finish();
    require_equal(engine.rows("tc"), (Rows{{1, 2}, {2, 3}, {1, 4}}), "the edges");
    require_equal(engine.support("tc", {1, 4}), 1u, "it was at height 2 before it went");
});

const Test version("the version of the tables grows with each step and each rollback", [] {
    Engine engine;
    engine.add_base("e", 1);
    std::uint64_t before = engine.kernel.version();
    const auto require_newer = [&](const char* text) {
        require(engine.kernel.version() > before, text);
        before = engine.kernel.version();
    };
    const Kernel::Mark mark = engine.kernel.mark();
    engine.change("e", {{1}}, {});
    engine.step();
    require_newer("a step");
    engine.kernel.rollback(mark);
    require_newer("a rollback");
});

}  // namespace
}  // namespace congress::tests
