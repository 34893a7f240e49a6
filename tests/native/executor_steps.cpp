#include <algorithm>
#include <set>
#include <string>

#include "executor.h"
#include "harness.h"
#include "hash.h"
#include "plan_writer.h"

namespace congress::tests {
namespace {

using Answers = std::multiset<std::vector<std::int64_t>>;

class Collector : public Sink {
public:
    void take(const Derived& rows) override {
        for (std::uint32_t n = 0; n < rows.count; ++n) {
            require_equal(rows.hashes[n], hash_cells(rows.row(n), rows.width), "a row's hash");
            std::vector<std::int64_t> row;
            for (std::uint32_t at = 0; at < rows.width; ++at) {
                row.push_back(inline_integer(rows.row(n)[at]));
            }
            answers.insert(row);
        }
    }
    Answers answers;
};

// Gives 10 times its input and one more; odd inputs have no solution.
class Tens : public Builtin {
public:
    Tens() : Builtin("tens", 1, 1) {}
    std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*& failure) override {
        const std::int64_t input = inline_integer(cells[0]);
        if (input % 2 != 0) {
            failure = "it is odd";
            return 0;
        }
        solutions.push_back(inline_id(10 * input));
        solutions.push_back(inline_id(10 * input + 1));
        return 2;
    }
};

class Failures : public FailureLog {
public:
    void note(const Builtin&, const char* reason, const Id* inputs) override {
        noted.insert(reason + (": " + std::to_string(inline_integer(inputs[0]))));
    }
    std::multiset<std::string> noted;
};

// The table r = {(1, 1), (1, 2), (2, 3), (3, 3)} of which (3, 3) is new and (4, 4) is gone.
struct Bench {
    Bench() : relation(2, Support::kNone, symbols, dirty), executor(symbols) {
        dirty.reserve(1);
        show(1, 1);
        show(1, 2);
        show(2, 3);
        const RowId gone = show(4, 4);
        relation.commit_step();
        dirty.clear();
        relation.hide(gone);
        show(3, 3);
        plan.registers = 8;
    }

    RowId show(int left, int right) {
        const Id cells[] = {inline_id(left), inline_id(right)};
        return relation.show(cells, hash_cells(cells, 2), 0);
    }
    Step& add(StepKind kind) {
        plan.steps.push_back(make_step(kind));
        plan.steps.back().relation = kind <= StepKind::kExists ? &relation : nullptr;
        return plan.steps.back();
    }
    Step& add_scan() {
        Step& step = add(StepKind::kScan);
        step.picks = {{0, 0}, {1, 1}};
        plan.head = {{false, 0}, {false, 1}};
        return step;
    }
    Step& add_test(StepKind kind) {  // after a scan
        Step& step = add(kind);
        step.keep = {0, 1};
        return step;
    }
    Answers run(Reads reads = Reads::kAsPlanned) {
        check_plan(plan);
        Guard guard({}, watch, 0);
        Collector collector;
        Run run;
        run.plan = &plan;
        run.sink = &collector;
        run.guard = &guard;
        run.failures = &failures;
        run.reads = reads;
        run.changes = {changes.data(), changes.size()};
        executor.run(run);
        return collector.answers;
    }

    Symbols symbols;
    std::vector<Relation*> dirty;
    Relation relation;
    Executor executor;
    Tens tens;
    Failures failures;
    Watch watch;
    Plan plan;
    std::vector<RowId> changes;
};

Operand at(Register number) { return {false, number}; }
Operand constant(int value) { return {true, inline_id(value)}; }

const Test scan("a scan gives each row of its state", [] {
    Bench bench;
    bench.add_scan();
    require_equal(bench.run(), Answers{{1, 1}, {1, 2}, {2, 3}, {3, 3}}, "the new state");
    require_equal(bench.run(Reads::kOld), Answers{{1, 1}, {1, 2}, {2, 3}, {4, 4}},
                  "the old state");
});

const Test filtered("a scan keeps rows with equal columns, or a constant", [] {
    Bench bench;
    bench.add_scan().same = {{0, 1}};
    require_equal(bench.run(), Answers{{1, 1}, {3, 3}}, "equal columns");
    bench.plan.steps[0].same.clear();
    bench.plan.steps[0].checks = {{0, constant(1)}};
    require_equal(bench.run(), Answers{{1, 1}, {1, 2}}, "a constant");
});

const Test changes("a scan of changes gives the rows that it is given", [] {
    Bench bench;
    bench.add_scan().reads_changes = true;
    bench.relation.each_removed([&](RowId row) { bench.changes.push_back(row); });
    require_equal(bench.run(), Answers{{4, 4}}, "the row that is gone");
});

const Test probe("a probe joins by an index", [] {
    Bench bench;
    bench.add_scan();
    Step& step = bench.add(StepKind::kProbe);
    step.columns = {0};
    step.index = bench.relation.share_index(step.columns);
    step.key = {at(1)};
    step.picks = {{1, 2}};
    step.keep = {0};
    bench.plan.head = {at(0), at(2)};
    require_equal(bench.run(), Answers{{1, 1}, {1, 2}, {1, 3}, {2, 3}, {3, 3}}, "the new state");
    step.state = State::kOld;
    require_equal(bench.run(), Answers{{1, 1}, {1, 2}, {1, 3}}, "new rows with old ones");
});

const Test lookup("a look-up keeps what is there, or is not", [] {
    Bench bench;
    bench.add_scan();
    Step& step = bench.add_test(StepKind::kLookup);
    step.key = {at(1), at(1)};
    require_equal(bench.run(), Answers{{1, 1}, {2, 3}, {3, 3}}, "there");
    step.is_negated = true;
    require_equal(bench.run(), Answers{{1, 2}}, "not there");
});

const Test exists("an existence test keeps a binding once", [] {
    Bench bench;
    bench.add_scan();
    Step& step = bench.add_test(StepKind::kExists);
    step.columns = {0};
    step.index = bench.relation.share_index(step.columns);
    step.key = {at(0)};
    require_equal(bench.run(), Answers{{1, 1}, {1, 2}, {2, 3}, {3, 3}}, "there");
    step.key = {at(1)};
    step.is_negated = true;
    require_equal(bench.run(), Answers{}, "not there");
});

const Test ask("an ask keeps what one of its plans has a solution for", [] {
    Bench bench;
    bench.add_scan();
    auto equal = std::make_shared<Plan>();
    equal->given = {0, 1};
    equal->registers = 2;
    equal->steps.push_back(make_step(StepKind::kCompare));
    equal->steps[0].key = {at(0), at(1)};
    auto two = std::make_shared<Plan>(*equal);
    two->steps[0].key = {at(1), constant(2)};
    Step& step = bench.add_test(StepKind::kAsk);
    step.key = {at(0), at(1)};
    step.plans = {equal, two};
    require_equal(bench.run(), Answers{{1, 1}, {1, 2}, {3, 3}}, "one of them");
    step.is_negated = true;
    require_equal(bench.run(), Answers{{2, 3}}, "none of them");
});

const Test compare("a comparison keeps what it holds for", [] {
    Bench bench;
    bench.add_scan();
    Step& step = bench.add_test(StepKind::kCompare);
    step.key = {at(0), at(1)};
    const std::pair<Comparison, Answers> cases[] = {
        {Comparison::kEqual, {{1, 1}, {3, 3}}},
        {Comparison::kUnequal, {{1, 2}, {2, 3}}},
        {Comparison::kLess, {{1, 2}, {2, 3}}},
        {Comparison::kLessEqual, {{1, 1}, {1, 2}, {2, 3}, {3, 3}}}};
    for (const auto& [comparison, answers] : cases) {
        step.comparison = comparison;
        require_equal(bench.run(), answers, "a comparison");
    }
});

const Test among("a value is one of some constants, or is not", [] {
    Bench bench;
    bench.add_scan();
    Step& step = bench.add_test(StepKind::kAmong);
    step.key = {at(1)};
    step.constants = {inline_id(1), inline_id(3)};
    require_equal(bench.run(), Answers{{1, 1}, {2, 3}, {3, 3}}, "one of them");
    step.is_negated = true;
    require_equal(bench.run(), Answers{{1, 2}}, "none of them");
});

const Test choose("a choice and a copy give registers their values", [] {
    Bench bench;
    Step& choice = bench.add(StepKind::kChoose);
    choice.constants = {inline_id(5), inline_id(6)};
    choice.results = {{0, 0}};
    Step& copy = bench.add(StepKind::kCopy);
    copy.key = {at(0)};
    copy.results = {{0, 1}};
    copy.keep = {0};
    bench.plan.head = {at(0), at(1)};
    require_equal(bench.run(), Answers{{5, 5}, {6, 6}}, "twice");
});

const Test call("a builtin gives its solutions, and failures are noted", [] {
    Bench bench;
    bench.add_scan();
    Step& step = bench.add(StepKind::kCall);
    step.builtin = &bench.tens;
    step.key = {at(1)};
    step.results = {{0, 2}};
    step.keep = {0};
    bench.plan.head = {at(0), at(2)};
    require_equal(bench.run(), Answers{{1, 20}, {1, 21}}, "solutions");
    require_equal(bench.failures.noted,
                  std::multiset<std::string>{"it is odd: 1", "it is odd: 3", "it is odd: 3"},
                  "failures");
    step.checks = {{0, constant(21)}};
    require_equal(bench.run(), Answers{{1, 21}}, "those that agree");
});

const Test fails("what a builtin has no agreeing solution for is kept", [] {
    Bench bench;
    bench.add_scan();
    Step& step = bench.add_test(StepKind::kFails);
    step.builtin = &bench.tens;
    step.key = {at(1)};
    require_equal(bench.run(), Answers{{1, 1}, {2, 3}, {3, 3}}, "without a solution");
    step.checks = {{0, constant(99)}};
    require_equal(bench.run(), Answers{{1, 1}, {1, 2}, {2, 3}, {3, 3}}, "without one that agrees");
});

const Test batches("more rows than a batch are joined all", [] {
    Bench bench;
    for (int n = 0; n < 3000; ++n) bench.show(100 + n % 2, 1000 + n);
    bench.add_scan().checks = {{0, constant(100)}};
    Step& step = bench.add(StepKind::kScan);
    step.picks = {{1, 2}};
    step.checks = {{0, constant(1)}};
    step.keep = {1};
    bench.plan.head = {at(1), at(2)};
    require_equal(bench.run().size(), std::size_t{3000}, "1,500 rows times two");
});

const Test settled("a probe of a table at rest tests the columns that its index does not have", [] {
    Bench bench;
    bench.relation.commit_step();
    bench.dirty.clear();
    bench.add_scan();
    Step& step = bench.add(StepKind::kProbe);
    step.columns = {0};
    step.index = bench.relation.share_index(step.columns);
    step.key = {at(0)};
    step.picks = {{1, 2}};
    step.checks = {{1, constant(2)}};
    step.keep = {0, 1};
    bench.plan.head = {at(0), at(1), at(2)};
    require_equal(bench.run(), Answers{{1, 1, 2}, {1, 2, 2}}, "those with a 2");
});

// Gives its input beside itself, and beside one more.
class Beside : public Builtin {
public:
    Beside() : Builtin("beside", 1, 2) {}
    std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*&) override {
        const std::int64_t input = inline_integer(cells[0]);
        for (const std::int64_t more : {0, 1}) {
            solutions.push_back(cells[0]);
            solutions.push_back(inline_id(input + more));
        }
        return 2;
    }
};

const Test same_results("of a builtin's solutions those agree whose same results are equal", [] {
    Bench bench;
    Beside beside;
    bench.add_scan();
    Step& step = bench.add(StepKind::kCall);
    step.builtin = &beside;
    step.key = {at(1)};
    step.results = {{1, 2}};
    step.keep = {0};
    bench.plan.head = {at(0), at(2)};
    require_equal(bench.run(), (Answers{{1, 1}, {1, 2}, {1, 2}, {1, 3}, {2, 3}, {2, 4}, {3, 3},
                                        {3, 4}}),
                  "all");
    step.same = {{0, 1}};
    require_equal(bench.run(), (Answers{{1, 1}, {1, 2}, {2, 3}, {3, 3}}), "equal ones");
});

#ifndef CONGRESS_BAD_HASH  // so many rows would take hours to find each other

constexpr int kMany = 70'000;  // steps of a loop, which looks once on its way

// Adds rows with a 7, none of them in the old state.
void show_many(Bench& bench) {
    for (int n = 0; n < kMany; ++n) bench.show(2 * n + 101, 7);
}

unsigned looks_of(Bench& bench, Reads reads) {
    bench.watch.look();  // what was done before counts for nothing
    unsigned looks = 0;
    bench.watch.set_poll([&](Watch::Clock::time_point) { ++looks; });
    bench.run(reads);
    bench.watch.set_poll(nullptr);
    return looks;
}

const Test scan_looks("a scan looks whether it is to stop", [] {
    Bench bench;
    show_many(bench);
    bench.add_scan().checks = {{1, constant(8)}};
    require_equal(looks_of(bench, Reads::kNew), 1u, "no row has an 8");
});

const Test probe_looks("probes and existence tests look whether they are to stop", [] {
    for (const StepKind kind : {StepKind::kProbe, StepKind::kExists}) {
        Bench bench;
        show_many(bench);
        Step& choice = bench.add(StepKind::kChoose);
        choice.constants = {inline_id(7)};
        choice.results = {{0, 0}};
        Step& step = bench.add(kind);
        step.columns = {1};
        step.index = bench.relation.share_index(step.columns);
        step.key = {at(0)};
        step.keep = {0};
        bench.plan.head = {at(0)};
        require_equal(looks_of(bench, Reads::kOld), 1u, "all rows with a 7 are new");
    }
});

const Test choice_looks("a choice looks whether it is to stop", [] {
    Bench bench;
    Step& choice = bench.add(StepKind::kChoose);
    for (int n = 0; n < kMany; ++n) choice.constants.push_back(inline_id(n));
    choice.results = {{0, 0}};
    bench.plan.head = {at(0)};
    require_equal(looks_of(bench, Reads::kNew), 1u, "many constants");
});

const Test call_looks("calls without solutions look whether they are to stop", [] {
    Bench bench;
    show_many(bench);
    bench.add_scan();
    Step& step = bench.add(StepKind::kCall);
    step.builtin = &bench.tens;
    step.key = {at(0)};
    step.results = {{0, 2}};
    bench.plan.head = {at(2)};
    require_equal(looks_of(bench, Reads::kNew), 2u, "the scan and the calls");
});

#endif

}  // namespace
}  // namespace congress::tests
