#include "engine.h"

#include <algorithm>

#include "closure_finder.h"
#include "harness.h"
#include "hash.h"
#include "plan_writer.h"

namespace congress::tests {

namespace {

constexpr std::int64_t kLargeStart = std::int64_t{1} << 40;

}  // namespace

Engine::~Engine() {
    for (const auto& [value, id] : held_) kernel.symbols().release(id);
}

// --- values

Id Engine::intern(int value) {
    if (value < kFirstText) return kernel.symbols().intern_integer(value);
    if (value >= kFirstLarge) return kernel.symbols().intern_integer(kLargeStart + value);
    return kernel.symbols().intern_text("t" + std::to_string(value));
}

int Engine::value(Id id) const {
    const Value value = kernel.symbols().value(id);
    if (value.type == Type::kText) return std::stoi(std::string(value.text.substr(1)));
    return static_cast<int>(value.integer >= kLargeStart ? value.integer - kLargeStart
                                                         : value.integer);
}

Id Engine::hold(int value) {
    const auto found = held_.find(value);
    if (found != held_.end()) return found->second;
    const Id id = intern(value);
    held_.emplace(value, id);
    kernel.symbols().retain(id);
    return id;
}

std::vector<Id> Engine::encode(const std::vector<Row>& rows) {
    std::vector<Id> cells;
    for (const Row& row : rows) {
        if (row.empty()) cells.push_back(0);  // the kernel wants something of a row without cells
        for (const int value : row) cells.push_back(intern(value));
    }
    return cells;
}

Row Engine::decode(const Relation& relation, RowId row) const {
    Row made;
    for (std::uint32_t n = 0; n < relation.width(); ++n) {
        made.push_back(value(relation.row(row)[n]));
    }
    return made;
}

// --- what there is

RelationId Engine::add_base(const std::string& name, std::uint32_t width) {
    return ids_[name] = kernel.add_relation(width, Support::kNone);
}

RelationId Engine::add_derived(const std::string& name, std::uint32_t width) {
    return ids_[name] = kernel.add_relation(width, Support::kCount);
}

ComponentId Engine::add_component(const std::vector<std::string>& tables, bool is_recursive,
                                  std::uint64_t order) {
    std::vector<RelationId> ids;
    for (const std::string& table : tables) ids.push_back(id(table));
    return kernel.add_component(ids, is_recursive, order);
}

RuleId Engine::add_rule(const RuleText& rule) {
    std::vector<LiteralGiven> body;
    for (const AtomText& atom : rule.body) {
        body.push_back({id(atom.table), atom.is_negated, {}});
        for (std::uint32_t n = 0; n < atom.terms.size(); ++n) {
            const TermText term = atom.terms[n];
            if (!term.is_variable) body.back().constants.emplace_back(n, hold(term.number));
        }
    }
    const RuleId added = kernel.add_rule(id(rule.head.table), body, {}, nullptr);
    texts_[added] = rule;
    return added;
}

RuleId Engine::add_fold(const FoldText& how) {
    const std::vector<FoldPart> parts = {{true, Aggregate::kCount, 0},
                                         {false, Aggregate::kCount, 0},
                                         {false, Aggregate::kMax, 0}};
    return kernel.add_fold(id(how.head), 1, {id(how.input)}, parts, nullptr);
}

std::unique_ptr<Plan> Engine::plan(RuleId rule, PlanKind kind, std::uint32_t literal) {
    const Names names{[this](const std::string& table) { return &relation(table); },
                      [this](int value) { return hold(value); }};
    const std::uint32_t taste = rule + literal;
    if (kind != PlanKind::kEdges) return write_plan(texts_.at(rule), kind, literal, names, taste);
    ++edge_plans;
    return write_plan(edges_of(texts_.at(rule), literal), PlanKind::kWhole, 0, names, taste);
}

std::optional<ClosureShape> Engine::closure(const std::vector<RuleId>& rules) {
    return find_closure(texts_, rules);
}

// --- changes

void Engine::change(const std::string& table, const std::vector<Row>& added,
                    const std::vector<Row>& removed) {
    const std::vector<Id> to_add = encode(added);
    const std::vector<Id> to_remove = encode(removed);
    kernel.change(id(table), to_add, to_remove);
}

void Engine::replace(const std::string& table, const std::vector<Row>& rows) {
    const std::vector<Id> cells = encode(rows);
    kernel.replace(id(table), cells);
}

void Engine::step() {
    kernel.propagate();
    kernel.end_step();
}

void Engine::finish() {
    step();
    kernel.commit();
}

// --- what is in it

std::vector<std::string> Engine::names() const {
    std::vector<std::string> all;
    for (const auto& [name, id] : ids_) all.push_back(name);
    return all;
}

Rows Engine::rows(const std::string& table) {
    const Relation& read = relation(table);
    Rows found;
    for (RowId row = 0; row < read.end(); ++row) {
        if (!read.is_in(row, State::kNew)) continue;
        require(found.insert(decode(read, row)).second, "a row is in the table twice");
    }
    require_equal(found.size(), read.size(), "size() is not the number of rows of " + table);
    return found;
}

Rows Engine::added(const std::string& table) {
    const Relation& read = relation(table);
    Rows found;
    read.each_added([&](RowId row) {
        require(found.insert(decode(read, row)).second, "an added row is told twice");
    });
    return found;
}

Rows Engine::removed(const std::string& table) {
    const Relation& read = relation(table);
    Rows found;
    read.each_removed([&](RowId row) {
        require(found.insert(decode(read, row)).second, "a removed row is told twice");
    });
    return found;
}

std::uint32_t Engine::support(const std::string& table, const Row& row) {
    const Relation& read = relation(table);
    const std::vector<Id> cells = encode({row});
    const RowId found = read.find(cells.data());
    require(found != kNoRow && read.is_in(found, State::kNew), "the row is not there");
    return read.support(found);
}

Contents Engine::contents() {
    Contents all;
    for (const auto& [name, id] : ids_) {
        const Relation& read = kernel.relation(id);
        auto& rows = all.rows[name];
        for (RowId row = 0; row < read.end(); ++row) {
            if (read.is_in(row, State::kNew)) rows[decode(read, row)] = read.support(row);
        }
    }
    return all;
}

namespace {

void require_index_agrees(const Relation& relation, const Index& index) {
    std::map<std::vector<Id>, std::set<RowId>> expected;
    for (RowId row = 0; row < relation.end(); ++row) {
        if (!relation.is_in(row, State::kNew)) continue;
        std::vector<Id> key;
        for (const std::uint32_t column : index.columns()) {
            key.push_back(relation.row(row)[column]);
        }
        expected[key].insert(row);
    }
    for (const auto& [key, rows] : expected) {
        const Index::Rows found = index.find(key.data(), hash_cells(key.data(), key.size()));
        std::set<RowId> answer;
        for (std::uint32_t n = 0; n < found.length; ++n) answer.insert(index.row_at(found, n));
        require(answer == rows && found.length == rows.size(), "an index gives other rows");
    }
    require_equal(index.keys(), expected.size(), "an index has another number of keys");
}

}  // namespace

void require_indexes_agree(Relation& relation) {
    require(relation.is_settled(), "rows are left that are in no state");
    for (const auto& columns : relation.index_columns()) {
        const auto index = relation.share_index(columns);
        if (index->is_filled()) require_index_agrees(relation, *index);
    }
}

}  // namespace congress::tests
