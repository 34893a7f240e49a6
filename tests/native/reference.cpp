#include "reference.h"

#include <algorithm>

namespace congress::tests {

namespace {

constexpr int kUnset = -1;

bool is_text(int value) { return value >= kFirstText && value < kFirstLarge; }

bool holds(const ConditionText& condition, const Assignment& assignment) {
    const int left = assignment.value(condition.left);
    const int right = assignment.value(condition.right);
    const bool is_ordered = is_text(left) == is_text(right);
    switch (condition.comparison) {
        case Comparison::kEqual:
            return left == right;
        case Comparison::kUnequal:
            return left != right;
        case Comparison::kLess:
            return is_ordered && left < right;
        case Comparison::kLessEqual:
            return is_ordered && left <= right;
    }
    return false;
}

class Enumerator {
public:
    Enumerator(const RuleText& rule, const Tables& tables,
               const std::function<void(const Assignment&)>& use)
        : rule_(rule), tables_(tables), use_(use) {
        std::fill(std::begin(assignment_.values), std::end(assignment_.values), kUnset);
    }

    void from(std::size_t literal) {
        while (literal < rule_.body.size() && rule_.body[literal].is_negated) ++literal;
        if (literal == rule_.body.size()) {
            finish();
            return;
        }
        const AtomText& atom = rule_.body[literal];
        for (const Row& row : tables_.at(atom.table)) {
            const Assignment before = assignment_;
            if (unify(atom, row)) from(literal + 1);
            assignment_ = before;
        }
    }

private:
    bool unify(const AtomText& atom, const Row& row) {
        for (std::size_t n = 0; n < row.size(); ++n) {
            const TermText term = atom.terms[n];
            if (term.is_variable && assignment_.values[term.number] == kUnset) {
                assignment_.values[term.number] = row[n];
            } else if (assignment_.value(term) != row[n]) {
                return false;
            }
        }
        return true;
    }

    void finish() {
        for (const ConditionText& condition : rule_.conditions) {
            if (!holds(condition, assignment_)) return;
        }
        for (const AtomText& atom : rule_.body) {
            if (atom.is_negated && tables_.at(atom.table).contains(assignment_.row(atom))) return;
        }
        use_(assignment_);
    }

    const RuleText& rule_;
    const Tables& tables_;
    const std::function<void(const Assignment&)>& use_;
    Assignment assignment_;
};

}  // namespace

Row Assignment::row(const AtomText& atom) const {
    Row made;
    for (const TermText term : atom.terms) made.push_back(value(term));
    return made;
}

void each_instance(const RuleText& rule, const Tables& tables,
                   const std::function<void(const Assignment&)>& use) {
    Enumerator(rule, tables, use).from(0);
}

Rows fold(const FoldText& how, const Tables& tables) {
    std::map<int, std::set<int>> groups;
    for (const Row& row : tables.at(how.input)) groups[row[0]].insert(row[1]);
    Rows rows;
    for (const auto& [group, values] : groups) {
        const auto texts = std::ranges::count_if(values, is_text);
        const bool is_mixed = texts != 0 && static_cast<std::size_t>(texts) != values.size();
        if (!is_mixed) rows.insert({group, static_cast<int>(values.size()), *values.rbegin()});
    }
    return rows;
}

void evaluate(const std::vector<Stratum>& strata, const std::vector<RuleText>& rules,
              const std::vector<FoldText>& folds, Tables& tables) {
    for (const Stratum& stratum : strata) {
        for (const std::string& table : stratum.tables) {
            Rows folded;
            for (const FoldText& each : folds) {
                if (each.head == table) folded.merge(fold(each, tables));
            }
            tables[table] = folded;
        }
        bool is_changed = true;
        while (is_changed) {
            is_changed = false;
            for (const RuleText& rule : rules) {
                const bool is_own = std::ranges::find(stratum.tables, rule.head.table) !=
                                    stratum.tables.end();
                if (!is_own) continue;
                std::vector<Row> derived;
                each_instance(rule, tables, [&](const Assignment& assignment) {
                    derived.push_back(assignment.row(rule.head));
                });
                for (Row& row : derived) {
                    is_changed |= tables[rule.head.table].insert(std::move(row)).second;
                }
            }
        }
    }
}

}  // namespace congress::tests
