#include <initializer_list>

#include "errors.h"
#include "failing_allocator.h"
#include "harness.h"
#include "hash.h"
#include "relation.h"

namespace congress::tests {
namespace {

// A relation of pairs of small integers.
struct Pairs {
    explicit Pairs(Support kind) : relation(2, kind, symbols, dirty) { dirty.reserve(1); }

    RowId find(int left, int right) const {
        const Id cells[] = {inline_id(left), inline_id(right)};
        return relation.find(cells);
    }
    RowId show(int left, int right, std::uint32_t support = 0) {
        const Id cells[] = {inline_id(left), inline_id(right)};
        return relation.show(cells, hash_cells(cells, 2), support);
    }
    void count(int left, int right, int step) {
        const Id cells[] = {inline_id(left), inline_id(right)};
        relation.count(cells, hash_cells(cells, 2), step);
    }
    void commit() {
        relation.commit_step();
        dirty.clear();
    }
    void keep(StepLog& log) {
        relation.keep_step(log);
        dirty.clear();
    }

    void undo(const StepLog& log) {
        const NoAllocation none;
        relation.undo(log);
    }

    Symbols symbols;
    std::vector<Relation*> dirty;
    Relation relation;
};

const Test states("within a step a row is in the old state, the new one, both or neither", [] {
    Pairs pairs(Support::kNone);
    const RowId stays = pairs.show(1, 1);
    const RowId goes = pairs.show(2, 2);
    pairs.commit();
    pairs.relation.hide(goes);
    const RowId comes = pairs.show(3, 3);
    const RowId passes = pairs.show(4, 4);
    pairs.relation.hide(passes);
    const auto is_in = [&](RowId row, bool old_one, bool new_one) {
        return pairs.relation.is_in(row, State::kOld) == old_one &&
               pairs.relation.is_in(row, State::kNew) == new_one;
    };
    require(is_in(stays, true, true) && is_in(goes, true, false), "rows that were there");
    require(is_in(comes, false, true) && is_in(passes, false, false), "rows that are new");
    require(pairs.relation.size() == 2 && pairs.relation.old_size() == 2, "sizes");
    require_equal(pairs.find(2, 2), goes, "a row that goes is found until the end");
    pairs.commit();
    require(pairs.find(2, 2) == kNoRow && pairs.find(4, 4) == kNoRow, "rows that went are found");
    require(pairs.relation.is_settled(), "it is not settled");
});

const Test clean("the end of a step that changed nothing changes nothing", [] {
    Pairs pairs(Support::kNone);
    const RowId goes = pairs.show(1, 1);
    pairs.show(2, 2);
    pairs.commit();
    pairs.relation.hide(goes);
    pairs.commit();
    for (int n = 0; n < 2; ++n) {
        pairs.relation.undo_step();
        pairs.relation.commit_step();
    }
    require(pairs.relation.size() == 1 && pairs.find(2, 2) != kNoRow, "a row went");
    require_equal(pairs.show(3, 3), goes, "the free place is used");
    require(pairs.show(4, 4) == 2, "once");
});

const Test again("a row that goes and comes again is no change", [] {
    Pairs pairs(Support::kNone);
    const RowId row = pairs.show(1, 1);
    pairs.commit();
    pairs.relation.hide(row);
    require_equal(pairs.show(1, 1), row, "it has another place");
    require(pairs.relation.is_dirty() && !pairs.relation.has_net_change(),
            "it is told as a change");
});

const Test places("places of rows that went are used again", [] {
    Pairs pairs(Support::kNone);
    for (int n = 0; n < 10; ++n) pairs.show(n, n);
    pairs.commit();
    for (int round = 0; round < 50; ++round) {
        pairs.relation.hide(pairs.find(round, round));
        pairs.commit();
        pairs.show(round + 10, round + 10);
        pairs.commit();
    }
    require(pairs.relation.end() == 10 && pairs.relation.size() == 10,
            "places were not used again");
});

const Test counts("a row is there while its count is not 0, also beyond 255", [] {
    Pairs pairs(Support::kCount);
    pairs.count(5, 5, 1);
    for (int n = 0; n < 1000; ++n) pairs.count(1, 1, 1);
    pairs.commit();
    require_equal(pairs.relation.support(pairs.find(1, 1)), 1000u, "a large count");
    require_equal(pairs.relation.support(pairs.find(5, 5)), 1u, "a small count beside it");
    for (int n = 0; n < 999; ++n) pairs.count(1, 1, -1);
    require(!pairs.relation.has_net_change(), "one derivation is left, and it is told as gone");
    pairs.count(1, 1, -1);
    require(pairs.relation.has_net_change(), "it went, and is not told");
    pairs.relation.undo_step();
    require_equal(pairs.relation.support(pairs.find(1, 1)), 1000u, "the count did not come back");
});

const Test rollback("kept steps are taken back one after the other", [] {
    Pairs pairs(Support::kHeight);
    const RowId first = pairs.show(1, 1, 3);
    pairs.commit();
    StepLog logs[3];
    pairs.relation.hide(first);
    pairs.show(2, 2, 4);
    pairs.keep(logs[0]);
    pairs.show(1, 1, 7);
    pairs.relation.set_support(pairs.find(2, 2), 300);
    pairs.keep(logs[1]);
    pairs.relation.hide(pairs.find(2, 2));
    pairs.keep(logs[2]);
    require(pairs.relation.size() == 1 && !pairs.relation.is_settled(), "after three steps");
    pairs.undo(logs[2]);
    require_equal(pairs.relation.support(pairs.find(2, 2)), 300u, "after the second step");
    pairs.undo(logs[1]);
    require_equal(pairs.relation.support(pairs.find(2, 2)), 4u, "after the first step");
    require(!pairs.relation.is_in(first, State::kNew), "after the first step");
    pairs.undo(logs[0]);
    require_equal(pairs.relation.support(first), 3u, "before");
    require(pairs.find(2, 2) == kNoRow && pairs.relation.is_settled(), "before");
});

const Test committed("kept steps become final together", [] {
    Pairs pairs(Support::kNone);
    pairs.show(1, 1);
    pairs.commit();
    StepLog logs[2];
    pairs.relation.hide(pairs.find(1, 1));
    pairs.show(2, 2);
    pairs.keep(logs[0]);
    pairs.relation.hide(pairs.find(2, 2));
    pairs.show(1, 1);
    pairs.keep(logs[1]);
    {
        const NoAllocation none;
        for (const StepLog& log : logs) pairs.relation.commit(log);
    }
    require(pairs.find(1, 1) != kNoRow && pairs.find(2, 2) == kNoRow, "other rows");
    require(pairs.relation.is_settled() && pairs.relation.size() == 1, "it is not settled");
});

const Test nullary("a table without columns has one row or none", [] {
    Symbols symbols;
    std::vector<Relation*> dirty;
    dirty.reserve(1);
    Relation relation(0, Support::kCount, symbols, dirty);
    const std::uint32_t hash = hash_cells(nullptr, 0);
    relation.count(nullptr, hash, 1);
    relation.count(nullptr, hash, 1);
    require(relation.size() == 1 && relation.support(relation.find(nullptr, hash)) == 2,
            "two reasons");
    relation.count(nullptr, hash, -1);
    relation.count(nullptr, hash, -1);
    require_equal(relation.size(), std::size_t{0}, "no reason");
});

const Test estimate("how many values columns hold is exact with an index, and near without", [] {
    Pairs pairs(Support::kNone);
    for (int n = 0; n < 20'000; ++n) pairs.show(n % 50, n);
    pairs.commit();
    const std::uint32_t first[] = {0};
    const std::uint32_t second[] = {1};
    const double few = pairs.relation.distinct(first);
    const double many = pairs.relation.distinct(second);
    require(few >= 25 && few <= 100, "fifty values are guessed as " + std::to_string(few));
    require(many >= 10'000 && many <= 40'000, "twenty thousand as " + std::to_string(many));
    const auto index = pairs.relation.share_index(first);
    pairs.relation.fill(*index);
    require(pairs.relation.distinct(first) == 50.0, "an index knows it");
});

const Test short_of_memory("a place for which memory was short is used at the next attempt", [] {
    Pairs pairs(Support::kCount);
    for (int n = 0; n < 10; ++n) pairs.show(n, n, 1);
    const std::uint32_t columns[] = {0};
    const auto index = pairs.relation.share_index(columns);
    pairs.relation.fill(*index);
    pairs.commit();
    pairs.relation.hide(pairs.find(0, 0));
    pairs.commit();
    unsigned failures = 0;  // the last ones while the index makes its first posting
    for (std::uint64_t number = 1; pairs.find(1, 7) == kNoRow; ++number) {
        try {
            const FailingAllocator failing(number);
            pairs.show(1, 7, 1);
        } catch (const std::bad_alloc&) {
            ++failures;
        }
    }
    require(failures >= 2, "it asked for less memory than it needs");
    require(pairs.relation.end() == 10 && pairs.relation.size() == 10, "the place was lost");
});

const Test counted("a row that would follow in 2^32 ways is refused, and none is lost", [] {
    Pairs pairs(Support::kCount);
    pairs.count(1, 2, 1);
    pairs.relation.set_support(pairs.find(1, 2), 0xFFFF'FFFF);
    require_raises<TableFull>([&] { pairs.count(1, 2, 1); }, "it was counted");
    require_equal(pairs.relation.support(pairs.find(1, 2)), 0xFFFF'FFFFu, "it wrapped");
    pairs.count(1, 2, -1);
    require_equal(pairs.relation.support(pairs.find(1, 2)), 0xFFFF'FFFEu, "it stays");
});

}  // namespace
}  // namespace congress::tests
