// The closure of a table's rows under edges, found breadth first.
#pragma once

#include <cstdint>
#include <optional>

#include "buffer.h"
#include "executor.h"
#include "guard.h"
#include "new_rows.h"
#include "relation.h"
#include "slots.h"

namespace congress {

// Edges between cells. Each cell that is at an end of one has a number, a node.
class EdgeGraph : public Sink {
public:
    static constexpr std::uint32_t kNoNode = 0xFFFF'FFFF;

    // Takes edges: rows of two cells, with the height that they give to what follows by them.
    void take(const Derived& rows) override;
    // Orders the edges by where they begin. No more are taken. Raises: as Guard::pass.
    void finish(Guard& guard);

    std::size_t edges() const { return edges_.size(); }  // until it is finished
    std::uint32_t nodes() const { return static_cast<std::uint32_t>(cells_.size()); }
    std::uint32_t find(Id cell) const;  // kNoNode when it is at no edge
    Id cell(std::uint32_t node) const { return cells_[node]; }
    std::uint32_t first_edge(std::uint32_t node) const { return first_[node]; }
    std::uint32_t last_edge(std::uint32_t node) const { return first_[node + 1]; }
    std::uint32_t target(std::uint32_t edge) const { return targets_[edge]; }
    std::uint32_t height(std::uint32_t edge) const { return heights_.empty() ? 0 : heights_[edge]; }

private:
    struct Edge {
        std::uint32_t from;
        std::uint32_t to;
        std::uint32_t height;
    };

    std::uint32_t number(Id cell);
    void order_edges(Guard& guard);
    void renumber(Guard& guard);

    Slots slots_;                   // numbers of nodes by the hash of their cells
    Buffer<Id> cells_;              // by node
    Buffer<Edge> edges_;            // in the order in which they came
    Buffer<std::uint32_t> first_;   // by node: its first edge; one more at the end
    Buffer<std::uint32_t> targets_;
    Buffer<std::uint32_t> heights_; // empty when all are 0
};

// All cells of a row but one stay, and that one moves along the edges. Rows that share the cells
// that stay are a group; from the rows of a group one search finds all that follows. Where it has
// been is told by the number of the search in an array over the nodes: no row is looked for.
// Invariant: each row that is found is higher than the one that it was found from, and at least as
// high as its edge asks for.
class Closure {
public:
    // The table holds the rows to begin with.
    Closure(Relation& table, std::uint32_t column) : table_(table), column_(column) {}

    EdgeGraph& edges() { return graph_; }
    // Gets ready to search from the table's rows. Raises: as Guard::pass.
    void begin(Guard& guard);
    // Adds what follows from one more group to the table; false: there is none left.
    // Raises: as Guard::spend_of, and std::bad_alloc.
    bool grow(Guard& guard);
    // Makes the rows that were added ones like all others. Raises: as NewRows::place.
    void finish(Guard& guard);
    // Takes the rows that were added away, before they are finished. Raises: std::bad_alloc.
    void take_back();

private:
    // A row to begin with, and the node that it moves from.
    struct Begun {
        RowId row;
        std::uint32_t node;
    };

    std::uint32_t group_of(RowId row);
    void order_groups(Guard& guard);
    bool stays_same(RowId left, RowId right) const;
    std::uint32_t start(std::uint32_t group);
    std::uint32_t search(std::uint32_t begun, Guard& guard);
    void show(RowId like, std::uint32_t from, std::uint32_t to);

    Relation& table_;
    std::uint32_t column_;
    EdgeGraph graph_;

    Slots groups_;                    // numbers of groups by the hash of the cells that stay
    Buffer<std::uint32_t> first_;     // by group: its first row in begun_; one more at the end
    Buffer<Begun> begun_;
    Buffer<std::uint32_t> order_;     // groups, as they are searched from
    std::uint32_t searches_ = 0;      // that were begun

    Buffer<std::uint32_t> seen_;      // by node: the last search that came by, from 1
    Buffer<std::uint32_t> reached_;   // nodes of the present search, in the order of their heights
    Buffer<std::uint32_t> heights_;   // … and their rows' heights
    Buffer<std::uint64_t> bindings_;  // by height: edges that were followed from such rows

    std::optional<NewRows> new_rows_;
    Buffer<Id> cells_;                // scratch of `show`
    Buffer<std::uint32_t> hashes_;
    Buffer<RowId> shown_;             // rows that were added one batch after the other
};

}  // namespace congress
