#include "value_trees.h"

#include <algorithm>
#include <cmath>

#include "hash.h"
#include "order.h"

namespace congress {

bool is_before(const Symbols& symbols, Id left, Id right) {
    if (!is_symbol(left) && !is_symbol(right)) return left < right;
    const Type left_type = symbols.value(left).type;
    const Type right_type = symbols.value(right).type;
    const bool is_right_text = right_type == Type::kText;
    if ((left_type == Type::kText) != is_right_text) return is_right_text;
    if (is_less(symbols, left, right)) return true;
    if (left_type == right_type || is_less(symbols, right, left)) return false;
    return left_type == Type::kInteger;
}

bool is_greater(const Symbols& symbols, Id left, Id right) {
    if (is_less(symbols, right, left)) return true;
    if (is_less(symbols, left, right)) return false;
    return symbols.value(left).type == Type::kInteger &&
           symbols.value(right).type == Type::kFloat;
}

// By number, so that nothing about the values can make a tree a list.
std::uint32_t ValueTrees::rank(std::uint32_t node) { return hash_cell(node + 1); }

const ValueTrees::Node* ValueTrees::find(Root root, Id value) const {
    while (root != kEmpty && nodes_[root].value != value) {
        root = is_before(symbols_, value, nodes_[root].value) ? nodes_[root].left
                                                              : nodes_[root].right;
    }
    return root == kEmpty ? nullptr : &nodes_[root];
}

void ValueTrees::prepare(Root& root, std::uint32_t owner, Id value) {
    if (find(root, value) != nullptr) return;
    reserve_nodes(1);
    root = with(root, make(owner, {value, 0}));
}

void ValueTrees::reserve_nodes(std::size_t count) {
    nodes_.reserve_more(count);
    unused_.reserve_more(nodes_.size() + count - unused_.size());
}

std::uint32_t ValueTrees::make(std::uint32_t owner, Counted counted) {
    std::uint32_t node = free_;
    if (node == kEmpty) {
        node = static_cast<std::uint32_t>(nodes_.size());
        nodes_.push_reserved({});
    } else {
        free_ = nodes_[node].left;
    }
    const bool is_used = counted.rows != 0;
    nodes_[node] = {counted.value, counted.rows, owner, kEmpty, kEmpty, is_used, false, false};
    symbols_.retain(counted.value);
    if (!is_used) list(node);
    return node;
}

void ValueTrees::fill(Root& root, std::uint32_t owner, Buffer<Counted>& values) {
    if (values.empty()) return;
    std::sort(values.begin(), values.end(), [&](const Counted& left, const Counted& right) {
        return is_before(symbols_, left.value, right.value);
    });
    std::size_t distinct = 0;
    for (const Counted& each : values) {
        if (distinct != 0 && values[distinct - 1].value == each.value) {
            values[distinct - 1].rows += each.rows;
        } else {
            values[distinct++] = each;
        }
    }
    values.truncate(distinct);
    Buffer<std::uint32_t> spine;  // from the root to the right
    spine.reserve_more(distinct);
    reserve_nodes(distinct);
    for (const Counted& each : values) {
        const std::uint32_t node = make(owner, each);
        // Those of lower rank come below the new one: they are complete.
        while (!spine.empty() && rank(spine.back()) < rank(node)) {
            nodes_[node].left = spine.back();
            note_used(spine.back());
            spine.pop_back();
        }
        if (!spine.empty()) nodes_[spine.back()].right = node;
        spine.push_reserved(node);
    }
    root = spine[0];
    for (; !spine.empty(); spine.pop_back()) note_used(spine.back());
}

void ValueTrees::list(std::uint32_t node) {
    if (nodes_[node].is_listed) return;
    nodes_[node].is_listed = true;
    unused_.push_reserved(node);
}

void ValueTrees::note_used(Root root) {
    Node& node = nodes_[root];
    node.is_used = node.rows != 0 || is_used(node.left) || is_used(node.right);
}

ValueTrees::Root ValueTrees::with(Root root, std::uint32_t node) {
    if (root == kEmpty) return node;
    Node& top = nodes_[root];
    const bool goes_left = is_before(symbols_, nodes_[node].value, top.value);
    const Root below = with(goes_left ? top.left : top.right, node);
    (goes_left ? top.left : top.right) = below;
    if (rank(below) <= rank(root)) return root;
    // The new node rises: it takes the place of the one above it.
    if (goes_left) {
        top.left = nodes_[below].right;
        nodes_[below].right = root;
    } else {
        top.right = nodes_[below].left;
        nodes_[below].left = root;
    }
    note_used(root);
    note_used(below);
    return below;
}

void ValueTrees::add(Root root, Id value, int step) {
    Node& node = nodes_[root];
    if (node.value == value) {
        node.rows += static_cast<std::uint32_t>(step);
        if (node.rows == 0) list(root);
    } else {
        add(is_before(symbols_, value, node.value) ? node.left : node.right, value, step);
    }
    note_used(root);
}

Id ValueTrees::least(Root root) const {
    while (is_used(nodes_[root].left) || nodes_[root].rows == 0) {
        root = is_used(nodes_[root].left) ? nodes_[root].left : nodes_[root].right;
    }
    return nodes_[root].value;
}

Id ValueTrees::greatest(Root top) const {
    Root root = top;
    while (is_used(nodes_[root].right) || nodes_[root].rows == 0) {
        root = is_used(nodes_[root].right) ? nodes_[root].right : nodes_[root].left;
    }
    const Id found = nodes_[root].value;
    const Value value = symbols_.value(found);
    constexpr double kTwoTo63 = 9223372036854775808.0;
    if (value.type != Type::kFloat || value.real < -kTwoTo63 || value.real >= kTwoTo63 ||
        value.real != std::trunc(value.real)) {
        return found;
    }
    const auto equal = symbols_.find_integer(static_cast<std::int64_t>(value.real));
    const Node* node = equal ? find(top, *equal) : nullptr;
    return node != nullptr && node->rows != 0 ? *equal : found;
}

ValueTrees::Root ValueTrees::without(Root root, std::uint32_t node) {
    Node& top = nodes_[root];
    if (root == node) return joined(top.left, top.right);
    Root& below = is_before(symbols_, nodes_[node].value, top.value) ? top.left : top.right;
    below = without(below, node);
    note_used(root);
    return root;
}

ValueTrees::Root ValueTrees::joined(Root left, Root right) {
    if (left == kEmpty) return right;
    if (right == kEmpty) return left;
    const bool left_rises = rank(left) > rank(right);
    const Root top = left_rises ? left : right;
    if (left_rises) {
        nodes_[left].right = joined(nodes_[left].right, right);
    } else {
        nodes_[right].left = joined(left, nodes_[right].left);
    }
    note_used(top);
    return top;
}

void ValueTrees::drop(Root& root) {
    if (root == kEmpty) return;
    drop(nodes_[root].left);
    drop(nodes_[root].right);
    free_node(root);
    root = kEmpty;
}

void ValueTrees::free_node(std::uint32_t node) {
    symbols_.release(nodes_[node].value);
    nodes_[node].is_free = true;
    nodes_[node].rows = 0;
    nodes_[node].left = free_;
    free_ = node;
}

void ValueTrees::clear() {
    for (const Node& node : nodes_) {
        if (!node.is_free) symbols_.release(node.value);
    }
    nodes_.clear();
    unused_.clear();
    free_ = kEmpty;
}

}  // namespace congress
