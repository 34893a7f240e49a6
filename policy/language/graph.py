"""Which table depends on which, and the cycles that a check refuses.

Nodes are tables of policies and, apart from them, the tables behind modal heads:
`execute[p(x)] :- p(x)` is no cycle.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import networkx as nx

from .ast import Literal, ModalName, Rule
from .builtins import find_call
from .walk import aggregates_of, conjuncts_of


class Node(NamedTuple):
    """A table of a policy or datasource, or the table of a modal."""

    policy: str
    table: str
    modal: ModalName | None = None

    def __str__(self) -> str:
        name = f"{self.policy}:{self.table}"
        return f"{self.modal}[{name}]" if self.modal else name


class Dependency(NamedTuple):
    """One table read by a rule; under an aggregate too, absence in it matters: `negated`."""

    node: Node
    negated: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One edge of a cycle: `head` depends on `reads` by `rule`, which stands in `policy`."""

    head: Node
    reads: Node
    negated: bool
    policy: str
    rule: Rule


def head_of(policy: str, rule: Rule) -> Node:
    """Give the table that a rule of a policy derives."""
    return Node(rule.head.policy or policy, rule.head.table, rule.modal)


def dependencies_of(policy: str, rule: Rule) -> Iterator[Dependency]:
    """Give the tables that a rule reads, in text order; of builtins those that read the clock."""
    is_folded = bool(aggregates_of(rule))
    for conjunct, inside_negation in conjuncts_of(rule.body or ()):
        if isinstance(conjunct, Literal):
            atom, builtin = conjunct.atom, find_call(conjunct.atom)
            negated = is_folded or conjunct.negated or inside_negation
            if builtin is None:
                yield Dependency(Node(atom.policy or policy, atom.table), negated)
            elif builtin.reads is not None:
                yield Dependency(Node(*builtin.reads), negated)


@dataclass(frozen=True, eq=False, slots=True)
class _Reason:
    """A rule that stands behind edges."""

    policy: str
    rule: Rule
    negated_by_node: dict[Node, bool]


class DependencyGraph:
    """The dependencies between the tables of some rules.

    Cost: adding a rule is proportional to the rule.
    """

    def __init__(self, rules: Iterable[tuple[str, Rule]] = ()) -> None:
        self._graph = nx.DiGraph()
        """Each edge has the rules behind it."""
        for policy, rule in rules:
            self.add(policy, rule)

    def add(self, policy: str, rule: Rule) -> None:
        """Take in the dependencies of a rule."""
        head, reason = head_of(policy, rule), _Reason(policy, rule, _negations(policy, rule))
        self._graph.add_node(head)
        for node in reason.negated_by_node:
            if not self._graph.has_edge(head, node):
                self._graph.add_edge(head, node, reasons=[])
            self._graph.edges[head, node]["reasons"].append(reason)

    def cycles(
        self, heads: Iterable[Node], *, prefer: Callable[[Node], bool] = lambda _: False
    ) -> Iterator[list[Step]]:
        """Give a short cycle for each recursive component that the heads reach or belong to.

        Shapes: steps follow each other, the last one reads the head of the first. The cycle has a
            negation where the component has one, else a preferred table where it has one, else
            one of the heads.
        Cost: linear in what the heads depend on, never in the whole program.
        """
        changed = frozenset(heads)
        reached = self._reached_from(changed)
        for members in nx.strongly_connected_components(self._graph.subgraph(reached)):
            inside = frozenset(members)
            if self._is_recursive(inside):
                yield self._cycle(inside, lambda node: (not prefer(node), node not in changed))

    def _reached_from(self, heads: Iterable[Node]) -> set[Node]:
        reached = {node for node in heads if node in self._graph}
        queue = deque(reached)
        while queue:
            for node in self._graph.successors(queue.popleft()):
                if node not in reached:
                    reached.add(node)
                    queue.append(node)
        return reached

    def _is_recursive(self, members: frozenset[Node]) -> bool:
        (first, *others) = members
        return bool(others) or self._graph.has_edge(first, first)

    def _cycle(
        self, members: frozenset[Node], rank: Callable[[Node], tuple[bool, ...]]
    ) -> list[Step]:
        inside = self._graph.subgraph(members)
        head, read = min(
            inside.edges,
            key=lambda edge: (
                not self._is_negated(*edge),
                rank(edge[0]),
                edge[0] != edge[1],
                str(edge),
            ),
        )
        nodes: list[Node] = [head, *nx.shortest_path(inside, read, head)[:-1]]
        return [self._step(a, b) for a, b in zip(nodes, [*nodes[1:], head], strict=True)]

    def _is_negated(self, head: Node, read: Node) -> bool:
        reasons: list[_Reason] = self._graph.edges[head, read]["reasons"]
        return any(reason.negated_by_node[read] for reason in reasons)

    def _step(self, head: Node, read: Node) -> Step:
        reasons: list[_Reason] = self._graph.edges[head, read]["reasons"]
        reason = max(reasons, key=lambda r: r.negated_by_node[read])
        negated = reason.negated_by_node[read]
        return Step(head, read, negated, reason.policy, reason.rule)


def _negations(policy: str, rule: Rule) -> dict[Node, bool]:
    """Give the tables that a rule reads, each with whether it is negated anywhere in it."""
    negated_by_node: dict[Node, bool] = {}
    for node, negated in dependencies_of(policy, rule):
        negated_by_node[node] = negated or negated_by_node.get(node, False)
    return negated_by_node
