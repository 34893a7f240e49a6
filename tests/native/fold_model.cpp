// Folds against a naive recomputation, over random transactions: kept, taken back and committed,
// with requests for memory that fail on the way.
#include "fold.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "failing_allocator.h"
#include "harness.h"
#include "hash.h"
#include "naive_fold.h"

namespace congress::tests {
namespace {

// A head over some inputs, as it is and as it should be.
struct Case {
    std::uint32_t groups;
    std::vector<Relation*> inputs;
    std::vector<FoldPart> parts;
    Relation head;
    NotedFailures failures;
    Fold fold;
    NaiveFold naive;

    Case(std::uint32_t groups, std::vector<Relation*> inputs, std::vector<FoldPart> parts,
         Symbols& symbols, std::vector<Relation*>& dirty)
        : groups(groups),
          inputs(inputs),
          parts(parts),
          head(static_cast<std::uint32_t>(parts.size()), Support::kCount, symbols, dirty),
          failures(symbols),
          fold(head, groups, inputs, parts, symbols, &failures),
          naive(symbols, groups, parts) {}
};

CellRows rows_of(const Relation& relation) {
    CellRows rows;
    for (RowId row = 0; row < relation.end(); ++row) {
        if (!relation.is_in(row, State::kNew)) continue;
        rows.insert(Cells(relation.row(row), relation.row(row) + relation.width()));
        require(relation.kind() != Support::kCount || relation.support(row) == 1,
              "a row of a head has another number of derivations");
    }
    return rows;
}

// Tables, folds over them, and what the kernel does with both.
class World {
public:
    World(Random& random, bool has_large_groups)
        : random_(random), has_large_groups_(has_large_groups) {
        dirty_.reserve(64);
        // Bodies have columns (group, value, key, other); inputs are projections of them.
        for (const std::uint32_t width : {3u, 2u, 2u, 4u}) {
            inputs_.push_back(
                std::make_unique<Relation>(width, Support::kNone, symbols_, dirty_));
        }
        Relation* const values = inputs_[0].get();
        Relation* const others = inputs_[1].get();
        Relation* const whole = inputs_[2].get();
        Relation* const wide = inputs_[3].get();
        const auto group = [](std::uint32_t column) {
            return FoldPart{true, Aggregate::kCount, column};
        };
        const auto part = [](Aggregate function, std::uint32_t input) {
            return FoldPart{false, function, input};
        };
        using enum Aggregate;
        add(1, {values, others}, {group(0), part(kCount, 0), part(kCount, 1)});
        add(1, {values}, {part(kSum, 0), group(0)});
        add(1, {values}, {group(0), part(kAverage, 0)});
        add(1, {values}, {group(0), part(kMin, 0), part(kMax, 0)});
        add(1, {values, others},
            {part(kMax, 1), group(0), group(0), part(kSum, 0), part(kMin, 0)});
        add(1, {values}, {part(kAverage, 0), group(0), part(kCount, 0)});
        add(0, {whole}, {part(kMin, 0), part(kMax, 0), part(kCount, 0)});
        add(0, {whole}, {part(kSum, 0), part(kAverage, 0)});
        add(3, {wide}, {group(2), part(kMax, 0), group(0), group(1)});
        symbols_before_ = symbols_.size();
        make_values();
    }

    void run(int transactions) {
        for (int n = 0; n < transactions; ++n) transact();
        finish();
    }

private:
    struct Body {
        Id group, value, key, other;
        auto operator<=>(const Body&) const = default;
    };
    // What a step left behind, to be taken back.
    struct Kept {
        std::vector<StepLog> logs;
        std::set<Body> body_before;
        std::vector<CellRows> heads_before;
    };

    std::uint32_t below(std::size_t bound) { return tests::below(random_, bound); }

    void add(std::uint32_t groups, std::vector<Relation*> inputs, std::vector<FoldPart> parts) {
        cases_.push_back(std::make_unique<Case>(groups, inputs, parts, symbols_, dirty_));
    }

    void make_values() {
        const auto integer = [&](std::int64_t value) {
            values_.push_back(symbols_.intern_integer(value));
        };
        const auto real = [&](double value) { values_.push_back(symbols_.intern_float(value)); };
        switch (below(5)) {
            case 0:
                for (int n = -40; n < 40; ++n) integer(n);
                break;
            case 1:
                for (int n = -20; n < 20; ++n) real(n * 0.375);
                for (int n = -20; n < 20; ++n) integer(n);
                real(0x1p30 + 0x1p-20);
                break;
            case 2:
                integer(std::numeric_limits<std::int64_t>::max());
                integer(std::numeric_limits<std::int64_t>::min());
                integer((std::int64_t{1} << 53) + 1);
                real(0x1p53);
                real(0x1p63);
                real(-0x1p63);
                for (int n = 0; n < 20; ++n) integer((std::int64_t{1} << 62) + n);
                break;
            case 3:
                for (int n = 0; n < 60; ++n) {
                    values_.push_back(symbols_.intern_text("text " + std::to_string(n * n)));
                }
                if (below(2) == 0) integer(7);
                break;
            default:
                for (int n = 0; n < 30; ++n) integer(n);
                for (int n = 0; n < 30; ++n) real(n / 8.0);
                values_.push_back(Symbols::kNullId);
                values_.push_back(Symbols::kTrueId);
                values_.push_back(symbols_.intern_text("word"));
        }
        for (const Id id : values_) symbols_.retain(id);
    }

    Body random_body() {
        const std::uint32_t groups = has_large_groups_ ? 2 : 12;
        const auto group = static_cast<std::int64_t>(below(groups)) * 1'000'000'000'000;
        // Rare values, as nulls, come and go with the key.
        const std::size_t most = below(20) == 0 ? values_.size() : values_.size() - 3;
        return {symbols_.intern_integer(group), values_[below(most)],
                symbols_.intern_integer(static_cast<std::int64_t>(below(8))),
                values_[below(values_.size())]};
    }

    std::set<Body> changed_body() {
        std::set<Body> after = body_;
        if (below(8) == 0) return after;
        const std::uint32_t kind = below(10);
        if (kind == 0) {  // most rows go
            std::erase_if(after, [&](const Body&) { return below(10) != 0; });
        }
        const std::uint32_t added = kind == 1 ? 200 : below(6);
        for (std::uint32_t n = 0; n < added; ++n) after.insert(random_body());
        const std::uint32_t removed = kind == 2 ? 100 : below(6);
        for (std::uint32_t n = 0; n < removed && !after.empty(); ++n) {
            after.erase(std::next(after.begin(), static_cast<long>(below(after.size()))));
        }
        return after;
    }

    std::vector<CellRows> projections(const std::set<Body>& body) const {
        std::vector<CellRows> rows(4);
        for (const Body& row : body) {
            rows[0].insert({row.group, row.value, row.key});
            rows[1].insert({row.group, row.other});
            rows[2].insert({row.value, row.key});
            rows[3].insert({row.group, row.key, row.other, row.value});
        }
        return rows;
    }

    void change_inputs(const std::set<Body>& after) {
        const auto wanted = projections(after);
        for (std::size_t n = 0; n < inputs_.size(); ++n) {
            const CellRows present = rows_of(*inputs_[n]);
            for (const Cells& row : present) {
                if (!wanted[n].contains(row)) inputs_[n]->hide(inputs_[n]->find(row.data()));
            }
            for (const Cells& row : wanted[n]) {
                inputs_[n]->show(row.data(), hash_cells(row.data(), row.size()), 0);
            }
        }
    }

    void refresh_folds(const std::set<Body>& after) {
        for (const auto& each : cases_) {
            if (below(2) == 0 && body_ == after) continue;  // nothing to follow
            if (below(6) != 0) {
                each->fold.refresh(guard_);
            } else {  // as when a rule is switched off and on
                each->fold.count_all(State::kOld, -1, guard_);
                each->fold.count_all(State::kNew, 1, guard_);
            }
        }
    }

    void check_heads() {
        const auto rows = projections(body_);
        for (const auto& each : cases_) {
            std::vector<CellRows> inputs;
            for (const Relation* input : each->inputs) inputs.push_back(rows[place(input)]);
            NotedFailures expected(symbols_);
            require_equal(rows_of(each->head), each->naive.fold(inputs, expected),
                          "a head holds other rows");
            for (const auto& failure : each->failures.noted) {
                require(expected.noted.contains(failure), "what is noted does not fail");
            }
            each->failures.noted.clear();
        }
    }

    std::size_t place(const Relation* input) const {
        return static_cast<std::size_t>(
            std::ranges::find_if(inputs_, [&](const auto& own) { return own.get() == input; }) -
            inputs_.begin());
    }

    std::vector<CellRows> heads() const {
        std::vector<CellRows> rows;
        for (const auto& each : cases_) rows.push_back(rows_of(each->head));
        return rows;
    }

    // One step; gives whether it was done, and not stopped for want of memory.
    bool step(bool may_fail) {
        const auto before = heads();
        const std::set<Body> after = changed_body();
        try {
            const FailingAllocator failing(may_fail ? 1 + below(200) : 0);
            change_inputs(after);
            refresh_folds(after);
        } catch (const std::bad_alloc&) {
            take_back_step();
            require(heads() == before, "a step that failed left a trace");
            for (const auto& each : cases_) each->failures.noted.clear();
            return false;
        }
        const std::set<Body> body_before = std::exchange(body_, after);
        check_heads();
        if (below(5) == 0) {
            take_back_step();
            body_ = body_before;
            require(heads() == before, "a step is not taken back");
            return false;
        }
        keep_step(body_before, before);
        return true;
    }

    void take_back_step() {
        const NoAllocation none;
        for (const auto& each : cases_) each->fold.undo_step();
        for (Relation* relation : dirty_) relation->undo_step();
        dirty_.clear();
    }

    void keep_step(const std::set<Body>& body_before, const std::vector<CellRows>& heads_before) {
        Kept kept;
        kept.body_before = body_before;
        kept.heads_before = heads_before;
        kept.logs.reserve(dirty_.size());
        {
            const NoAllocation none;
            for (Relation* relation : dirty_) {
                kept.logs.emplace_back();
                relation->keep_step(kept.logs.back());
            }
            dirty_.clear();
            for (const auto& each : cases_) each->fold.keep_step();
        }
        kept_.push_back(std::move(kept));
    }

    void take_back_kept() {
        Kept& last = kept_.back();
        {
            const NoAllocation none;
            for (auto log = last.logs.rbegin(); log != last.logs.rend(); ++log) {
                log->relation->undo(*log);
            }
            for (const auto& each : cases_) each->fold.undo_last();
        }
        require(heads() == last.heads_before, "a step that was kept is not taken back");
        body_ = last.body_before;
        kept_.pop_back();
        check_heads();
    }

    void transact() {
        const std::uint32_t steps = 1 + below(5);
        for (std::uint32_t n = 0; n < steps; ++n) {
            step(below(4) == 0);
            while (!kept_.empty() && below(4) == 0) take_back_kept();
        }
        if (below(5) == 0) {
            while (!kept_.empty()) take_back_kept();
        }
        commit();
    }

    void commit() {
        {
            const NoAllocation none;
            for (Relation* relation : dirty_) relation->commit_step();
            dirty_.clear();
            for (Kept& kept : kept_) {
                for (const StepLog& log : kept.logs) log.relation->commit(log);
            }
            for (const auto& each : cases_) each->fold.commit();
            symbols_.collect(below(2) == 0 ? 1'000'000 : 3);
        }
        kept_.clear();
        check_heads();
    }

    // Without rows nothing may be held any more.
    void finish() {
        change_inputs({});
        for (const auto& each : cases_) each->fold.refresh(guard_);
        body_.clear();
        commit();
        for (const Id id : values_) symbols_.release(id);
        symbols_.collect(1'000'000);
        require(symbols_.size() == symbols_before_, "an id is held that is not used");
    }

    Random& random_;
    bool has_large_groups_;
    Symbols symbols_;
    std::vector<Relation*> dirty_;
    std::vector<std::unique_ptr<Relation>> inputs_;
    std::vector<std::unique_ptr<Case>> cases_;
    std::vector<Id> values_;
    std::size_t symbols_before_ = 0;
    std::set<Body> body_;
    std::vector<Kept> kept_;
    Watch watch_;
    Guard guard_{{}, watch_, 0};
};

// Replaces rows of one large group with fresh values, one at a time.
const Test forgotten("values of a large group that are gone are forgotten", [] {
    Symbols symbols;
    std::vector<Relation*> dirty;
    dirty.reserve(8);
    Relation input(2, Support::kNone, symbols, dirty);
    Relation head(2, Support::kCount, symbols, dirty);
    const FoldPart group{true, Aggregate::kCount, 0};
    Fold fold(head, 1, {&input}, {group, {false, Aggregate::kMax, 0}}, symbols, nullptr);
    Watch watch;
    Guard guard({}, watch, 0);
    const auto row = [&](int number) {
        return Cells{inline_id(1), symbols.intern_float(number / 4.0)};
    };
    std::size_t bytes = 0;
    for (int number = 0; number < 20'000; ++number) {
        const Cells added = row(number);
        const Cells removed = row(number - 200);
        input.show(added.data(), hash_cells(added.data(), 2), 0);
        if (number >= 200) input.hide(input.find(removed.data()));
        fold.refresh(guard);
        require(rows_of(head) == CellRows{added}, "the latest value is not the greatest");
        for (Relation* relation : dirty) relation->commit_step();
        dirty.clear();
        fold.commit();
        symbols.collect(100);
        // With colliding hashes the tables find their size late.
        if (number == 10'000) bytes = fold.bytes() + symbols.bytes();
    }
    require(fold.bytes() + symbols.bytes() == bytes, "memory grows");
});

const Test sums("sums of groups that are gone are forgotten", [] {
    Symbols symbols;
    std::vector<Relation*> dirty;
    dirty.reserve(8);
    Relation input(2, Support::kNone, symbols, dirty);
    Relation head(2, Support::kCount, symbols, dirty);
    const FoldPart group{true, Aggregate::kCount, 0};
    Fold fold(head, 1, {&input}, {group, {false, Aggregate::kSum, 0}}, symbols, nullptr);
    Watch watch;
    Guard guard({}, watch, 0);
    const Id half = symbols.intern_float(0.5);
    std::size_t bytes = 0;
    for (int number = 0; number < 500; ++number) {
        const Cells added{inline_id(number), half};
        const Cells removed{inline_id(number - 1), half};
        input.show(added.data(), hash_cells(added.data(), 2), 0);
        if (number != 0) input.hide(input.find(removed.data()));
        fold.refresh(guard);
        require(rows_of(head) == CellRows{added}, "there is another group");
        for (Relation* relation : dirty) relation->commit_step();
        dirty.clear();
        fold.commit();
        if (number == 250) bytes = fold.bytes();
    }
    require(fold.bytes() == bytes, "memory grows");
});

const Test anew("a fold whose loading was taken back knows nothing, and loads again", [] {
    Symbols symbols;
    std::vector<Relation*> dirty;
    dirty.reserve(8);
    Relation input(2, Support::kNone, symbols, dirty);
    Relation head(2, Support::kCount, symbols, dirty);
    const FoldPart group{true, Aggregate::kCount, 0};
    Fold fold(head, 1, {&input}, {group, {false, Aggregate::kSum, 0}}, symbols, nullptr);
    Watch watch;
    Guard guard({}, watch, 0);
    for (int number = 1; number < 4; ++number) {
        const Cells row{inline_id(1), inline_id(number)};
        input.show(row.data(), hash_cells(row.data(), 2), 0);
        input.commit_step();
        dirty.clear();
        fold.refresh(guard);
        const Cells sum{inline_id(1), inline_id(number * (number + 1) / 2)};
        require(rows_of(head) == CellRows{sum}, "it loads what is there");
        if (number != 2) {
            fold.undo_step();
        } else {
            fold.keep_step();
            fold.undo_last();
        }
        head.undo_step();
        dirty.clear();
    }
});

const Model small("folds of many groups agree with a naive recomputation", 10,
                  [](Random& random) { World(random, false).run(30); });
const Model large("folds of large groups agree with a naive recomputation", 10,
                  [](Random& random) { World(random, true).run(30); });

}  // namespace
}  // namespace congress::tests
