#include <map>
#include <vector>

#include "harness.h"
#include "hash.h"
#include "relation.h"

namespace congress::tests {
namespace {

using Cells2 = std::vector<Id>;
using State2 = std::map<Cells2, std::uint32_t>;  // rows with their supports

// A relation beside sorted maps of what it should hold now, before the step and at each kept step.
class RelationModel {
public:
    explicit RelationModel(Random& random)
        : random_(random),
          width_(below(random, 4)),
          kind_(static_cast<Support>(below(random, 3))),
          values_(1 + below(random, 12)) {
        dirty_.reserve(1);
    }

    void run() {
        Symbols symbols;
        for (std::uint32_t n = 0; n < values_; ++n) {
            texts_.push_back(symbols.intern_text("v" + std::to_string(n)));
        }
        for (const Id text : texts_) symbols.retain(text);
        {
            Relation relation(width_, kind_, symbols, dirty_);
            relation_ = &relation;
            for (int n = 0; n < 60; ++n) transaction();
            indexes_.clear();  // they must not outlive the relation
        }
        for (const Id text : texts_) symbols.release(text);
        symbols.collect(1000);
        require_equal(symbols.size(), std::size_t{3}, "a row was released too seldom");
    }

private:
    Cells2 random_row() {
        Cells2 row;
        for (std::uint32_t n = 0; n < width_; ++n) row.push_back(texts_[below(random_, values_)]);
        return row;
    }
    std::uint32_t hash(const Cells2& row) const { return hash_cells(row.data(), width_); }
    RowId place(const Cells2& row) const { return relation_->find(row.data(), hash(row)); }
    std::uint32_t random_support() {
        return happens(random_, 3) ? 200 + below(random_, 400) : 1 + below(random_, 9);
    }

    void transaction() {
        kept_.clear();
        before_.clear();
        for (unsigned steps = below(random_, 4); steps != 0; --steps) {
            step();
            if (relation_->is_dirty() && happens(random_, 25)) {
                relation_->undo_step();
                now_ = old_;
                dirty_.clear();
            } else if (relation_->is_dirty()) {
                before_.push_back(old_);
                kept_.emplace_back();
                relation_->keep_step(kept_.back());
                dirty_.clear();
            }
            check();
            while (!kept_.empty() && happens(random_, 20)) undo();
        }
        if (happens(random_, 50)) {
            step();
            relation_->commit_step();
            dirty_.clear();
        } else if (happens(random_, 30)) {
            while (!kept_.empty()) undo();
        }
        for (const StepLog& log : kept_) relation_->commit(log);
        old_ = now_;
        check();
        require(relation_->is_settled(), "rows without a state are left after the end");
    }
    void undo() {
        relation_->undo(kept_.back());
        now_ = before_.back();
        kept_.pop_back();
        before_.pop_back();
        check();
    }

    void step() {
        old_ = now_;
        for (unsigned n = below(random_, 30); n != 0; --n) change();
        check();
        check_changes();
        if (happens(random_, 10)) add_index();
    }
    void change() {
        const Cells2 row = random_row();
        const auto found = now_.find(row);
        if (kind_ == Support::kCount) {
            count(row, found);
        } else if (found == now_.end()) {
            const std::uint32_t support = random_support();
            require(relation_->show(row.data(), hash(row), support) != kNoRow, "it was not there");
            now_[row] = support;
        } else if (happens(random_, 30)) {
            require(relation_->show(row.data(), hash(row), 1) == kNoRow, "it was there");
        } else if (happens(random_, 30)) {
            found->second = random_support();
            relation_->set_support(place(row), found->second);
        } else {
            relation_->hide(place(row));
            now_.erase(found);
        }
    }
    void count(const Cells2& row, State2::iterator found) {
        if (found == now_.end()) {
            const unsigned times = happens(random_, 3) ? 300 : 1;
            for (unsigned n = 0; n < times; ++n) relation_->count(row.data(), hash(row), 1);
            now_[row] = times;
            return;
        }
        const bool is_more = happens(random_, 40);
        relation_->count(row.data(), hash(row), is_more ? 1 : -1);
        found->second += is_more ? 1 : ~std::uint32_t{0};
        if (found->second == 0) now_.erase(found);
    }
    void add_index() {
        if (indexes_.size() == 3 || width_ == 0) return;
        std::vector<std::uint32_t> columns{below(random_, width_)};
        if (happens(random_, 50)) columns.push_back(below(random_, width_));
        indexes_.push_back(relation_->share_index(columns));
        relation_->fill(*indexes_.back());
    }

    State2 read(State state) const {
        State2 rows;
        for (RowId row = 0; row < relation_->end(); ++row) {
            if (!relation_->is_in(row, state)) continue;
            const Id* cells = relation_->row(row);
            rows[Cells2(cells, cells + width_)] = relation_->support(row);
        }
        return rows;
    }
    static std::vector<Cells2> keys(const State2& rows) {
        std::vector<Cells2> all;
        for (const auto& [row, support] : rows) all.push_back(row);
        return all;
    }
    void check() {
        State2 expected = now_;
        if (kind_ == Support::kNone) {
            for (auto& [row, support] : expected) support = 0;
        }
        require(read(State::kNew) == expected, "it holds other rows");
        require_equal(relation_->size(), now_.size(), "size() is wrong");
        if (relation_->is_dirty()) {
            require(keys(read(State::kOld)) == keys(old_), "it held other rows before the step");
            require_equal(relation_->old_size(), old_.size(), "old_size() is wrong");
        }
        for (const auto& index : indexes_) check_index(*index);
    }
    void check_index(const Index& index) const {
        for (RowId row = 0; row < relation_->end(); ++row) {
            const bool is_there =
                relation_->is_in(row, State::kNew) || relation_->is_in(row, State::kOld);
            if (!is_there) continue;
            Id key[4];
            for (std::size_t n = 0; n < index.columns().size(); ++n) {
                key[n] = relation_->row(row)[index.columns()[n]];
            }
            const Index::Rows found = index.find(key, hash_cells(key, index.columns().size()));
            unsigned times = 0;
            for (std::uint32_t n = 0; n < found.length; ++n) {
                times += index.row_at(found, n) == row;
            }
            require_equal(times, 1u, "an index does not have a row once");
        }
    }
    void check_changes() const {
        State2 replayed = old_;
        std::size_t changes = 0;
        const auto cells = [&](RowId row) {
            return Cells2(relation_->row(row), relation_->row(row) + width_);
        };
        relation_->each_removed([&](RowId row) { changes += 1 + 0 * replayed.erase(cells(row)); });
        relation_->each_added([&](RowId row) {
            ++changes;
            replayed[cells(row)] = 0;
        });
        require(keys(replayed) == keys(now_), "the changes told do not lead to the new state");
        require(relation_->has_net_change() == (changes != 0), "has_net_change() is wrong");
    }

    Random& random_;
    std::uint32_t width_;
    Support kind_;
    std::uint32_t values_;
    std::vector<Id> texts_;
    std::vector<Relation*> dirty_;
    Relation* relation_ = nullptr;
    std::vector<std::shared_ptr<Index>> indexes_;
    State2 now_;
    State2 old_;  // before the step
    std::vector<StepLog> kept_;
    std::vector<State2> before_;  // of each kept step
};

const Model agrees("a relation agrees with a sorted map", 40,
                   [](Random& random) { RelationModel(random).run(); });

}  // namespace
}  // namespace congress::tests
