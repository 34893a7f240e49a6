#include "kernel.h"

#include <algorithm>
#include <string>

#include "hash.h"

namespace congress {

namespace {

constexpr std::size_t kForgottenPerCommit = 4096;  // symbols: some 0.2 ms

constexpr std::uint32_t kNoSupports[kBatch] = {};  // of base rows

bool comes_later(const Component* left, const Component* right) {
    return left->order > right->order;
}

// Takes an item out once, if it is there: it may not have come so far when memory was short.
template <class T>
void erase_one(std::vector<T*>& list, T* item) {
    const auto found = std::find(list.begin(), list.end(), item);
    if (found != list.end()) list.erase(found);
}

// Afterwards so many more items can be put in without asking for memory.
template <class T>
void make_room(std::vector<T>& list, std::size_t extra) {
    if (list.capacity() - list.size() >= extra) return;
    list.reserve(std::max(list.size() + extra, 2 * list.size()));
}

template <class T>
T& get(const std::vector<std::unique_ptr<T>>& list, std::uint32_t id, const char* what) {
    if (id >= list.size() || list[id] == nullptr) {
        throw InvalidPlan("there is no " + std::string(what) + " " + std::to_string(id));
    }
    return *list[id];
}

// The first free number, or one behind the last.
template <class T>
std::uint32_t new_place(std::vector<std::unique_ptr<T>>& list) {
    const auto place =
        static_cast<std::size_t>(std::find(list.begin(), list.end(), nullptr) - list.begin());
    if (place == list.size()) list.emplace_back();
    return static_cast<std::uint32_t>(place);
}

}  // namespace

Kernel::~Kernel() = default;

Kernel::Table& Kernel::table(RelationId id) { return get(tables_, id, "relation"); }
Rule& Kernel::rule(RuleId id) { return get(rules_, id, "rule"); }
Component& Kernel::component(ComponentId id) { return get(components_, id, "component"); }

void Kernel::note(std::function<void()> undo) { log_.push_back({{}, std::move(undo)}); }

// --- what there is

RelationId Kernel::add_relation(std::uint32_t width, Support kind) {
    const RelationId id = new_place(tables_);
    dirty_.reserve(tables_.size());
    auto made = std::make_unique<Table>();
    made->relation = std::make_shared<Relation>(width, kind, symbols_, dirty_);
    made->relation->set_id(id);
    made->id = id;
    note([this, id] { tables_[id].reset(); });
    tables_[id] = std::move(made);
    return id;
}

void Kernel::drop_relation(RelationId id) {
    Table& dropped = table(id);
    bool is_used = !dropped.rules.empty();
    dropped.readers.each([&](const Rule* reader) { is_used |= !reader->is_removed; });
    if (is_used) {
        throw InvalidPlan("relation " + std::to_string(id) + " is still used by rules");
    }
    make_room(at_commit_, 1);
    note([this] { at_commit_.pop_back(); });
    at_commit_.push_back([this, id] {
        Component* const own = tables_[id]->component;
        if (own != nullptr) erase_one(own->tables, tables_[id]->relation.get());
        tables_[id].reset();
        forget_empty_component(own);
    });
}

void Kernel::forget_empty_component(const Component* component) {
    if (component == nullptr || !component->tables.empty()) return;
    for (auto& known : components_) {
        if (known.get() == component) known.reset();
    }
}

ComponentId Kernel::add_component(const std::vector<RelationId>& tables, bool is_recursive,
                                  std::uint64_t order) {
    const ComponentId id = new_place(components_);
    auto made = std::make_unique<Component>();
    made->order = order;
    made->is_recursive = is_recursive;
    for (const RelationId each : tables) {
        Table& member = table(each);
        made->tables.push_back(member.relation.get());
        made->rules.insert(made->rules.end(), member.rules.begin(), member.rules.end());
    }
    note([this, id] { components_[id].reset(); });
    components_[id] = std::move(made);
    Component* const own = components_[id].get();
    for (const RelationId each : tables) {
        Table& member = table(each);
        if (member.component != nullptr) leave(*member.component);
        note([&member, before = member.component, kind = member.relation->kind()] {
            member.component = before;
            member.relation->set_kind(kind);
            for (Rule* rule : member.rules) rule->component = before;
        });
        member.component = own;
        member.relation->set_kind(is_recursive ? Support::kHeight : Support::kCount);
        for (Rule* rule : member.rules) rule->component = own;
    }
    return id;
}

// All tables of a component go to others; what is to be done in it is void: those are rebuilt.
void Kernel::leave(Component& component) {
    if (component.is_left) return;
    make_room(at_commit_, 1);
    note([this, &component] {
        at_commit_.pop_back();
        component.is_left = false;
    });
    component.is_left = true;
    at_commit_.push_back([this, &component] {
        // A table that is dropped in this transaction is still its own.
        std::erase_if(component.tables, [&](const Relation* member) {
            return table(member->id()).component != &component;
        });
        std::erase_if(component.rules,
                      [&](const Rule* rule) { return rule->component != &component; });
        component.is_left = false;
        forget_empty_component(&component);
    });
}

void Kernel::set_order(ComponentId id, std::uint64_t order) {
    Component& changed = component(id);
    note([&changed, before = changed.order] { changed.order = before; });
    changed.order = order;
}

// --- one step

void Kernel::show_rows(Relation& relation, std::span<const Id> rows) {
    const std::size_t width = relation.width();
    if (width == 0) {
        if (!rows.empty()) relation.show(rows.data(), hash_cells(rows.data(), 0), 0);
        return;
    }
    const std::size_t count = rows.size() / width;
    for (std::size_t first = 0; first < count; first += kBatch) {
        const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(kBatch, count - first));
        const Id* cells = &rows[first * width];
        std::uint32_t hashes[kBatch];
        for (std::uint32_t n = 0; n < size; ++n) hashes[n] = hash_cells(cells + n * width, width);
        watch_.spend(size);
        shown_.clear();
        relation.show_many(cells, hashes, kNoSupports, size, shown_);
    }
}

void Kernel::change(RelationId id, std::span<const Id> added, std::span<const Id> removed) {
    Relation& changed = relation(id);
    const std::size_t width = std::max<std::size_t>(changed.width(), 1);
    for (std::size_t at = 0; at < removed.size(); at += width) {
        watch_.spend(1);
        const RowId row = changed.find(&removed[at]);
        if (row != kNoRow && changed.is_in(row, State::kNew)) changed.hide(row);
    }
    show_rows(changed, added);
}

void Kernel::replace(RelationId id, std::span<const Id> rows) {
    Relation& changed = relation(id);
    for (RowId row = 0; row < changed.end(); ++row) {
        watch_.spend(1);
        if (changed.is_in(row, State::kNew)) changed.hide(row);
    }
    show_rows(changed, rows);
}

std::unique_ptr<Rule> Kernel::make_rule(RuleId id, RelationId head,
                                        const std::vector<LiteralGiven>& body,
                                        FailureLog* failures) {
    auto made = std::make_unique<Rule>();
    made->id = id;
    made->head = &relation(head);
    made->component = table(head).component;
    made->failures = failures;
    if (made->component == nullptr) {
        throw InvalidPlan("relation " + std::to_string(head) + " is in no component");
    }
    for (const LiteralGiven& literal : body) {
        Relation& read = relation(literal.relation);
        for (const auto& [column, id] : literal.constants) {
            if (column >= read.width() || !symbols_.is_known(id)) {
                throw InvalidPlan("a literal has a constant where it cannot be");
            }
        }
        made->body.push_back({&read, literal.is_negated, literal.constants});
    }
    made->variants.resize(body.size());
    return made;
}

RuleId Kernel::admit(std::unique_ptr<Rule> rule) {
    Rule* const added = rule.get();
    note([this, added] {
        delist(*added);
        stop_reading(*added);
        rules_[added->id].reset();
    });
    rules_[added->id] = std::move(rule);
    enlist(*added);
    start_reading(*added);
    enqueue(*added->component);
    added->component->work.added.push_back(added);
    added->is_added = true;
    return added->id;
}

RuleId Kernel::add_rule(RelationId head, const std::vector<LiteralGiven>& body,
                        const std::vector<RelationId>& asks, FailureLog* failures) {
    auto made = make_rule(new_place(rules_), head, body, failures);
    for (const RelationId asked : asks) made->asks.push_back(&relation(asked));
    return admit(std::move(made));
}

RuleId Kernel::add_fold(RelationId head, std::uint32_t groups,
                        const std::vector<RelationId>& inputs, std::vector<FoldPart> parts,
                        FailureLog* failures) {
    std::vector<LiteralGiven> body;
    std::vector<Relation*> tables;
    for (const RelationId input : inputs) {
        body.push_back({input, false, {}});
        tables.push_back(&relation(input));
    }
    auto made = make_rule(new_place(rules_), head, body, failures);
    made->follower = std::make_unique<Fold>(*made->head, groups, std::move(tables),
                                            std::move(parts), symbols_, failures);
    return admit(std::move(made));
}

RuleId Kernel::add_crossings(RelationId head, RelationId texts, RelationId clock, Builtin& moment,
                             AgeCondition condition, FailureLog* failures) {
    const std::vector<LiteralGiven> body = {{texts, false, {}}, {clock, false, {}}};
    auto made = make_rule(new_place(rules_), head, body, failures);
    made->follower = std::make_unique<Crossings>(*made->head, relation(texts), relation(clock),
                                                 moment, std::move(condition), symbols_, failures);
    return admit(std::move(made));
}

void Kernel::remove_rule(RuleId id) {
    Rule& removed = rule(id);
    make_room(at_commit_, 1);
    if (removed.is_added) {  // in this step: nothing has come from it yet
        erase_one(removed.component->work.added, &removed);
        removed.is_added = false;
    } else {
        enqueue(*removed.component);
        removed.component->work.removed.push_back(&removed);
    }
    note([this, &removed] {
        at_commit_.pop_back();
        removed.is_removed = false;
        enlist(removed);  // where it has been: there is room
    });
    delist(removed);
    // Ordering: readers still list it until the commit, so that a rollback asks for no memory.
    removed.is_removed = true;
    at_commit_.push_back([this, id] {
        stop_reading(*rules_[id]);
        rules_[id].reset();
    });
}

void Kernel::rebuild(ComponentId id) {
    Component& rebuilt = component(id);
    enqueue(rebuilt);
    rebuilt.work.is_rebuilt = true;
}

void Kernel::replan(RuleId id) { ++rule(id).version; }

void Kernel::enlist(Rule& rule) {
    rule.component->rules.push_back(&rule);
    table(rule.head->id()).rules.push_back(&rule);
}

void Kernel::delist(Rule& rule) {
    erase_one(rule.component->rules, &rule);
    erase_one(table(rule.head->id()).rules, &rule);
}

void Kernel::start_reading(Rule& rule) {
    for (const Literal& literal : rule.body) {
        table(literal.relation->id()).readers.add(&rule, literal.constants);
    }
    for (const Relation* asked : rule.asks) table(asked->id()).readers.add(&rule, {});
}

void Kernel::stop_reading(Rule& rule) {
    for (const Literal& literal : rule.body) {
        table(literal.relation->id()).readers.remove(&rule, literal.constants);
    }
    for (const Relation* asked : rule.asks) table(asked->id()).readers.remove(&rule, {});
}

void Kernel::enqueue(Component& component) {
    if (component.is_queued) return;
    queue_.push_back(&component);
    std::push_heap(queue_.begin(), queue_.end(), comes_later);
    component.is_queued = true;
}

void Kernel::enqueue_readers(Relation& relation, const Component* own) {
    table(relation.id()).readers.each_reached(relation, [&](Rule* reader) {
        Component& component = *reader->component;
        if (&component == own || reader->is_touched || reader->is_added) return;
        if (reader->is_removed) return;
        enqueue(component);
        component.work.touched.push_back(reader);
        reader->is_touched = true;
    });
}

std::vector<RelationId> Kernel::propagate() {
    ++version_;
    std::vector<RelationId> changed;
    const std::size_t given = dirty_.size();
    for (std::size_t n = 0; n < given; ++n) {
        if (!dirty_[n]->has_net_change()) continue;
        changed.push_back(dirty_[n]->id());
        enqueue_readers(*dirty_[n], nullptr);
    }
    std::make_heap(queue_.begin(), queue_.end(), comes_later);  // orders may have changed
    while (!queue_.empty()) {
        Component& next = *queue_.front();
        std::pop_heap(queue_.begin(), queue_.end(), comes_later);
        queue_.pop_back();
        next.is_queued = false;
        const Work work = std::exchange(next.work, {});
        for (Rule* rule : work.touched) rule->is_touched = false;
        for (Rule* rule : work.added) rule->is_added = false;
        if (next.is_left) continue;
        note_followers(next, work);
        maintenance_.refresh(next, work);
        for (Relation* own : next.tables) {
            if (!own->has_net_change()) continue;
            changed.push_back(own->id());
            enqueue_readers(*own, &next);
        }
    }
    return changed;
}

// Ordering: before they change, so that whatever happens they are taken back.
void Kernel::note_followers(const Component& component, const Work& work) {
    const auto note = [&](const std::vector<Rule*>& rules) {
        for (Rule* rule : rules) {
            if (rule->follower != nullptr) dirty_followers_.push_back(rule->follower.get());
        }
    };
    note(work.touched);
    note(work.added);
    note(work.removed);
    if (work.is_rebuilt) note(component.rules);
}

void Kernel::keep_followers() {
    make_room(log_, dirty_followers_.size());
    kept_followers_.reserve(kept_followers_.size() + dirty_followers_.size());
    for (Follower* follower : dirty_followers_) {
        follower->keep_step();
        note([this, follower] {
            kept_followers_.pop_back();
            follower->undo_last();
        });
        kept_followers_.push_back(follower);
    }
    dirty_followers_.clear();
}

void Kernel::end_step() {
    keep_followers();
    make_room(log_, dirty_.size());
    for (Relation* relation : dirty_) {
        log_.emplace_back();
        relation->keep_step(log_.back().step);
    }
    dirty_.clear();
}

// --- transactions

void Kernel::forget_work() {
    for (Component* component : queue_) {
        // A rule that was added goes itself.
        for (Rule* rule : component->work.touched) rule->is_touched = false;
        component->work = {};
        component->is_queued = false;
    }
    queue_.clear();
}

std::size_t Kernel::touched_rows(Mark mark) const {
    std::size_t rows = 0;
    for (const Relation* relation : dirty_) rows += relation->touched_rows();
    for (std::size_t n = mark; n < log_.size(); ++n) rows += log_[n].step.rows();
    return rows;
}

void Kernel::rollback(Mark mark) {
    ++version_;
    ++span_;
    forget_work();
    for (Relation* relation : dirty_) relation->undo_step();
    dirty_.clear();
    for (Follower* follower : dirty_followers_) follower->undo_step();
    dirty_followers_.clear();
    while (log_.size() > mark) {
        Entry& last = log_.back();
        if (last.undo) {
            last.undo();
        } else {
            last.step.relation->undo(last.step);
        }
        log_.pop_back();
    }
}

void Kernel::commit() {
    ++span_;
    for (Relation* relation : dirty_) relation->commit_step();
    dirty_.clear();
    for (Follower* follower : dirty_followers_) follower->commit();
    for (Follower* follower : kept_followers_) follower->commit();
    dirty_followers_.clear();
    kept_followers_.clear();
    for (const Entry& entry : log_) {
        if (!entry.undo) entry.step.relation->commit(entry.step);
    }
    log_.clear();
    for (const auto& act : at_commit_) act();
    at_commit_.clear();
    symbols_.collect(kForgottenPerCommit);
}

std::size_t Kernel::bytes() const {
    std::size_t total = symbols_.bytes();
    for (const auto& table : tables_) {
        if (table != nullptr) total += table->relation->bytes();
    }
    for (const auto& rule : rules_) {
        if (rule != nullptr && rule->follower != nullptr) total += rule->follower->bytes();
    }
    return total;
}

}  // namespace congress
