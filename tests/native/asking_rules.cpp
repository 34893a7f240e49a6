#include "engine.h"
#include "harness.h"
#include "plan_writer.h"

namespace congress::tests {
namespace {

// Rules with one more condition: that another rule does not give the same row. It is no literal;
// plans ask it as a test, and after changes of its table the rule is done anew.
class Asking : public Engine {
public:
    explicit Asking(bool is_recursive) {
        add_base("e", 2);
        add_base("n", 1);
        add_derived("d", 2);
        add_component({"d"}, is_recursive, 1);
    }

    RuleId add(const std::string& text, const std::string& asked) {
        const RuleText rule = parse(text);
        const RuleText test = parse(asked);
        std::vector<LiteralGiven> body;
        for (const AtomText& atom : rule.body) body.push_back({id(atom.table), false, {}});
        const RuleId added = kernel.add_rule(id("d"), body, {id(test.body[0].table)}, nullptr);
        rules_.emplace(added, std::pair{rule, test});
        return added;
    }

private:
    std::unique_ptr<Plan> plan(RuleId number, PlanKind kind, std::uint32_t literal) override {
        const Names names{[this](const std::string& table) { return &relation(table); }, {}};
        const auto& [rule, asked] = rules_.at(number);
        auto plan = write_plan(rule, kind, literal, names, 1);
        Step step = make_step(StepKind::kAsk);
        step.plans = {write_plan(asked, PlanKind::kCheck, 0, names, 1)};
        step.is_negated = true;
        step.key = plan->head;
        for (const Operand cell : plan->head) {
            step.keep.push_back(static_cast<Register>(cell.value));
        }
        plan->steps.push_back(step);
        check_plan(*plan);
        return plan;
    }
    std::optional<ClosureShape> closure(const std::vector<RuleId>&) override {
        return std::nullopt;
    }

    std::map<RuleId, std::pair<RuleText, RuleText>> rules_;
};

// Expects the rows of d, each with this support.
void require_rows(Asking& engine, const Rows& rows, std::uint32_t support, const char* text) {
    require_equal(engine.rows("d"), rows, text);
    for (const Row& row : rows) require_equal(engine.support("d", row), support, text);
}

const Test counts("a rule is counted once after what it asks has changed", [] {
    Asking engine(false);
    engine.add("d(x, y) :- e(x, y)", "d(x, y) :- n(y)");
    engine.change("e", {{1, 2}, {3, 4}}, {});
    engine.finish();
    require_rows(engine, {{1, 2}, {3, 4}}, 1, "n is empty");
    engine.change("n", {{2}}, {});
    engine.finish();
    require_rows(engine, {{3, 4}}, 1, "2 came");
    engine.change("n", {{4}}, {{2}});
    engine.finish();
    require_rows(engine, {{1, 2}}, 1, "4 came and 2 went");
});

const Test together("what a rule asks changes together with what it reads", [] {
    Asking engine(false);
    engine.add("d(x, y) :- e(x, y)", "d(x, y) :- n(y)");
    engine.change("n", {{2}}, {});
    engine.change("e", {{1, 2}, {1, 3}}, {});
    engine.finish();
    require_rows(engine, {{1, 3}}, 1, "the first rows");
    engine.change("n", {{6}}, {{2}});
    engine.change("e", {{5, 6}, {5, 7}}, {{1, 3}});
    engine.kernel.propagate();
    require_equal(engine.added("d"), (Rows{{1, 2}, {5, 7}}), "what came");
    require_equal(engine.removed("d"), Rows{{1, 3}}, "what went");
    require_rows(engine, {{1, 2}, {5, 7}}, 1, "both changed");
    engine.kernel.rollback(0);
    require_rows(engine, {{1, 3}}, 1, "as before");
});

const Test unchanged("a rule whose asked rows went and came again is not done anew", [] {
    Asking engine(false);
    engine.add("d(x, y) :- e(x, y)", "d(x, y) :- n(y)");
    engine.change("n", {{2}}, {});
    engine.change("e", {{1, 2}, {1, 3}}, {});
    engine.finish();
    engine.change("n", {{2}}, {{2}});
    engine.change("e", {{4, 2}, {4, 3}}, {});
    engine.finish();
    require_rows(engine, {{1, 3}, {4, 3}}, 1, "n is as it was");
});

const Test leaving("a rule goes in the step in which what it asks changes", [] {
    for (const bool is_recursive : {false, true}) {
        Asking engine(is_recursive);
        const RuleId rule = engine.add("d(x, y) :- e(x, y)", "d(x, y) :- n(y)");
        engine.change("e", {{1, 2}, {1, 3}}, {});
        engine.finish();
        engine.change("n", {{2}}, {});
        engine.kernel.remove_rule(rule);
        engine.finish();
        require_rows(engine, {}, 0, "no rule is left");
    }
});

const Test founded("rows of a recursive table go and come with what rules ask", [] {
    Asking engine(true);
    engine.add("d(x, y) :- e(x, y)", "d(x, y) :- n(y)");
    engine.add("d(x, z) :- d(x, y), e(y, z)", "d(x, z) :- n(z)");
    engine.change("e", {{1, 2}, {2, 3}, {3, 2}}, {});
    engine.finish();
    const Rows all = {{1, 2}, {1, 3}, {2, 2}, {2, 3}, {3, 2}, {3, 3}};
    require_equal(engine.rows("d"), all, "n is empty");
    engine.change("n", {{3}}, {});
    engine.finish();
    require_rows(engine, {{1, 2}, {3, 2}}, 0, "none ends in 3, so none goes on from it");
    engine.change("n", {}, {{3}});
    engine.finish();
    require_equal(engine.rows("d"), all, "n is empty again");
});

}  // namespace
}  // namespace congress::tests
