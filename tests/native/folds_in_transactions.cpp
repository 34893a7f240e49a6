#include "engine.h"
#include "harness.h"

namespace congress::tests {
namespace {

struct Summed : Engine {
    Summed() {
        add_base("e", 2);
        add_derived("s", 3);
        component = add_component({"s"}, false, 1);
        rule = add();
        change("e", {{1, 10}, {1, 20}, {2, 5}}, {});
        finish();
    }
    // s(x, count, sum)
    RuleId add() {
        return kernel.add_fold(id("s"), 1, {id("e")},
                               {{true, Aggregate::kCount, 0},
                                {false, Aggregate::kCount, 0},
                                {false, Aggregate::kSum, 0}},
                               nullptr);
    }
    ComponentId component;
    RuleId rule;
};

const Rows kSums{{1, 2, 30}, {2, 1, 5}};

const Test back("an aggregate is taken back to any mark", [] {
    Summed engine;
    require_equal(engine.rows("s"), kSums, "at first");
    const Contents before = engine.contents();
    engine.change("e", {{1, 30}, {3, 7}}, {{2, 5}});
    engine.step();
    const Contents middle = engine.contents();
    const Kernel::Mark mark = engine.kernel.mark();
    engine.change("e", {{2, 6}}, {{1, 10}});
    engine.kernel.propagate();
    engine.kernel.rollback(mark);
    require(engine.contents() == middle, "to the mark");
    engine.change("e", {{1, 1}}, {});
    engine.step();
    require(engine.rows("s").contains({1, 4, 61}), "going on from the mark");
    engine.kernel.rollback(0);
    require(engine.contents() == before, "to the start");
    engine.change("e", {}, {{1, 10}});
    engine.finish();
    require_equal(engine.rows("s"), (Rows{{1, 1, 20}, {2, 1, 5}}), "going on from the start");
});

const Test removed("an aggregate that was removed works again after a rollback", [] {
    Summed engine;
    for (int round = 0; round < 10; ++round) {
        engine.kernel.remove_rule(engine.rule);
        engine.step();
        require(engine.rows("s").empty(), "it is removed");
        engine.change("e", {{9, 9}}, {});
        engine.step();
        engine.kernel.rollback(0);
        require_equal(engine.rows("s"), kSums, "it is back");
        engine.change("e", {{2, 7 + round}}, {});
        engine.step();
        require(engine.rows("s").contains({2, 2, 12 + round}), "it works");
        engine.kernel.rollback(0);
        require_equal(engine.rows("s"), kSums, "back again");
    }
});

const Test rebuilt("an aggregate in a component that is rebuilt", [] {
    Summed engine;
    for (int round = 0; round < 10; ++round) {
        engine.change("e", {{3, round}}, {});
        engine.kernel.rebuild(engine.component);
        engine.kernel.propagate();
        require_equal(engine.added("s"), (Rows{{3, 1, round}}), "what came");
        require(engine.removed("s").empty(), "what went");
        engine.kernel.end_step();
        engine.kernel.rollback(0);
        require_equal(engine.rows("s"), kSums, "it is taken back");
    }
});

const Test second("two aggregates with the same result are two reasons", [] {
    Summed engine;
    const RuleId other = engine.add();
    engine.finish();
    require_equal(engine.support("s", {1, 2, 30}), 2u, "two reasons");
    engine.change("e", {{1, 1}}, {});
    engine.kernel.remove_rule(other);
    engine.kernel.propagate();
    require_equal(engine.support("s", {1, 3, 31}), 1u, "one reason");
    require_equal(engine.rows("s"), (Rows{{1, 3, 31}, {2, 1, 5}}),
                  "one removed while rows change");
});

const Test same_results("a group whose values change and whose results do not leaves its row alone", [] {
    Summed engine;
    engine.change("e", {{1, 12}, {1, 18}}, {{1, 10}, {1, 20}});
    engine.kernel.propagate();
    require(!engine.relation("s").is_dirty(), "the row was touched");
    require_equal(engine.rows("s"), kSums, "another sum");
});

const Test halves("a group is there while each of its inputs has rows", [] {
    Engine engine;
    engine.add_base("e", 2);
    engine.add_base("f", 2);
    engine.add_derived("s", 3);
    engine.add_component({"s"}, false, 1);
    engine.kernel.add_fold(engine.id("s"), 1, {engine.id("e"), engine.id("f")},
                           {{true, Aggregate::kCount, 0},
                            {false, Aggregate::kCount, 0},
                            {false, Aggregate::kSum, 1}},
                           nullptr);
    engine.change("e", {{1, 10}}, {});
    engine.finish();
    require_equal(engine.rows("s"), Rows{}, "only the first has rows");
    engine.change("f", {{1, 5}}, {});
    engine.finish();
    require_equal(engine.rows("s"), (Rows{{1, 1, 5}}), "both have");
    engine.change("e", {}, {{1, 10}});
    engine.finish();
    require_equal(engine.rows("s"), Rows{}, "only the second has");
    engine.change("e", {{1, 20}, {1, 30}}, {});
    engine.finish();
    require_equal(engine.rows("s"), (Rows{{1, 2, 5}}), "both have again");
});

const Test whole("the greatest of a whole table is known without an index", [] {
    Engine engine;
    engine.add_base("e", 1);
    engine.add_derived("s", 1);
    engine.add_component({"s"}, false, 1);
    engine.kernel.add_fold(engine.id("s"), 0, {engine.id("e")}, {{false, Aggregate::kMax, 0}},
                           nullptr);
    const auto require_greatest = [&](const Rows& rows) {
        engine.finish();
        require_equal(engine.rows("s"), rows, "the greatest");
        require(engine.relation("e").index_columns().empty(), "it made an index");
    };
    engine.change("e", {{1}, {2}}, {});
    require_greatest({{2}});
    engine.change("e", {}, {{2}});
    require_greatest({{1}});
    engine.change("e", {}, {{1}});
    require_greatest({});
    engine.change("e", {{2}, {3}}, {});
    require_greatest({{3}});
    engine.change("e", {}, {{3}});
    require_greatest({{2}});
});

const Test texts("an aggregate that goes leaves texts alone that its groups had and others hold", [] {
    Engine engine;
    engine.add_base("e", 2);
    engine.add_base("n", 1);
    engine.add_derived("s", 3);
    engine.add_component({"s"}, false, 1);
    const RuleId rule = engine.add_fold({"s", "e"});
    engine.change("e", {{100, 1}}, {});
    engine.change("n", {{100}}, {});
    engine.finish();
    engine.change("e", {}, {{100, 1}});
    engine.finish();
    engine.kernel.remove_rule(rule);
    engine.finish();
    engine.change("n", {{101}, {102}}, {});
    engine.finish();
    require_equal(engine.rows("n"), (Rows{{100}, {101}, {102}}), "three texts");
});

}  // namespace
}  // namespace congress::tests
