// A kernel with tables named in words, rules in text and values as plain numbers.
#pragma once

#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel.h"
#include "reference.h"
#include "rule_text.h"

namespace congress::tests {

// What is physically there, for comparisons before and after a rollback.
struct Contents {
    std::map<std::string, std::map<Row, std::uint32_t>> rows;  // with their supports
    std::size_t symbols = 0;

    bool operator==(const Contents&) const = default;
};

class Engine : private Planner {
public:
    Engine() : kernel(*this) {}
    ~Engine() override;
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    RelationId add_base(const std::string& name, std::uint32_t width);
    RelationId add_derived(const std::string& name, std::uint32_t width);
    ComponentId add_component(const std::vector<std::string>& tables, bool is_recursive,
                              std::uint64_t order);
    RuleId add_rule(const std::string& text) { return add_rule(parse(text)); }
    RuleId add_rule(const RuleText& rule);
    RuleId add_fold(const FoldText& how);
    void change(const std::string& table, const std::vector<Row>& added,
                const std::vector<Row>& removed);
    void replace(const std::string& table, const std::vector<Row>& rows);
    // `propagate` and `end_step`.
    void step();
    // `step` and `commit`.
    void finish();

    Relation& relation(const std::string& table) { return kernel.relation(ids_.at(table)); }
    RelationId id(const std::string& table) const { return ids_.at(table); }
    std::vector<std::string> names() const;
    bool has(const std::string& table) const { return ids_.contains(table); }
    void forget(const std::string& table) { ids_.erase(table); }
    const RuleText& text(RuleId rule) const { return texts_.at(rule); }

    // The rows of the new state, those that only it has, those that only the old one has.
    Rows rows(const std::string& table);
    Rows added(const std::string& table);
    Rows removed(const std::string& table);
    std::uint32_t support(const std::string& table, const Row& row);
    Contents contents();

    std::vector<Id> encode(const std::vector<Row>& rows);
    Row decode(const Relation& relation, RowId row) const;
    Id intern(int value);

    Kernel kernel;
    unsigned edge_plans = 0;  // that were asked for: one for each step of each search

private:
    std::unique_ptr<Plan> plan(RuleId rule, PlanKind kind, std::uint32_t literal) override;
    std::optional<ClosureShape> closure(const std::vector<RuleId>& rules) override;
    Id hold(int value);
    int value(Id id) const;

    std::map<std::string, RelationId> ids_;
    std::map<RuleId, RuleText> texts_;
    std::map<int, Id> held_;  // constants of rules
};

// Checks that every index answers for exactly the rows that are there; between transactions only.
void require_indexes_agree(Relation& relation);

}  // namespace congress::tests
