// Tables that are found by a search: what they hold, how high, and what stops it.
#include <functional>
#include <utility>

#include "engine.h"
#include "harness.h"
#include "random_program.h"

namespace congress::tests {
namespace {

// An engine with a closure p of edges e (of q(x, y, z), d(x) as well), and what follows from them.
struct Searched : Engine {
    explicit Searched(const std::vector<std::string>& rules, std::uint32_t width = 2) {
        add_base("e", 2);
        add_base("q", 3);
        add_base("d", 1);
        add_derived("p", width);
        program.bases = {{"e", 2}, {"q", 3}, {"d", 1}};
        program.derived = {{"p", width}};
        program.components.push_back({add_component({"p"}, true, 1), 1, {{"p"}, true}});
        for (const std::string& rule : rules) program.rules[add_rule(rule)] = parse(rule);
        last = program.tables = {{"e", {}}, {"q", {}}, {"d", {}}, {"p", {}}};
    }
    void put(const std::string& table, const std::vector<Row>& rows) {
        change(table, rows, {});
        program.tables[table].insert(rows.begin(), rows.end());
    }
    // Contents, net changes and heights are what they should be.
    void require_right() {
        const Tables before = std::exchange(last, {});
        program.derive();
        kernel.propagate();
        require_agreement(program, before, *this);
        kernel.end_step();
        kernel.commit();
        last = program.tables;
    }

    RandomProgram program;
    Tables last;
};

const std::vector<std::string> kLeft = {"p(x, y) :- e(x, y)", "p(x, z) :- p(x, y), e(y, z)"};
const std::vector<std::string> kDoubled = {"p(x, y) :- e(x, y)", "p(x, z) :- p(x, y), p(y, z)"};

// Two edges from each of 90 nodes.
std::vector<Row> circle() {
    std::vector<Row> rows;
    for (int n = 0; n < 90; ++n) {
        rows.push_back({n, (n + 1) % 90});
        rows.push_back({n, (n + 2) % 90});
    }
    return rows;
}

const Test shapes("whatever its shape, a closure found by a search is right and has heights", [] {
    struct Case {
        std::vector<std::string> rules;
        std::uint32_t width;
        unsigned steps;
    };
    const Case cases[] = {
        {kLeft, 2, 1},
        {{"p(x, y) :- e(x, y)", "p(x, z) :- e(x, y), p(y, z)"}, 2, 1},
        {kDoubled, 2, 1},
        {{"p(x, y) :- e(x, y)", "p(x, y) :- p(y, x)", kDoubled[1]}, 2, 1},
        {{"p(x, x) :- d(x)", kLeft[1], kDoubled[1]}, 2, 2},
        {{"p(x, x) :- d(x)", "p(x, z) :- e(x, y), p(y, z)", kDoubled[1]}, 2, 2},
        {{kLeft[0], kLeft[1], "p(x, z) :- p(x, y), q(y, 1, z), not e(y, z)"}, 2, 2},
        {{"p(x) :- d(x)", "p(y) :- p(x), e(x, y)"}, 1, 1},
        {{"p(x, y, z) :- q(x, y, z)", "p(x, w, z) :- p(x, y, z), e(y, w)"}, 3, 1},
        {{kLeft[0], "p(x, z) :- p(x, 1), e(z, z)", "p(x, 2) :- p(x, y), e(y, 3)"}, 2, 2},
        {{kLeft[0], kLeft[1], "p(x, z) :- e(x, y), p(y, z)"}, 2, 0},
        {{kLeft[0], kLeft[1], "p(x, y) :- p(y, x)"}, 2, 0},
        {{kLeft[0], "p(x, z) :- p(x, y), e(y, z), x != z"}, 2, 0},
    };
    for (const Case& each : cases) {
        Searched engine(each.rules, each.width);
        engine.put("e", {{1, 2}, {2, 3}, {3, 1}, {3, 3}, {3, 100}, {100, 200}, {200, 2}, {5, 6}});
        engine.put("q", {{1, 1, 2}, {1, 1, 3}, {2, 5, 6}, {100, 1, 5}});
        engine.put("d", {{1}, {2}, {9}});
        engine.require_right();
        require_equal(engine.edge_plans, each.steps, to_text(parse(each.rules.back())));
        engine.change("e", {}, {{2, 3}});
        engine.program.tables["e"].erase({2, 3});
        engine.require_right();
    }
});

const Test high("a search goes further than a byte counts", [] {
    Engine engine;
    engine.add_base("e", 2);
    engine.add_derived("p", 2);
    engine.add_component({"p"}, true, 1);
    engine.add_rule("p(x, y) :- e(x, y)");
    engine.add_rule(kLeft[1]);
    std::vector<Id> edges;
    for (int n = 0; n < 400; ++n) edges.insert(edges.end(), {inline_id(n), inline_id(n + 1)});
    engine.kernel.change(engine.id("e"), edges, {});
    engine.finish();
    require_equal(engine.relation("p").size(), std::size_t{400 * 401 / 2}, "a chain of 400");
    const Id last[] = {inline_id(0), inline_id(400)};
    const RowId row = engine.relation("p").find(last);
    require_equal(engine.relation("p").support(row), 399u, "its ends");
    const Id gone[] = {inline_id(200), inline_id(201)};
    engine.kernel.change(engine.id("e"), {}, gone);
    engine.finish();
    require_equal(engine.relation("p").size(), std::size_t{200 * 201 / 2 + 199 * 200 / 2}, "two");
});

const Test again("a closure that is rebuilt keeps its rows and tells what changed", [] {
    for (const auto& rules : {kLeft, kDoubled}) {
        Searched engine(rules);
        engine.put("e", {{1, 2}, {2, 3}});
        engine.require_right();
        engine.put("e", {{3, 4}});
        engine.kernel.rebuild(engine.program.components[0].id);
        engine.require_right();
        require_equal(engine.edge_plans, 2u, "both times by a search");
    }
});

const Test few("a row to begin with beside many edges is no reason to look at all of them", [] {
    Searched engine({"p(x, x) :- d(x)", kLeft[1]});
    std::vector<Id> edges;
    for (int n = 0; n < 2000; ++n) edges.insert(edges.end(), {inline_id(n), inline_id(n + 5000)});
    engine.kernel.change(engine.id("e"), edges, {});
    engine.finish();
    engine.change("d", {{1}}, {});
    engine.finish();
    require_equal(engine.relation("p").size(), std::size_t{2}, "1 itself and 5001");
    require_equal(engine.edge_plans, 0u, "by rounds");
});

// What stops a search: nothing of it is left, and the next one is right.
void require_stopped(const std::function<void(Kernel&)>& forbid,
                     const std::function<void(Kernel&)>& allow) {
    Searched engine(kLeft);
    engine.finish();
    engine.put("e", circle());
    forbid(engine.kernel);
    bool is_stopped = false;
    try {
        engine.kernel.propagate();
    } catch (const std::exception&) {
        is_stopped = true;
    }
    require(is_stopped && engine.edge_plans == 1, "it went on");
    engine.kernel.rollback(0);
    require_equal(engine.relation("p").size(), std::size_t{0}, "it is taken back");
    allow(engine.kernel);
    engine.change("e", circle(), {});
    engine.require_right();
}

const Test stopped("a search ends at each limit", [] {
    const auto plenty = [](Kernel& kernel) { kernel.limits() = {}; };
    require_stopped([](Kernel& kernel) { kernel.limits().max_rows = 1000; }, plenty);
    require_stopped([](Kernel& kernel) { kernel.limits().max_bindings = 200; }, plenty);
});

// Steps by 1 edge and by 98 edges from one node, whichever is first; the table is new, or it is
// rebuilt, so that what was found is taken back row by row.
const Test blamed("a search that crosses a limit leaves it to rounds to tell the rule", [] {
    const std::string begun = "p(x, y) :- e(x, y)";
    const std::string small = "p(x, z) :- p(x, y), d(y), e(y, z)";
    const std::string huge = "p(x, z) :- p(x, y), q(y, 1, z)";
    std::vector<Row> rows = {{0, 1}};
    std::vector<Row> edges;
    for (int n = 0; n < 100; ++n) rows.push_back({1000 + n, 0});
    for (int n = 2; n < 100; ++n) edges.push_back({0, 1, n});
    for (const auto& rules : {std::vector{begun, small, huge}, std::vector{begun, huge, small}}) {
        for (const bool is_rebuilt : {false, true}) {
            Searched engine(rules);
            engine.finish();
            engine.kernel.limits().max_rows = 2000;
            engine.change("e", rows, {});
            engine.change("d", {{0}}, {});
            if (is_rebuilt) {
                engine.finish();
                engine.kernel.rebuild(engine.program.components[0].id);
            }
            engine.change("q", edges, {});
            try {
                engine.kernel.propagate();
                require(false, "it went on");
            } catch (const LimitExceeded& error) {
                require_equal(to_text(engine.text(error.rule)), to_text(parse(huge)), "blamed");
            }
            require_equal(engine.edge_plans, is_rebuilt ? 4u : 2u, "it was searched");
            engine.kernel.rollback(0);
            require_equal(engine.rows("p").size(), is_rebuilt ? 201u : 0u, "it is taken back");
        }
    }
});

const Test wide("many long searches look at the clock and at whether they are cancelled", [] {
    for (const bool is_late : {false, true}) {
        Engine engine;
        engine.add_base("e", 2);
        engine.add_derived("p", 2);
        engine.add_component({"p"}, true, 1);
        engine.add_rule(kLeft[0]);
        engine.add_rule(kLeft[1]);
        std::vector<Id> edges;
        for (int n = 0; n < 600; ++n) edges.insert(edges.end(), {inline_id(n), inline_id(n + 1)});
        engine.kernel.change(engine.id("e"), edges, {});
        if (is_late) {
            engine.kernel.watch().set_deadline({});
            require_raises<DeadlinePassed>([&] { engine.kernel.propagate(); }, "it is late");
        } else {
            engine.kernel.watch().cancel();
            require_raises<Cancelled>([&] { engine.kernel.propagate(); }, "nobody wants it");
        }
        engine.kernel.rollback(0);
    }
});

const Test texts("a search holds the texts of the rows that it puts in", [] {
    Searched engine(kLeft);
    const std::vector<Row> chain = {{100, 101}, {101, 102}};
    engine.put("d", {{100}});
    engine.put("e", chain);
    engine.require_right();
    engine.change("e", {}, chain);
    engine.program.tables["e"].clear();
    engine.require_right();
    engine.put("d", {{104}, {105}, {106}});
    engine.require_right();
});

const Test told("of a search that is stopped the rule with most edges is told", [] {
    const std::string small = "p(x, z) :- p(x, y), q(y, 1, z)";
    for (const auto& rules : {std::vector{kLeft[0], kLeft[1], small},
                              std::vector{kLeft[0], small, kLeft[1]}}) {
        Searched engine(rules);
        std::vector<Row> chain;
        for (int n = 0; n < 600; ++n) chain.push_back({n + 1000, n + 1001});
        engine.change("e", chain, {});
        engine.change("q", {{1000, 1, 1001}}, {});
        Watch& watch = engine.kernel.watch();
        watch.set_poll([&](Watch::Clock::time_point) { watch.cancel(); });  // by the next look
        try {
            engine.kernel.propagate();
            require(false, "it went on");
        } catch (const Cancelled& error) {
            require_equal(to_text(engine.text(error.rule)), to_text(parse(kLeft[1])), "told");
        }
        engine.kernel.rollback(0);
    }
});

const Test anew("a closure that loses much of what it has is searched for again", [] {
    Searched engine(kLeft);
    std::vector<Row> chain;
    for (int n = 0; n < 80; ++n) chain.push_back({n, n + 1});
    engine.put("e", chain);
    engine.require_right();
    const unsigned before = engine.edge_plans;
    const auto cut = [&](int from) {
        engine.change("e", {}, {{from, from + 1}});
        engine.program.tables["e"].erase({from, from + 1});
        engine.require_right();
    };
    cut(79);
    require_equal(engine.edge_plans, before, "80 rows are few");
    cut(40);
    require(engine.edge_plans > before, "1,599 of 3,160 rows were withdrawn one by one");
});

}  // namespace
}  // namespace congress::tests
