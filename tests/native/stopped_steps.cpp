// Loops over whole tables: each of them looks whether it is to stop, and what was stopped at any of
// these looks is taken back.
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "closure.h"
#include "engine.h"
#include "harness.h"
#include "hash.h"
#include "pages.h"

namespace congress::tests {
namespace {

#ifndef CONGRESS_BAD_HASH  // so many rows would take hours to find each other

constexpr int kMany = 70'000;  // steps of a loop, which looks once on its way

struct Stop {};

// Counts the looks at a watch, and stops at one of them.
class Looks {
public:
    explicit Looks(Watch& watch, unsigned last = 0) : watch_(watch) {
        watch_.look();  // what was done before counts for nothing
        watch_.set_poll([this, last](Watch::Clock::time_point) {
            if (++count_ == last) throw Stop{};
        });
    }
    Looks(const Looks&) = delete;
    Looks& operator=(const Looks&) = delete;
    ~Looks() { watch_.set_poll(nullptr); }

    unsigned count() const { return count_; }

private:
    Watch& watch_;
    unsigned count_ = 0;
};

// What a table holds with its supports, in a number.
std::uint64_t digest(const Relation& relation) {
    std::uint64_t sum = relation.size();
    for (RowId row = 0; row < relation.end(); ++row) {
        if (!relation.is_in(row, State::kNew)) continue;
        sum += std::uint64_t{hash_cells(relation.row(row), relation.width())} *
               (relation.support(row) + std::uint64_t{1});
    }
    return sum;
}

std::vector<std::uint64_t> digests(Engine& engine) {
    std::vector<std::uint64_t> all;
    for (const std::string& name : engine.names()) all.push_back(digest(engine.relation(name)));
    return all;
}

// Stops a step at each of its looks in turn: nothing of it is left, and at last it is made whole.
// Gives how many looks there were.
unsigned stop_everywhere(Engine& engine, const std::function<void()>& change) {
    const std::vector<std::uint64_t> before = digests(engine);
    for (unsigned last = 1;; ++last) {
        const Looks looks(engine.kernel.watch(), last);
        try {
            change();
            engine.kernel.propagate();
        } catch (const Stop&) {
            engine.kernel.rollback(0);
            require(digests(engine) == before, "look " + std::to_string(last) + " left a trace");
            continue;
        }
        engine.kernel.end_step();
        engine.kernel.commit();
        return looks.count();
    }
}

const Test changing("a change of many rows looks while they come, and while they go", [] {
    Engine engine;
    const RelationId table = engine.add_base("e", 1);
    std::vector<Id> rows;
    for (int n = 0; n < kMany; ++n) rows.push_back(inline_id(n));
    const auto looks_of = [&](std::span<const Id> added, std::span<const Id> removed) {
        const Looks looks(engine.kernel.watch());
        engine.kernel.change(table, added, removed);
        return looks.count();
    };
    require_equal(looks_of(rows, {}), 1u, "rows come");
    engine.finish();
    require_equal(looks_of({}, rows), 1u, "rows go");
    engine.kernel.rollback(0);
    const Looks looks(engine.kernel.watch());
    engine.kernel.replace(table, {});
    require_equal(looks.count(), 1u, "rows go as none take their place");
});

const Test emptying("a table that is rebuilt looks while its rows go, and while they come", [] {
    Engine engine;
    const RelationId table = engine.add_base("e", 1);
    engine.add_derived("d", 1);
    const ComponentId component = engine.add_component({"d"}, false, 1);
    engine.add_rule("d(x) :- e(x)");
    std::vector<Id> rows;
    for (int n = 0; n < kMany; ++n) rows.push_back(inline_id(n));
    engine.kernel.change(table, rows, {});
    engine.finish();
    engine.kernel.rebuild(component);
    const Looks looks(engine.kernel.watch());
    engine.kernel.propagate();
    require_equal(looks.count(), 2u, "it empties the table, and reads the other");
    engine.kernel.rollback(0);
});

const Test running("rules that derive nothing look whether they are to stop", [] {
    Watch watch;
    const Looks looks(watch);
    for (int n = 0; n < 3000; ++n) const Guard guard({}, watch, 0);
    require_equal(looks.count(), 1u, "a rule counts as if it joined some rows");
});

const Test paging("a page looks whether it is to stop", [] {
    Engine engine;
    const RelationId table = engine.add_base("e", 1);
    std::vector<Id> rows;
    for (int n = 0; n < kMany; ++n) rows.push_back(inline_id(n));
    engine.kernel.change(table, rows, {});
    const Looks looks(engine.kernel.watch());
    page_of(engine.relation("e"), engine.kernel.symbols(), nullptr, 1, engine.kernel.watch());
    require_equal(looks.count(), 1u, "many rows for a page of one");
});

// So many chains of two edges, from node to node.
std::vector<Id> chains(int count) {
    std::vector<Id> edges;
    for (int n = 0; n < 3 * count; n += 3) {
        for (const int from : {n, n + 1}) {
            edges.push_back(inline_id(from));
            edges.push_back(inline_id(from + 1));
        }
    }
    return edges;
}

// A table that holds edges, and what a search for what follows from them needs.
struct Searched {
    explicit Searched(int count) : edges(chains(count)) {
        dirty.reserve(1);
        for (std::size_t at = 0; at < edges.size(); at += 2) {
            table.show(&edges[at], hash_cells(&edges[at], 2), 0);
        }
        commit();
        const std::vector<std::uint32_t> heights(edges.size() / 2, 0);
        closure->edges().take({edges.data(), nullptr, heights.data(), nullptr,
                              static_cast<std::uint32_t>(heights.size()), 2});
    }
    void grow() {
        closure->begin(guard);
        while (closure->grow(guard)) continue;
    }
    void commit() {
        for (Relation* relation : dirty) relation->commit_step();
        dirty.clear();
    }

    std::vector<Id> edges;
    Symbols symbols;
    std::vector<Relation*> dirty;
    Relation table{2, Support::kHeight, symbols, dirty};
    std::optional<Closure> closure{std::in_place, table, 1};
    Watch watch;
    Guard guard{{}, watch, 0};
};

const Test getting_ready("a search looks while edges are put in order and rows entered", [] {
    Searched searched(kMany);
    const Looks looks(searched.watch);
    searched.closure->begin(searched.guard);
    // Six times over the edges, once over the nodes, twice over the rows and over their groups:
    // 24 looks, of which no loop has less than 2.
    const unsigned ready = looks.count();
    require(ready >= 23, "it looks " + std::to_string(ready) + " times");
    while (searched.closure->grow(searched.guard)) continue;
    const unsigned grown = looks.count();
    searched.closure->finish(searched.guard);
    require(looks.count() > grown, "it does not look while rows are entered");
    require_equal(searched.table.size(), std::size_t{3 * kMany}, "the closure");
});

const Test placing("rows that were entered before a look stopped it are the step's", [] {
    Searched searched(kMany);
    const std::uint64_t before = digest(searched.table);
    {
        searched.grow();
        const Looks looks(searched.watch, 1);
        require_raises<Stop>([&] { searched.closure->finish(searched.guard); }, "it went on");
    }
    searched.closure.reset();
    require(searched.table.size() > 2 * kMany && searched.table.size() < 3 * kMany, "some rows");
    searched.table.undo_step();
    searched.dirty.clear();
    require(digest(searched.table) == before, "they are taken back");
});

const Test higher("rows that were never entered leave no height behind", [] {
    Searched searched(4);
    searched.grow();
    searched.closure.emplace(searched.table, 1);
    const std::vector<std::uint32_t> heights(searched.edges.size() / 2, 5);
    searched.closure->edges().take({searched.edges.data(), nullptr, heights.data(), nullptr,
                                    static_cast<std::uint32_t>(heights.size()), 2});
    searched.grow();
    searched.closure->finish(searched.guard);
    searched.commit();
    const Id ends[] = {inline_id(0), inline_id(2)};
    require_equal(searched.table.support(searched.table.find(ends)), 5u, "as its edges ask for");
});

const Test indexed("a search whose table got an index keeps that up to date", [] {
    Searched searched(4);
    const std::uint32_t columns[] = {1};
    const std::shared_ptr<Index> index = searched.table.share_index(columns);
    searched.table.fill(*index);
    searched.grow();
    searched.closure->finish(searched.guard);
    searched.commit();
    require_equal(searched.table.size(), std::size_t{12}, "the closure");
    require_indexes_agree(searched.table);
});

const Test closure("a closure that is stopped anywhere is taken back whole", [] {
    Engine engine;
    engine.add_base("e", 2);
    engine.add_derived("p", 2);
    engine.add_component({"p"}, true, 1);
    engine.add_rule("p(x, y) :- e(x, y)");
    engine.add_rule("p(x, z) :- p(x, y), e(y, z)");
    engine.finish();
    const std::vector<Id> edges = chains(kMany / 2);
    stop_everywhere(engine, [&] { engine.kernel.change(engine.id("e"), edges, {}); });
    require_equal(engine.relation("p").size(), std::size_t{3 * kMany / 2}, "at last");
    require_equal(engine.edge_plans > 2, true, "by searches");
    stop_everywhere(engine, [&] { engine.kernel.rebuild(0); });
    require_equal(engine.relation("p").size(), std::size_t{3 * kMany / 2}, "anew");
    stop_everywhere(engine, [&] { engine.kernel.change(engine.id("e"), {}, edges); });
    require_equal(engine.relation("p").size(), std::size_t{0}, "and back");
});

const Test fold("an aggregate that is stopped anywhere is taken back whole", [] {
    Engine engine;
    engine.add_base("e", 2);
    engine.add_derived("s", 2);
    engine.add_component({"s"}, false, 1);
    const auto add = [&] {
        return engine.kernel.add_fold(
            engine.id("s"), 1, {engine.id("e")},
            {{true, Aggregate::kCount, 0}, {false, Aggregate::kSum, 0}}, nullptr);
    };
    std::vector<Id> rows;
    for (int n = 0; n < kMany; ++n) rows.insert(rows.end(), {inline_id(n), inline_id(1)});
    engine.kernel.change(engine.id("e"), rows, {});
    engine.finish();
    RuleId rule = 0;
    // It loads the rows, settles the groups and counts them.
    const unsigned loading = stop_everywhere(engine, [&] { rule = add(); });
    require(loading >= 2, "loading looks " + std::to_string(loading) + " times");
    require_equal(engine.relation("s").size(), std::size_t{kMany}, "a row for each");
    const unsigned leaving = stop_everywhere(engine, [&] { engine.kernel.remove_rule(rule); });
    require(leaving >= 1, "leaving looks " + std::to_string(leaving) + " times");
    stop_everywhere(engine, [&] { rule = add(); });
    const auto others = [&] {
        std::vector<Id> changed;
        for (int n = 0; n < kMany; ++n) {
            changed.insert(changed.end(), {inline_id(n), inline_id(2)});
        }
        return changed;
    }();
    // The change itself looks as often for the rows that come, and for those that go.
    const unsigned changing = stop_everywhere(
        engine, [&] { engine.kernel.change(engine.id("e"), others, rows); });
    require(changing >= 5, "a change looks " + std::to_string(changing) + " times");
    require_equal(engine.relation("s").size(), std::size_t{kMany}, "a row for each, another");
});

// A number is its own moment.
class Moment : public Builtin {
public:
    Moment() : Builtin("moment", 1, 1) {}
    std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*&) override {
        solutions.push_back(*cells);
        return 1;
    }
};

const Test crossings("a tick that is stopped anywhere is taken back whole", [] {
    Engine engine;
    Moment moment;
    engine.add_base("texts", 1);
    engine.add_base("clock", 1);
    engine.add_derived("old", 1);
    engine.add_component({"old"}, false, 1);
    std::vector<Id> texts;
    for (int n = 0; n < kMany; ++n) texts.push_back(inline_id(n));
    const auto tick = [&](int time) {
        const Id now = inline_id(time);
        engine.kernel.replace(engine.id("clock"), {&now, 1});
    };
    engine.kernel.change(engine.id("texts"), texts, {});
    tick(0);
    engine.finish();
    const auto add = [&] {
        engine.kernel.add_crossings(engine.id("old"), engine.id("texts"), engine.id("clock"),
                                    moment, {false, {1}}, nullptr);
    };
    const unsigned loading = stop_everywhere(engine, add);
    require(loading >= 1, "loading looks " + std::to_string(loading) + " times");
    // Crossing them all, as one time takes the place of another.
    const unsigned crossing = stop_everywhere(engine, [&] { tick(kMany); });
    require(crossing >= 1, "crossing looks " + std::to_string(crossing) + " times");
    require_equal(engine.relation("old").size(), std::size_t{kMany}, "all are old");
    // Counting them all, as there is no time any more.
    const unsigned counting = stop_everywhere(
        engine, [&] { engine.kernel.replace(engine.id("clock"), {}); });
    require(counting >= 1, "counting looks " + std::to_string(counting) + " times");
    stop_everywhere(engine, [&] { tick(kMany); });
    // A change of texts looks for those that go or come, as they are followed, and as they count.
    const unsigned going = stop_everywhere(
        engine, [&] { engine.kernel.replace(engine.id("texts"), {}); });
    require(going >= 3, "texts that go look " + std::to_string(going) + " times");
    require_equal(engine.relation("old").size(), std::size_t{0}, "there is none");
    const unsigned coming = stop_everywhere(
        engine, [&] { engine.kernel.change(engine.id("texts"), texts, {}); });
    require(coming >= 3, "texts that come look " + std::to_string(coming) + " times");
    require_equal(engine.relation("old").size(), std::size_t{kMany}, "and all come back");
});

#endif

}  // namespace
}  // namespace congress::tests
