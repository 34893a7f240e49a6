// Values in order, for the least and the greatest of many.
#pragma once

#include <cstdint>

#include "buffer.h"
#include "symbols.h"
#include "value.h"

namespace congress {

// Whether a value sorts before another: numbers before texts, 1 before 1.0. Neither is null or a
// boolean.
bool is_before(const Symbols& symbols, Id left, Id right);
// Whether it is rather the greatest than another: of 1 and 1.0, which are equally great, 1 is.
bool is_greater(const Symbols& symbols, Id left, Id right);

// Binary search trees over one pool of nodes; each node is a value and how many rows have it. A
// node without rows stays until `forget_unused`, so that a rollback finds it.
// Promises: `add`, `drop` and `forget_unused` ask for no memory. Holds its values.
// Cost: the logarithm of a tree's size, expected, per value.
// Source: Seidel, Aragon, "Randomized Search Trees", Algorithmica 16, 1996.
class ValueTrees {
public:
    using Root = std::uint32_t;
    static constexpr Root kEmpty = ~std::uint32_t{0};

    explicit ValueTrees(Symbols& symbols) : symbols_(symbols) {}
    ~ValueTrees() { clear(); }

    // A value, and how many rows have it.
    struct Counted {
        Id value;
        std::uint32_t rows;
    };

    // Fills an empty tree; `values` are sorted and added up on the way. Strong guarantee.
    // Cost: that of sorting.
    void fill(Root& root, std::uint32_t owner, Buffer<Counted>& values);
    // Makes the value's node if there is none. Strong guarantee. `owner` is whose tree it is.
    void prepare(Root& root, std::uint32_t owner, Id value);
    // One row more or less has the value, which was prepared.
    void add(Root root, Id value, int step);
    // Only while the tree has a row.
    Id least(Root root) const;
    // Of 1 and 1.0, which are equally great, 1.
    Id greatest(Root root) const;

    // Forgets a tree of which all nodes have rows.
    void drop(Root& root);
    // Takes nodes without rows out of their trees; `root_of(owner)` gives the root.
    template <class RootOf>
    void forget_unused(RootOf root_of) {
        for (const std::uint32_t node : unused_) {
            nodes_[node].is_listed = false;
            if (nodes_[node].rows != 0) continue;
            Root& root = root_of(nodes_[node].owner);
            root = without(root, node);
            free_node(node);
        }
        unused_.clear();
    }
    void clear();

    std::size_t bytes() const { return nodes_.bytes() + unused_.bytes(); }

private:
    struct Node {
        Id value;
        std::uint32_t rows;
        std::uint32_t owner;
        Root left;   // of a free node: the next one
        Root right;
        bool is_used;    // it, or a node below it, has rows
        bool is_listed;  // in `unused_`
        bool is_free;    // Invariant: then it is not listed
    };

    static std::uint32_t rank(std::uint32_t node);
    bool is_used(Root root) const { return root != kEmpty && nodes_[root].is_used; }
    const Node* find(Root root, Id value) const;
    void note_used(Root root);
    void list(std::uint32_t node);
    void reserve_nodes(std::size_t count);
    std::uint32_t make(std::uint32_t owner, Counted counted);
    Root with(Root root, std::uint32_t node);
    Root without(Root root, std::uint32_t node);
    Root joined(Root left, Root right);
    void free_node(std::uint32_t node);

    Symbols& symbols_;
    Buffer<Node> nodes_;
    std::uint32_t free_ = kEmpty;
    Buffer<std::uint32_t> unused_;  // Invariant: it has room for every node
};

}  // namespace congress
