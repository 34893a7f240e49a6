#include "builtin.h"
#include "errors.h"
#include "harness.h"
#include "plan.h"
#include "plan_writer.h"

namespace congress::tests {
namespace {

// A table of two columns, a builtin of one input and one output, and a plan over them.
struct Draft {
    class Same : public Builtin {
    public:
        Same() : Builtin("same", 1, 1) {}
        std::uint32_t solve(const Id* cells, Buffer<Id>& solutions, const char*&) override {
            solutions.push_back(cells[0]);
            return 1;
        }
    };

    Draft() : relation(2, Support::kNone, symbols, dirty) { plan.registers = 4; }

    Step& add(StepKind kind) {
        plan.steps.push_back(make_step(kind));
        if (kind <= StepKind::kExists) plan.steps.back().relation = &relation;
        if (kind >= StepKind::kCall) plan.steps.back().builtin = &same;
        return plan.steps.back();
    }
    // A step by the index on some columns.
    Step& add(StepKind kind, const std::vector<std::uint32_t>& columns) {
        Step& step = add(kind);
        step.columns = columns;
        step.index = relation.share_index(columns);
        return step;
    }
    void require_refused(const char* text) const {
        require_raises<InvalidPlan>([&] { check_plan(plan); }, text);
    }

    Symbols symbols;
    std::vector<Relation*> dirty;
    Relation relation;
    Same same;
    Plan plan;
};

Operand at(Register number) { return {false, number}; }

const Test accepts("a plan that fits is accepted", [] {
    Draft draft;
    draft.add(StepKind::kScan).picks = {{0, 0}, {1, 1}};
    Step& call = draft.add(StepKind::kCall);
    call.key = {at(0)};
    call.results = {{0, 2}};
    call.keep = {1};
    draft.plan.head = {at(1), at(2)};
    check_plan(draft.plan);
});

const Test unwritten("a register without a value is refused", [] {
    Draft head;
    head.plan.head = {at(0)};
    head.require_refused("in the head");
    Draft key;
    key.add(StepKind::kLookup).key = {at(0), at(1)};
    key.require_refused("in a key");
    Draft check;
    check.add(StepKind::kScan).checks = {{0, at(3)}};
    check.require_refused("in a check");
    Draft keep;
    keep.add(StepKind::kScan).keep = {1};
    keep.require_refused("kept");
});

const Test dropped("a register that was not kept has no value any more", [] {
    Draft draft;
    draft.add(StepKind::kScan).picks = {{0, 0}};
    draft.add(StepKind::kScan).picks = {{0, 1}};
    draft.plan.head = {at(0)};
    draft.require_refused("it was dropped by the second scan");
});

const Test twice("a register is written once", [] {
    Draft picks;
    picks.add(StepKind::kScan).picks = {{0, 0}, {1, 0}};
    picks.require_refused("by two picks");
    Draft given;
    given.plan.given = {0};
    given.add(StepKind::kScan).picks = {{0, 0}};
    given.require_refused("given, and by a pick");
    Draft beyond;
    beyond.plan.given = {4};
    beyond.require_refused("beyond the number of registers");
});

const Test columns("columns are those of the table", [] {
    Draft picks;
    picks.add(StepKind::kScan).picks = {{2, 0}};
    picks.require_refused("a pick");
    Draft checks;
    checks.add(StepKind::kScan).checks = {{2, {true, 0}}};
    checks.require_refused("a check");
    Draft same;
    same.add(StepKind::kScan).same = {{0, 2}};
    same.require_refused("two equal columns");
    Draft probe;
    Step& step = probe.add(StepKind::kProbe, {2});
    step.key = {{true, 0}};
    probe.require_refused("a key's column");
    Draft wide;
    wide.add(StepKind::kProbe, {0, 1, 0}).key = {{true, 0}, {true, 0}, {true, 0}};
    wide.require_refused("more columns than there are");
});

const Test sizes("keys have as many operands as what they are for", [] {
    Draft probe;
    probe.add(StepKind::kProbe, {0});
    probe.require_refused("a probe");
    Draft lookup;
    lookup.add(StepKind::kLookup).key = {{true, 0}};
    lookup.require_refused("a look-up");
    Draft call;
    call.add(StepKind::kCall);
    call.require_refused("a builtin");
    Draft results;
    Step& step = results.add(StepKind::kCall);
    step.key = {{true, 0}};
    step.results = {{1, 0}};
    results.require_refused("a builtin's results");
    Draft scan;
    scan.add(StepKind::kScan).key = {{true, 0}};
    scan.require_refused("a scan");
});

const Test filters("comparisons have two operands, choices and copies one result", [] {
    Draft compare;
    compare.add(StepKind::kCompare).key = {{true, 0}};
    compare.require_refused("a comparison");
    Draft among;
    among.add(StepKind::kAmong);
    among.require_refused("a test for some constants");
    Draft copy;
    copy.add(StepKind::kCopy).key = {{true, 0}};
    copy.require_refused("a copy to nowhere");
    copy.plan.steps[0].results = {{0, 0}};
    check_plan(copy.plan);
    copy.plan.steps[0].key = {};
    copy.require_refused("a copy of nothing");
    Draft choose;
    choose.add(StepKind::kChoose).constants = {0};
    choose.require_refused("a choice for nothing");
    choose.plan.steps[0].results = {{0, 0}, {0, 1}};
    choose.require_refused("a choice for two");
});

const Test nothing("a step has what it reads", [] {
    Draft scan;
    scan.add(StepKind::kScan).relation = nullptr;
    scan.require_refused("a scan of no table");
    Draft probe;
    Step& step = probe.add(StepKind::kProbe, {0});
    step.key = {{true, 0}};
    check_plan(probe.plan);
    step.index = probe.relation.share_index(std::vector<std::uint32_t>{1});
    probe.require_refused("a probe by an index on other columns");
    step.index = nullptr;
    probe.require_refused("a probe by no index");
    Draft call;
    call.add(StepKind::kCall).builtin = nullptr;
    call.require_refused("a call of no builtin");
    Draft ask;
    ask.add(StepKind::kAsk).plans = {nullptr};
    ask.require_refused("no plan to ask");
});

const Test writers("only steps that give values write registers", [] {
    Draft lookup;
    Step& step = lookup.add(StepKind::kLookup);
    step.key = {{true, 0}, {true, 0}};
    step.picks = {{0, 0}};
    lookup.require_refused("a look-up that picks");
    Draft call;
    Step& called = call.add(StepKind::kCall);
    called.key = {{true, 0}};
    called.picks = {{0, 0}};
    call.require_refused("a call that picks");
    Draft fails;
    Step& failing = fails.add(StepKind::kFails);
    failing.key = {{true, 0}};
    failing.results = {{0, 0}};
    fails.require_refused("a test that a builtin fails gives its result");
});

const Test inner("plans within plans are checked", [] {
    Draft draft;
    auto asked = std::make_shared<Plan>();
    asked->given = {0};
    asked->registers = 1;
    draft.add(StepKind::kAsk).plans = {asked};
    draft.require_refused("it is given too few values");
    auto broken = std::make_shared<Plan>();
    broken->head = {at(0)};
    draft.plan.steps[0].plans = {broken};
    draft.require_refused("it reads a register without a value");
});

std::shared_ptr<Plan> made_of(std::size_t cells) {
    auto plan = std::make_shared<Plan>();
    plan->head.assign(cells, Operand{true, 0});
    return plan;
}

const Test gathered("what is gathered has the same cells whatever plan it comes from", [] {
    Draft draft;
    Step& step = draft.add(StepKind::kGather);
    step.plans = {made_of(2), made_of(2)};
    step.results = {{1, 0}};
    check_plan(draft.plan);
    step.plans = {made_of(2), made_of(1)};
    draft.require_refused("the second has one cell");
    step.plans = {made_of(1), made_of(1)};
    draft.require_refused("a result that none of them has");
    step.plans = {made_of(0)};
    step.results = {{0, 0}};
    draft.require_refused("a result of rows without cells");
    step.plans = {};
    draft.require_refused("a result of no plan");
});

const Test large("a plan has a limited number of registers", [] {
    Draft draft;
    draft.plan.registers = kMaxRegisters + 1;
    draft.require_refused("too many");
});

}  // namespace
}  // namespace congress::tests
