#include <functional>

#include "harness.h"
#include "kernel.h"
#include "plan_writer.h"

namespace congress::tests {
namespace {

// Gives what plan a test likes.
class Giver : public Planner {
public:
    std::unique_ptr<Plan> plan(RuleId, PlanKind kind, std::uint32_t literal) override {
        return std::make_unique<Plan>(give(kind, literal));
    }
    std::optional<ClosureShape> closure(const std::vector<RuleId>&) override { return shape; }
    std::function<Plan(PlanKind, std::uint32_t)> give;
    std::optional<ClosureShape> shape;
};

// d(x, y) :- e(x), e(y), whatever way it is planned.
struct Product {
    Product() : kernel(giver) {
        base = kernel.add_relation(1, Support::kNone);
        derived = kernel.add_relation(2, Support::kCount);
        component = kernel.add_component({derived}, false, 1);
        giver.give = [this](PlanKind kind, std::uint32_t literal) {
            return product(kind, literal);
        };
    }

    // Literal 0 binds register 0, literal 1 register 1.
    Step scan(std::uint32_t literal, State state) {
        Step step = make_step(StepKind::kScan);
        step.relation = &kernel.relation(base);
        step.state = state;
        step.picks = {{0, static_cast<Register>(literal)}};
        return step;
    }
    // The first literal is the one that changes, if any does.
    Plan product(PlanKind kind, std::uint32_t first) {
        Plan plan;
        plan.registers = 2;
        const std::uint32_t second = 1 - first;
        plan.steps = {scan(first, State::kNew),
                      scan(second, first == 0 ? State::kOld : State::kNew)};
        plan.steps[0].reads_changes = kind == PlanKind::kVariant;
        plan.steps[1].keep = {static_cast<Register>(first)};
        plan.head = {{false, 0}, {false, 1}};
        check_plan(plan);
        return plan;
    }
    void fill(int from, int to) {
        std::vector<Id> cells;
        for (int n = from; n < to; ++n) cells.push_back(inline_id(n));
        kernel.change(base, cells, {});
    }
    RuleId add() {
        const LiteralGiven literal{base, false, {}};
        return kernel.add_rule(derived, {literal, literal}, {}, nullptr);
    }
    void require_misfit(const Plan& plan, const char* text) {
        giver.give = [plan](PlanKind, std::uint32_t) { return plan; };
        kernel.commit();
        add();
        require_raises<InvalidPlan>([&] { kernel.propagate(); }, text);
        kernel.rollback(0);
        require(kernel.relation(derived).size() == 0, "it is taken back");
    }

    Giver giver;
    Kernel kernel;
    RelationId base;
    RelationId derived;
    ComponentId component;
};

const Test early("a rule that derives too much is stopped before it is done", [] {
    for (const bool is_recursive : {false, true}) {
        Product product;
        if (is_recursive) {
            product.component = product.kernel.add_component({product.derived}, true, 1);
        }
        Kernel& kernel = product.kernel;
        product.fill(0, 300);
        kernel.propagate();
        kernel.end_step();
        kernel.commit();
        kernel.limits().max_rows = 1000;
        const RuleId rule = product.add();
        try {
            kernel.propagate();
            require(false, "it was not stopped");
        } catch (const LimitExceeded& error) {
            require_equal(error.rule, rule, "another rule is told");
        }
        require(kernel.relation(product.derived).size() <= 1000 + kBatch, "it went on for long");
        kernel.rollback(0);
        require(kernel.relation(product.derived).size() == 0, "it is taken back");
        kernel.limits().max_rows = 90'000;
        product.add();
        kernel.propagate();
        require(kernel.relation(product.derived).size() == 90'000, "what the limit allows");
    }
});

const Test shrinking("a table above a limit that was lowered may become smaller", [] {
    Product product;
    Kernel& kernel = product.kernel;
    product.add();
    product.fill(0, 100);
    kernel.propagate();
    kernel.end_step();
    kernel.commit();
    kernel.limits().max_rows = 1000;
    std::vector<Id> gone;
    for (int n = 10; n < 100; ++n) gone.push_back(inline_id(n));
    kernel.change(product.base, {}, gone);
    kernel.propagate();
    require(kernel.relation(product.derived).size() == 100, "10 times 10");
});

const Test leaving("a rule goes in one run, though more follows from it than one run may join", [] {
    for (const bool is_recursive : {false, true}) {
        Product product;
        Kernel& kernel = product.kernel;
        if (is_recursive) product.component = kernel.add_component({product.derived}, true, 1);
        kernel.limits().max_bindings = 2'500;
        const RuleId rule = product.add();
        for (int n = 0; n < 100; n += 10) {
            product.fill(n, n + 10);
            kernel.propagate();
            kernel.end_step();
            kernel.commit();
        }
        require(kernel.relation(product.derived).size() == 10'000, "100 times 100");
        kernel.remove_rule(rule);
        kernel.propagate();
        require(kernel.relation(product.derived).size() == 0, "nothing is left");
        kernel.rollback(0);
        product.add();
        require_raises<LimitExceeded>([&] { kernel.propagate(); }, "another may not join so much");
    }
});

const Test unlimited("a rule whose rows were told joins and derives any number", [] {
    for (const bool is_recursive : {false, true}) {
        Product product;
        Kernel& kernel = product.kernel;
        if (is_recursive) product.component = kernel.add_component({product.derived}, true, 1);
        kernel.limits().max_bindings = kernel.limits().max_rows = 100;
        kernel.rule(product.add()).is_limited = false;
        product.fill(0, 30);
        kernel.propagate();
        require(kernel.relation(product.derived).size() == 900, "30 times 30");
    }
});

const Test from_nothing("rules of tables that were empty are planned as a whole, for what is there", [] {
    for (const bool is_recursive : {false, true}) {
        Product product;
        Kernel& kernel = product.kernel;
        if (is_recursive) product.component = kernel.add_component({product.derived}, true, 1);
        std::vector<PlanKind> asked;
        product.giver.give = [&](PlanKind kind, std::uint32_t literal) {
            asked.push_back(kind);
            return product.product(kind, literal);
        };
        product.add();
        kernel.propagate();
        kernel.end_step();
        require(asked.empty(), "nothing is there to plan for");
        product.fill(0, 3);
        kernel.propagate();
        require(asked == std::vector{PlanKind::kWhole}, "another plan was asked for");
        require(kernel.relation(product.derived).size() == 9, "3 times 3");
    }
});

const Test misfits("a plan for another table than the rule's is refused", [] {
    Product product;
    product.fill(0, 3);
    Plan narrow = product.product(PlanKind::kWhole, 0);
    narrow.head.pop_back();
    product.require_misfit(narrow, "a head of one cell");
    Plan wide = product.product(PlanKind::kWhole, 0);
    wide.head.push_back({true, 0});
    product.require_misfit(wide, "a head of three cells");
    Plan given = product.product(PlanKind::kWhole, 0);
    given.registers = 3;
    given.given = {2};
    product.require_misfit(given, "it wants a value that nobody gives");
});

const Test check("a check that takes other values than the head's is refused", [] {
    Product product;
    Kernel& kernel = product.kernel;
    product.component = kernel.add_component({product.derived}, true, 1);
    product.add();
    product.fill(0, 3);
    kernel.propagate();
    kernel.end_step();
    kernel.commit();
    // The plan for everything, which takes no values, in place of the one for a check.
    const Id gone = inline_id(1);
    kernel.change(product.base, {}, {&gone, 1});
    require_raises<InvalidPlan>([&] { kernel.propagate(); }, "the check was run");
    kernel.rollback(0);
    require(kernel.relation(product.derived).size() == 9, "it is taken back");
});

const Test closures("what is told of a closure must be of its table and its rules", [] {
    Product product;
    Kernel& kernel = product.kernel;
    product.component = kernel.add_component({product.derived}, true, 1);
    const RuleId rule = product.add();
    product.fill(0, 3);
    kernel.propagate();
    kernel.end_step();
    kernel.commit();
    const auto require_refused = [&](const ClosureShape& shape, const char* text) {
        product.giver.shape = shape;
        kernel.rebuild(product.component);
        require_raises<InvalidPlan>([&] { kernel.propagate(); }, text);
        kernel.rollback(0);
        require(kernel.relation(product.derived).size() == 9, "it is taken back");
    };
    require_refused({2, {rule}, {}}, "a column too far");
    require_refused({1, {rule + 1}, {}}, "a rule of nobody");
    require_refused({1, {}, {rule}}, "no step");
});

}  // namespace
}  // namespace congress::tests
