// Pages against all rows put in order, over tables from which rows went.
#include "pages.h"

#include <algorithm>
#include <vector>

#include "engine.h"
#include "harness.h"

namespace congress::tests {
namespace {

// Numbers before texts, and texts of the same length.
int random_cell(Random& random) {
    static constexpr int kCells[] = {0, 1, 2, 3, 100, 101, 102};
    return kCells[below(random, std::size(kCells))];
}

// The rows that a page has, in its order.
std::vector<Row> page(Engine& engine, const Row* after, std::size_t limit) {
    const Relation& table = engine.relation("t");
    std::vector<Id> cells;
    if (after != nullptr) cells = engine.encode({*after});
    Watch watch;
    std::vector<Row> rows;
    for (const RowId row : page_of(table, engine.kernel.symbols(),
                                   after != nullptr ? cells.data() : nullptr, limit, watch)) {
        rows.push_back(engine.decode(table, row));
    }
    return rows;
}

std::vector<Row> expected(const Rows& all, const Row* after, std::size_t limit) {
    std::vector<Row> rows;
    for (const Row& row : all) {
        if (rows.size() < limit && (after == nullptr || row > *after)) rows.push_back(row);
    }
    return rows;
}

const Model agrees("a page has the first rows behind another", 60, [](Random& random) {
    Engine engine;
    engine.add_base("t", 2);
    for (unsigned changes = 1 + below(random, 4); changes != 0; --changes) {
        std::vector<Row> added, removed;
        for (unsigned n = below(random, 30); n != 0; --n) {
            added.push_back({random_cell(random), random_cell(random)});
        }
        for (const Row& row : engine.rows("t")) {
            if (happens(random, 30)) removed.push_back(row);
        }
        engine.change("t", added, removed);
        if (happens(random, 50)) engine.step();  // … whose rows are there until the commit
        if (happens(random, 50)) engine.finish();
        const Rows all = engine.rows("t");
        const Row after = {random_cell(random), random_cell(random)};
        for (const std::size_t limit : {std::size_t{0}, std::size_t{1}, std::size_t{5}, all.size()}) {
            require_equal(page(engine, nullptr, limit), expected(all, nullptr, limit), "from the first");
            require_equal(page(engine, &after, limit), expected(all, &after, limit), "behind a row");
        }
    }
});

}  // namespace
}  // namespace congress::tests
