#include "plan_writer.h"

#include <algorithm>
#include <set>

namespace congress::tests {

namespace {

using Registers = std::set<Register>;

void read(const Operand& operand, Registers& needed) {
    if (!operand.is_constant) needed.insert(static_cast<Register>(operand.value));
}

Registers read_by(const Step& step) {
    Registers read_ones;
    for (const Operand& operand : step.key) read(operand, read_ones);
    for (const auto& check : step.checks) read(check.second, read_ones);
    return read_ones;
}

// Fills in what each step keeps: what is read later and was not written by itself.
void note_kept(Plan& plan) {
    Registers needed;
    for (const Operand& operand : plan.head) read(operand, needed);
    for (std::size_t n = plan.steps.size(); n-- != 0;) {
        Step& step = plan.steps[n];
        for (const auto& pick : step.picks) needed.erase(pick.second);
        for (const auto& result : step.results) needed.erase(result.second);
        step.keep.assign(needed.begin(), needed.end());
        needed.merge(read_by(step));
    }
}

class Writer {
public:
    Writer(const RuleText& rule, const Names& names, std::uint32_t taste)
        : rule_(rule), names_(names), taste_(taste), is_done_(rule.body.size(), false) {}

    void give_head() {
        is_check_ = true;
        for (std::size_t n = 0; n < rule_.head.terms.size(); ++n) {
            const Register given = fresh();
            plan_->given.push_back(given);
            const TermText term = rule_.head.terms[n];
            const Operand cell{false, given};
            if (term.is_variable && !is_bound(term)) {
                bound_[term.number] = given;
            } else {
                equal_.emplace_back(cell, term);
            }
            cells_.push_back(cell);
        }
        for (const auto& [cell, term] : equal_) compare(Comparison::kEqual, cell, operand(term));
    }

    void scan_changes(std::uint32_t literal) {
        changes_ = literal;
        scan(rule_.body[literal], State::kNew, true);
        is_done_[literal] = true;
    }

    std::unique_ptr<Plan> finish() {
        test_what_can_be();
        for (;;) {
            const std::size_t next = best();
            if (next == rule_.body.size()) break;
            is_done_[next] = true;
            match(rule_.body[next], state_of(next));
            test_what_can_be();
        }
        if (is_check_) {
            plan_->head = cells_;
        } else {
            for (const TermText term : rule_.head.terms) plan_->head.push_back(operand(term));
        }
        plan_->registers = registers_;
        note_kept(*plan_);
        check_plan(*plan_);
        return std::move(plan_);
    }

private:
    bool is_bound(TermText term) const {
        return !term.is_variable || bound_[term.number].has_value();
    }
    bool is_bound(const AtomText& atom) const {
        return std::ranges::all_of(atom.terms, [&](TermText term) { return is_bound(term); });
    }
    Operand operand(TermText term) const {
        if (!term.is_variable) return {true, names_.constant(term.number)};
        return {false, *bound_[term.number]};
    }
    Register fresh() { return static_cast<Register>(registers_++); }
    bool likes_it() { return taste_++ % 3 == 0; }

    // Literals before the changed one are read in the new, those behind it in the old state.
    State state_of(std::size_t literal) const {
        return changes_ && literal > *changes_ ? State::kOld : State::kNew;
    }

    // The positive literal with the most columns bound.
    std::size_t best() const {
        std::size_t found = rule_.body.size();
        std::ptrdiff_t most = -1;
        for (std::size_t n = 0; n < rule_.body.size(); ++n) {
            if (is_done_[n] || rule_.body[n].is_negated) continue;
            const auto& terms = rule_.body[n].terms;
            const auto bound =
                std::ranges::count_if(terms, [&](TermText term) { return is_bound(term); });
            if (bound > most) {
                most = bound;
                found = n;
            }
        }
        return found;
    }

    void test_what_can_be() {
        for (std::size_t n = 0; n < rule_.body.size(); ++n) {
            const AtomText& atom = rule_.body[n];
            if (is_done_[n] || !atom.is_negated || !is_bound(atom)) continue;
            is_done_[n] = true;
            lookup(atom, state_of(n));
        }
        for (std::size_t n = 0; n < rule_.conditions.size(); ++n) {
            const ConditionText& condition = rule_.conditions[n];
            const bool is_ready = is_bound(condition.left) && is_bound(condition.right);
            if (is_tested_.contains(n) || !is_ready) {
                continue;
            }
            is_tested_.insert(n);
            compare(condition.comparison, operand(condition.left), operand(condition.right));
        }
    }

    void compare(Comparison comparison, Operand left, Operand right) {
        const bool is_equality =
            comparison == Comparison::kEqual || comparison == Comparison::kUnequal;
        if (is_equality && right.is_constant && likes_it()) {
            Step step = make_step(StepKind::kAmong);
            step.key = {left};
            step.constants = {right.value};
            step.is_negated = comparison == Comparison::kUnequal;
            plan_->steps.push_back(std::move(step));
            return;
        }
        Step step = make_step(StepKind::kCompare);
        step.comparison = comparison;
        step.key = {left, right};
        plan_->steps.push_back(std::move(step));
    }

    void match(const AtomText& atom, State state) {
        if (is_bound(atom)) {
            lookup(atom, state);
            return;
        }
        const auto bound =
            std::ranges::count_if(atom.terms, [&](TermText term) { return is_bound(term); });
        if (bound != 0 && is_check_ && is_only_asked(atom)) {
            exists(atom, state);
        } else if (bound == 0 || likes_it()) {
            scan(atom, state, false);
        } else {
            probe(atom, state);
        }
    }

    // Whether nothing else reads the variables that an atom would bind, and none is there twice.
    bool is_only_asked(const AtomText& atom) const {
        for (const TermText term : atom.terms) {
            if (is_bound(term)) continue;
            if (uses_of(term.number) != 1) return false;
        }
        return true;
    }
    std::ptrdiff_t uses_of(int variable) const {
        const auto is_it = [&](TermText term) {
            return term.is_variable && term.number == variable;
        };
        std::ptrdiff_t uses = std::ranges::count_if(rule_.head.terms, is_it);
        for (const AtomText& atom : rule_.body) uses += std::ranges::count_if(atom.terms, is_it);
        for (const ConditionText& each : rule_.conditions) {
            uses += is_it(each.left) + is_it(each.right);
        }
        return uses;
    }

    Step on(StepKind kind, const AtomText& atom, State state) const {
        Step step = make_step(kind);
        step.relation = names_.relation(atom.table);
        step.state = state;
        step.is_negated = atom.is_negated && kind != StepKind::kScan;
        return step;
    }

    void lookup(const AtomText& atom, State state) {
        Step step = on(StepKind::kLookup, atom, state);
        for (const TermText term : atom.terms) step.key.push_back(operand(term));
        plan_->steps.push_back(std::move(step));
    }

    void exists(const AtomText& atom, State state) {
        Step step = on(StepKind::kExists, atom, state);
        add_key(atom, step);
        plan_->steps.push_back(std::move(step));
    }

    void probe(const AtomText& atom, State state) {
        Step step = on(StepKind::kProbe, atom, state);
        add_key(atom, step);
        pick_rest(atom, step);
        plan_->steps.push_back(std::move(step));
    }

    void scan(const AtomText& atom, State state, bool reads_changes) {
        Step step = on(StepKind::kScan, atom, state);
        step.reads_changes = reads_changes;
        for (std::uint32_t n = 0; n < atom.terms.size(); ++n) {
            if (is_bound(atom.terms[n])) step.checks.emplace_back(n, operand(atom.terms[n]));
        }
        pick_rest(atom, step);
        plan_->steps.push_back(std::move(step));
    }

    void add_key(const AtomText& atom, Step& step) const {
        for (std::uint32_t n = 0; n < atom.terms.size(); ++n) {
            if (!is_bound(atom.terms[n])) continue;
            step.columns.push_back(n);
            step.key.push_back(operand(atom.terms[n]));
        }
        step.index = step.relation->share_index(step.columns);
    }

    // The columns with new variables, of which a second one must equal the first.
    void pick_rest(const AtomText& atom, Step& step) {
        std::optional<std::uint32_t> first[kVariables];
        for (std::uint32_t n = 0; n < atom.terms.size(); ++n) {
            const TermText term = atom.terms[n];
            if (is_bound(term)) continue;
            if (first[term.number]) {
                step.same.emplace_back(*first[term.number], n);
                continue;
            }
            first[term.number] = n;
            step.picks.emplace_back(n, fresh());
        }
        for (const auto& [column, number] : step.picks) bound_[atom.terms[column].number] = number;
    }

    const RuleText& rule_;
    const Names& names_;
    std::uint32_t taste_;
    std::vector<bool> is_done_;
    std::set<std::size_t> is_tested_;
    std::unique_ptr<Plan> plan_ = std::make_unique<Plan>();
    std::optional<Register> bound_[kVariables];
    std::optional<std::uint32_t> changes_;
    std::vector<std::pair<Operand, TermText>> equal_;
    std::vector<Operand> cells_;  // that a check is given
    bool is_check_ = false;
    std::uint32_t registers_ = 0;
};

}  // namespace

std::unique_ptr<Plan> write_plan(const RuleText& rule, PlanKind kind, std::uint32_t literal,
                                 const Names& names, std::uint32_t taste) {
    Writer writer(rule, names, taste);
    if (kind == PlanKind::kCheck) writer.give_head();
    if (kind == PlanKind::kVariant) writer.scan_changes(literal);
    return writer.finish();
}

}  // namespace congress::tests
