"""Which table depends on which: cycles for the checks, components and strata for the planner.

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


@dataclass(frozen=True, slots=True)
class Component:
    """Tables that depend on each other, or one table; `stratum` is above those that it negates."""

    nodes: frozenset[Node]
    is_recursive: bool
    stratum: int


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


@dataclass(eq=False, slots=True)
class _Reason:
    """A rule that stands behind edges, and how often it was added."""

    policy: str
    rule: Rule
    negated_by_node: dict[Node, bool]
    count: int = 0


class DependencyGraph:
    """The dependencies of a program, kept as rules come and go.

    Promises: the same rule added twice must be removed twice.
    Cost: adding and removing a rule is proportional to the rule.
    """

    def __init__(self, rules: Iterable[tuple[str, Rule]] = ()) -> None:
        # Invariant: an edge exists exactly while some reason has its end among its nodes.
        self._graph = nx.DiGraph()
        self._reasons: dict[tuple[str, Rule], _Reason] = {}
        for policy, rule in rules:
            self.add(policy, rule)

    def add(self, policy: str, rule: Rule) -> None:
        """Take in the dependencies of a rule."""
        reason = self._reasons.get((policy, rule))
        if reason is None:
            reason = self._reasons[policy, rule] = _Reason(policy, rule, _negations(policy, rule))
            self._connect(head_of(policy, rule), reason)
        reason.count += 1

    def remove(self, policy: str, rule: Rule) -> None:
        """Take back one `add` of the same rule. Raises: KeyError: it was not added."""
        reason = self._reasons[policy, rule]
        reason.count -= 1
        if reason.count:
            return
        del self._reasons[policy, rule]
        head = head_of(policy, rule)
        for node in reason.negated_by_node:
            reasons = self._graph.edges[head, node]["reasons"]
            del reasons[reason]
            if not reasons:
                self._graph.remove_edge(head, node)
                self._drop_if_unused(node)
        self._graph.nodes[head]["rules"] -= 1
        self._drop_if_unused(head)

    def __contains__(self, node: object) -> bool:
        return node in self._graph

    def reads(self, node: Node) -> frozenset[Node]:
        """Give the tables that the rules of a table read."""
        return frozenset(self._graph.successors(node)) if node in self._graph else frozenset()

    def readers(self, node: Node) -> frozenset[Node]:
        """Give the tables whose rules read this one."""
        return frozenset(self._graph.predecessors(node)) if node in self._graph else frozenset()

    def readers_closure(self, nodes: Iterable[Node]) -> frozenset[Node]:
        """Give these tables and every table that depends on one of them."""
        return self._closure(nodes, forward=False)

    def reads_closure(self, nodes: Iterable[Node]) -> frozenset[Node]:
        """Give these tables and every table that one of them depends on."""
        return self._closure(nodes, forward=True)

    def components(self, nodes: Iterable[Node] | None = None) -> list[Component]:
        """Give the components, what is read before what reads it.

        Shapes: every node of the graph (of `nodes`, when given) is in exactly one component.
        Cost: linear in the part of the graph that is asked for.
        """
        graph = self._graph if nodes is None else self._graph.subgraph(list(nodes))
        stratum_of: dict[Node, int] = {}
        found = []
        for members in nx.strongly_connected_components(graph):  # dependencies come first
            component = self._component(frozenset(members), stratum_of)
            stratum_of.update(dict.fromkeys(members, component.stratum))
            found.append(component)
        return found

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
        reached = self._closure(changed, forward=True)
        for members in nx.strongly_connected_components(self._graph.subgraph(reached)):
            inside = frozenset(members)
            if self._is_recursive(inside):
                yield self._cycle(inside, lambda node: (not prefer(node), node not in changed))

    def _connect(self, head: Node, reason: _Reason) -> None:
        graph = self._graph
        graph.add_node(head)
        graph.nodes[head]["rules"] = graph.nodes[head].get("rules", 0) + 1
        for node in reason.negated_by_node:
            if not graph.has_edge(head, node):
                graph.add_edge(head, node, reasons={})
            graph.edges[head, node]["reasons"][reason] = None

    def _drop_if_unused(self, node: Node) -> None:
        graph = self._graph
        if node in graph and not graph.nodes[node].get("rules") and not graph.degree(node):
            graph.remove_node(node)

    def _closure(self, nodes: Iterable[Node], *, forward: bool) -> frozenset[Node]:
        neighbours = self._graph.successors if forward else self._graph.predecessors
        reached = {node for node in nodes if node in self._graph}
        queue = deque(reached)
        while queue:
            for node in neighbours(queue.popleft()):
                if node not in reached:
                    reached.add(node)
                    queue.append(node)
        return frozenset(reached)

    def _component(self, members: frozenset[Node], stratum_of: dict[Node, int]) -> Component:
        stratum = 0
        for node in members:
            for read in self._graph.adj[node]:
                if read in stratum_of:
                    stratum = max(stratum, stratum_of[read] + self._is_negated(node, read))
        return Component(members, self._is_recursive(members), stratum)

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
        reasons: dict[_Reason, None] = self._graph.edges[head, read]["reasons"]
        return any(reason.negated_by_node[read] for reason in reasons)

    def _step(self, head: Node, read: Node) -> Step:
        reasons: dict[_Reason, None] = self._graph.edges[head, read]["reasons"]
        reason = max(reasons, key=lambda r: r.negated_by_node[read])
        negated = reason.negated_by_node[read]
        return Step(head, read, negated, reason.policy, reason.rule)


def _negations(policy: str, rule: Rule) -> dict[Node, bool]:
    """Give the tables that a rule reads, each with whether it is negated anywhere in it."""
    negated_by_node: dict[Node, bool] = {}
    for node, negated in dependencies_of(policy, rule):
        negated_by_node[node] = negated or negated_by_node.get(node, False)
    return negated_by_node
