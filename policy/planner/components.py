"""Which derived tables depend on each other, and in which order the groups are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import networkx as nx

from .normal_form import TableKey

Neighbours = Callable[[TableKey], Iterable[TableKey]]


@dataclass(frozen=True, slots=True)
class Component:
    """Tables that all depend on each other; `number` grows along dependencies."""

    number: int
    tables: tuple[TableKey, ...]
    is_recursive: bool


class EvaluationOrder:
    """The components of the derived tables, kept as rules come and go.

    Shapes: `is_derived` tells whether a table is one; `reads_of` gives what its rules read,
        `readers_of` the tables whose rules read it.
    Invariant: tables whose rules have changed are noted in `_touched` until the next question.
    """

    def __init__(
        self,
        is_derived: Callable[[TableKey], bool],
        *,
        reads_of: Neighbours,
        readers_of: Neighbours,
    ) -> None:
        self._is_derived = is_derived
        self._reads_of = reads_of
        self._readers_of = readers_of
        self._components: dict[TableKey, Component] = {}
        self._touched: dict[TableKey, None] = {}
        self._split: dict[TableKey, None] = {}
        self._next = 0

    def touch(self, table: TableKey) -> None:
        """Take that a table came or went, or that its rules read something else."""
        self._touched[table] = None

    def find(self, table: TableKey) -> Component | None:
        """Give the component of a derived table.

        Cost: one look-up; after changes of rules, what depends on their heads where the order of
            before does not fit.
        """
        if self._touched:
            self._follow_up()
        return self._components.get(table)

    def take_split(self) -> list[TableKey]:
        """Give, once, the tables that were in a recursive component and are in another one now."""
        if self._touched:
            self._follow_up()
        split, self._split = self._split, {}
        return [table for table in split if self._is_derived(table)]

    def _follow_up(self) -> None:
        touched, self._touched = self._touched, {}
        moved = [table for table in touched if not self._still_fits(table)]
        # What depends on a moved table goes to the end: nothing that stays depends on it.
        depending = self._depending_on(moved)
        for table in touched:
            if not self._is_derived(table):
                self._components.pop(table, None)
        self._number(depending)

    def _still_fits(self, table: TableKey) -> bool:
        """Tell whether a table can stay where it is: all that it reads comes before it."""
        known = self._components.get(table)
        if not self._is_derived(table):
            return known is None or not known.is_recursive
        if known is None or known.is_recursive:
            return False
        components = self._components
        read = (components.get(other) for other in self._reads_of(table))
        return all(other is None or other.number < known.number for other in read)

    def _depending_on(self, tables: Iterable[TableKey]) -> dict[TableKey, None]:
        """Give the derived tables among these and those that depend on one of these."""
        stack = list(tables)
        for table in tables:
            known = self._components.get(table)
            if known is not None:
                stack += known.tables
        found: dict[TableKey, None] = {}
        while stack:
            table = stack.pop()
            if table not in found and self._is_derived(table):
                found[table] = None
                stack += self._readers_of(table)
        return found

    def _number(self, tables: dict[TableKey, None]) -> None:
        for members in _components_of(tables, self._reads_of):
            first = members[0]
            is_recursive = len(members) > 1 or first in self._reads_of(first)
            component = Component(self._next, members, is_recursive)
            self._split.update(dict.fromkeys(filter(self._was_recursive, members)))
            self._components.update(dict.fromkeys(members, component))
            self._next += 1

    def _was_recursive(self, table: TableKey) -> bool:
        known = self._components.get(table)
        return known is not None and known.is_recursive


def _components_of(
    tables: dict[TableKey, None], reads_of: Neighbours
) -> Iterator[tuple[TableKey, ...]]:
    """Give the groups of tables that depend on each other, each after all that it reads."""
    graph: nx.DiGraph[TableKey] = nx.DiGraph()
    graph.add_nodes_from(tables)
    graph.add_edges_from(
        (table, read) for table in tables for read in reads_of(table) if read in tables
    )
    for members in nx.strongly_connected_components(graph):  # dependencies come first
        yield tuple(sorted(members))
