#include "pages.h"

#include <algorithm>
#include <compare>

#include "order.h"

namespace congress {

namespace {

std::strong_ordering compare_rows(const Symbols& symbols, const Id* left, const Id* right,
                                  std::uint32_t width) {
    for (std::uint32_t column = 0; column < width; ++column) {
        const auto order = compare_shown(symbols, left[column], right[column]);
        if (order != std::strong_ordering::equal) return order;
    }
    return std::strong_ordering::equal;
}

}  // namespace

std::vector<RowId> page_of(const Relation& relation, const Symbols& symbols, const Id* after,
                           std::size_t limit, Watch& watch) {
    const auto is_before = [&](const Id* left, const Id* right) {
        return std::is_lt(compare_rows(symbols, left, right, relation.width()));
    };
    const auto by_cells = [&](RowId left, RowId right) {
        return is_before(relation.row(left), relation.row(right));
    };
    std::vector<RowId> page;  // a heap, the last in order on top
    for (RowId row = 0; row < relation.end() && limit != 0; ++row) {
        watch.spend(1);
        if (!relation.is_in(row, State::kNew)) continue;
        if (after != nullptr && !is_before(after, relation.row(row))) continue;
        if (page.size() == limit) {
            if (!by_cells(row, page.front())) continue;
            std::ranges::pop_heap(page, by_cells);
            page.pop_back();
        }
        page.push_back(row);
        std::ranges::push_heap(page, by_cells);
    }
    std::ranges::sort_heap(page, by_cells);
    return page;
}

}  // namespace congress
