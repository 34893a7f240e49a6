#include "closure.h"

#include <algorithm>

#include "hash.h"

namespace congress {

namespace {

// From how many things are in each part to where the parts end; who puts in each part's things goes
// from there down to where it begins.
void start_parts(Buffer<std::uint32_t>& parts) {
    std::uint32_t end = 0;
    for (std::uint32_t& part : parts) part = end += part;
}

}  // namespace

// --- edges

std::uint32_t EdgeGraph::find(Id cell) const {
    // The hash of one cell is a bijection.
    const std::size_t slot = slots_.find(hash_cell(cell), [](std::uint32_t) { return true; });
    return slots_.is_gap(slot) ? kNoNode : slots_.number(slot);
}

std::uint32_t EdgeGraph::number(Id cell) {
    slots_.reserve_more(1);
    const std::uint32_t hash = hash_cell(cell);
    const std::size_t slot = slots_.find(hash, [](std::uint32_t) { return true; });
    if (!slots_.is_gap(slot)) return slots_.number(slot);
    cells_.push_back(cell);
    slots_.fill(slot, hash, nodes() - 1);
    return nodes() - 1;
}

void EdgeGraph::take(const Derived& rows) {
    edges_.reserve_more(rows.count);
    for (std::uint32_t n = 0; n < rows.count; ++n) {
        const Id* row = rows.row(n);
        const std::uint32_t from = number(row[0]);
        edges_.push_reserved({from, number(row[1]), rows.heights[n]});
    }
}

void EdgeGraph::finish(Guard& guard) {
    order_edges(guard);
    renumber(guard);
    order_edges(guard);
    edges_.free_memory();
}

// Puts the edges in the order of the nodes where they begin.
void EdgeGraph::order_edges(Guard& guard) {
    first_.clear();
    first_.resize(std::size_t{nodes()} + 1, 0);
    guard.each_below(edges_.size(), [&](std::size_t n) { ++first_[edges_[n].from]; });
    start_parts(first_);
    targets_.resize(edges_.size(), 0);
    const auto is_high = [](const Edge& edge) { return edge.height != 0; };
    if (std::any_of(edges_.begin(), edges_.end(), is_high)) heights_.resize(edges_.size(), 0);
    guard.each_below(edges_.size(), [&](std::size_t n) {
        const Edge& edge = edges_[n];
        const std::uint32_t place = --first_[edge.from];
        targets_[place] = edge.to;
        if (!heights_.empty()) heights_[place] = edge.height;
    });
}

// Numbers the nodes anew, each before those that it leads to as far as they have no number yet: a
// search then finds most of what it needs side by side.
void EdgeGraph::renumber(Guard& guard) {
    Buffer<std::uint32_t> numbers;  // by node: its new number
    numbers.resize(nodes(), kNoNode);
    Buffer<std::uint32_t> waiting;
    waiting.reserve_more(edges_.size() + 1);
    std::uint32_t next = 0;
    guard.each_below(nodes(), [&](std::uint32_t root) {
        waiting.push_reserved(root);
        while (!waiting.empty()) {
            const std::uint32_t node = waiting.back();
            waiting.pop_back();
            if (numbers[node] != kNoNode) continue;
            numbers[node] = next++;
            guard.pass(last_edge(node) - first_edge(node));
            for (std::uint32_t edge = last_edge(node); edge-- > first_edge(node);) {
                if (numbers[target(edge)] == kNoNode) waiting.push_reserved(target(edge));
            }
        }
    });
    Buffer<Id> cells;
    cells.resize(nodes(), 0);
    for (std::uint32_t node = 0; node < nodes(); ++node) cells[numbers[node]] = cells_[node];
    cells_.swap(cells);
    guard.each_below(edges_.size(), [&](std::size_t n) {
        Edge& edge = edges_[n];
        edge = {numbers[edge.from], numbers[edge.to], edge.height};
    });
    slots_.renumber([&](std::uint32_t node) { return numbers[node]; });
}

// --- groups

bool Closure::stays_same(RowId left, RowId right) const {
    for (std::uint32_t column = 0; column < table_.width(); ++column) {
        if (column != column_ && table_.row(left)[column] != table_.row(right)[column]) return false;
    }
    return true;
}

// The number of the group of a row; `first_` has a row of each group.
std::uint32_t Closure::group_of(RowId row) {
    Id stays[kMaxColumns];
    Id* cell = stays;
    for (std::uint32_t column = 0; column < table_.width(); ++column) {
        if (column != column_) *cell++ = table_.row(row)[column];
    }
    const std::uint32_t hash = hash_cells(stays, table_.width() - 1);
    groups_.reserve_more(1);
    const std::size_t slot =
        groups_.find(hash, [&](std::uint32_t group) { return stays_same(first_[group], row); });
    if (!groups_.is_gap(slot)) return groups_.number(slot);
    first_.push_back(row);
    const auto group = static_cast<std::uint32_t>(first_.size() - 1);
    groups_.fill(slot, hash, group);
    return group;
}

void Closure::begin(Guard& guard) {
    graph_.finish(guard);
    seen_.resize(graph_.nodes(), 0);
    // One more: a node is written behind the last before it is known to be a new one.
    reached_.resize(std::size_t{graph_.nodes()} + 1, 0);
    heights_.resize(std::size_t{graph_.nodes()} + 1, 0);
    Buffer<std::uint32_t> groups;  // of the rows in turn
    groups.reserve_more(table_.size());
    const auto each_row = [&](auto use) {
        guard.each_below(table_.end(), [&](RowId row) {
            if (table_.is_in(row, State::kNew)) use(row);
        });
    };
    each_row([&](RowId row) { groups.push_reserved(group_of(row)); });
    const std::size_t count = first_.size();
    first_.clear();
    first_.resize(count + 1, 0);
    for (const std::uint32_t group : groups) ++first_[group];
    start_parts(first_);
    begun_.resize(groups.size(), {});
    const std::uint32_t* group = groups.begin();
    each_row([&](RowId row) {
        begun_[--first_[*group++]] = {row, graph_.find(table_.row(row)[column_])};
    });
    order_groups(guard);
    if (NewRows::fits(table_)) new_rows_.emplace(table_);
}

// Neighbours in the graph are searched from one after the other: what they reach is much the same.
void Closure::order_groups(Guard& guard) {
    const auto groups = static_cast<std::uint32_t>(first_.size() - 1);
    const auto node_of = [&](std::uint32_t group) {
        const std::uint32_t node = begun_[first_[group]].node;
        return node == EdgeGraph::kNoNode ? graph_.nodes() : node;
    };
    Buffer<std::uint32_t> parts;  // by node: where the groups that begin there are
    parts.resize(std::size_t{graph_.nodes()} + 1, 0);
    guard.each_below(groups, [&](std::uint32_t group) { ++parts[node_of(group)]; });
    start_parts(parts);
    order_.resize(groups, 0);
    guard.each_below(groups, [&](std::uint32_t n) {
        const std::uint32_t group = groups - 1 - n;
        order_[--parts[node_of(group)]] = group;
    });
}

// --- searches

bool Closure::grow(Guard& guard) {
    if (searches_ == order_.size()) return false;
    const std::uint32_t group = order_[searches_++];
    const std::uint32_t begun = start(group);
    const std::uint32_t end = search(begun, guard);
    if (end != begun) show(begun_[first_[group]].row, begun, end);
    return true;
}

// Puts the nodes of a group's rows into `reached_`; gives how many those are.
std::uint32_t Closure::start(std::uint32_t group) {
    std::uint32_t end = 0;
    for (std::uint32_t place = first_[group]; place < first_[group + 1]; ++place) {
        const auto [row, node] = begun_[place];
        if (node == EdgeGraph::kNoNode) continue;
        seen_[node] = searches_;
        reached_[end] = node;
        heights_[end++] = table_.support(row);
    }
    return end;
}

// Follows the edges of all that is reached; gives how many nodes those are at the end.
std::uint32_t Closure::search(std::uint32_t begun, Guard& guard) {
    std::uint32_t end = begun;
    for (std::uint32_t at = 0; at < end; ++at) {
        const std::uint32_t height = heights_[at];
        const std::uint32_t first = graph_.first_edge(reached_[at]);
        const std::uint32_t last = graph_.last_edge(reached_[at]);
        for (std::uint32_t edge = first; edge < last; ++edge) {
            const std::uint32_t target = graph_.target(edge);
            reached_[end] = target;
            heights_[end] = std::max(height + 1, graph_.height(edge));
            end += seen_[target] != searches_;
            seen_[target] = searches_;
        }
        // A round would have made as many from the rows of this height.
        if (height >= bindings_.size()) bindings_.resize(height + std::size_t{1}, 0);
        bindings_[height] += last - first;
        guard.spend_of(bindings_[height], last - first + 1);
    }
    return end;
}

// Adds the rows of the nodes at [from, to).
void Closure::show(RowId like, std::uint32_t from, std::uint32_t to) {
    cells_.clear();
    if (new_rows_.has_value()) {
        Id* cells = cells_.extend(to - from);
        for (std::uint32_t at = from; at < to; ++at) *cells++ = graph_.cell(reached_[at]);
        new_rows_->write(like, column_, cells_.data(), &heights_[from], to - from);
        return;
    }
    const std::uint32_t width = table_.width();
    for (; from < to; from += kBatch) {
        const std::uint32_t count = std::min(kBatch, to - from);
        cells_.clear();
        hashes_.clear();
        for (std::uint32_t n = 0; n < count; ++n) {
            Id* cells = cells_.extend(width);
            std::copy_n(table_.row(like), width, cells);
            cells[column_] = graph_.cell(reached_[from + n]);
            hashes_.push_back(hash_cells(cells, width));
        }
        table_.show_many(cells_.data(), hashes_.data(), &heights_[from], count, shown_);
    }
}

void Closure::take_back() {
    new_rows_.reset();
    for (const RowId row : shown_) table_.hide(row);
    shown_.clear();
}

void Closure::finish(Guard& guard) {
    if (new_rows_.has_value()) new_rows_->place(guard);
}

}  // namespace congress
