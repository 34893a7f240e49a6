#include <algorithm>
#include <array>
#include <new>
#include <unordered_map>
#include <vector>

#include "failing_allocator.h"
#include "harness.h"
#include "index.h"

namespace congress::tests {
namespace {

std::vector<RowId> find(const Index& index, std::vector<Id> key) {
    const Index::Rows found = index.find(key.data(), hash_cells(key.data(), key.size()));
    std::vector<RowId> rows;
    for (std::uint32_t n = 0; n < found.length; ++n) rows.push_back(index.row_at(found, n));
    std::ranges::sort(rows);
    return rows;
}

const Test lengths("a posting grows beyond 64 rows and shrinks to none", [] {
    Buffer<Id> cells;
    for (Id row = 0; row < 300; ++row) cells.push_back(row % 3);
    Index index({0}, Cells{&cells, 1});
    for (RowId row = 0; row < 300; ++row) index.insert(row);
    std::vector<RowId> expected;
    for (RowId row = 0; row < 300; ++row) {
        if (row % 3 == 1) expected.push_back(row);
    }
    for (std::size_t n = 0; !expected.empty(); n = n * 7 + 3) {
        require_equal(find(index, {1}), expected, "other rows");
        const auto place = expected.begin() + static_cast<std::ptrdiff_t>(n % expected.size());
        index.erase(*place);
        expected.erase(place);
    }
    require(find(index, {1}).empty() && index.keys() == 2, "the key is still there");
});

const Test reused("blocks of postings are used again", [] {
    Buffer<Id> cells;
    for (Id row = 0; row < 100; ++row) cells.push_back(7);
    Index index({0}, Cells{&cells, 1});
    std::size_t bytes = 0;
    for (int round = 0; round < 20; ++round) {
        for (RowId row = 0; row < 100; ++row) index.insert(row);
        for (RowId row = 0; row < 100; ++row) index.erase(row);
        if (round == 2) bytes = index.bytes();
    }
    require_equal(index.bytes(), bytes, "it grows from round to round");
});

const Test columns("the columns of a key come in the order of the index", [] {
    Buffer<Id> cells;
    const Id rows[] = {1, 2, 3, 3, 2, 1};
    cells.append(rows, 6);
    Index index({2, 0}, Cells{&cells, 3});
    index.build(2, [](RowId) { return true; });
    require_equal(find(index, {3, 1}), std::vector<RowId>{0}, "the first row");
    require_equal(find(index, {1, 3}), std::vector<RowId>{1}, "the second row");
    require(find(index, {2, 1}).empty(), "there is no such key");
});

const Test none("an index without columns has all rows", [] {
    Buffer<Id> cells;
    cells.resize(3, 5);
    Index index({}, Cells{&cells, 1});
    index.build(3, [](RowId row) { return row != 1; });
    require_equal(find(index, {}), std::vector<RowId>{0, 2}, "other rows");
});

const Test rebuilt("an index for which memory was short is built at the next attempt", [] {
    Buffer<Id> cells;
    for (Id row = 0; row < 400; ++row) cells.push_back(row % 5 == 0 ? 0 : row);
    Index index({0}, Cells{&cells, 1});
    for (std::uint64_t number = 1; !index.is_filled(); ++number) {
        try {
            const FailingAllocator failing(number);
            index.build(400, [](RowId) { return true; });
        } catch (const std::bad_alloc&) {
        }
    }
    require_equal(find(index, {0}).size(), std::size_t{80}, "rows came twice, or not");
    require_equal(index.keys(), std::size_t{321}, "other keys");
});

const Test numbers("numbers of postings are used again", [] {
    Buffer<Id> cells;
    for (Id row = 0; row < 200; ++row) cells.push_back(row % 50);
    Index index({0}, Cells{&cells, 1});
    std::size_t bytes = 0;
    for (int round = 0; round < 20; ++round) {
        for (RowId row = 0; row < 200; ++row) index.insert(row);
        for (RowId row = 0; row < 200; ++row) index.erase(row);
        if (round == 2) bytes = index.bytes();
    }
    require_equal(index.bytes(), bytes, "it grows from round to round");
});

// Two keys of two cells with one hash: one in some 65,000 keys has another's.
std::array<Id, 4> keys_of_one_hash() {
    Random random(1);
    std::unordered_map<std::uint32_t, std::array<Id, 2>> seen;
    for (;;) {
        const std::array<Id, 2> key = {static_cast<Id>(random()), static_cast<Id>(random())};
        const auto [place, is_new] = seen.try_emplace(hash_cells(key.data(), 2), key);
        const std::array<Id, 2> other = place->second;
        if (!is_new && other != key) return {key[0], key[1], other[0], other[1]};
    }
}

const Test one_hash("keys of the same hash are told apart", [] {
    const std::array<Id, 4> keys = keys_of_one_hash();
    Buffer<Id> cells;
    for (int times = 0; times < 2; ++times) cells.append(keys.data(), keys.size());
    Index index({0, 1}, Cells{&cells, 2});
    index.build(3, [](RowId) { return true; });
    require_equal(find(index, {keys[0], keys[1]}), std::vector<RowId>{0, 2}, "the first key");
    require_equal(find(index, {keys[2], keys[3]}), std::vector<RowId>{1}, "the second key");
    index.insert(3);
    require_equal(find(index, {keys[2], keys[3]}), std::vector<RowId>{1, 3}, "it has two rows");
});

}  // namespace
}  // namespace congress::tests
