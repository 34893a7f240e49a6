"""Which derived tables depend on each other, and in which order the groups are evaluated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

import networkx as nx

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Component(Generic[T]):
    """Tables that all depend on each other; `number` grows along dependencies."""

    number: int
    tables: tuple[T, ...]
    is_recursive: bool


class EvaluationOrder(Generic[T]):
    """The components of the derived tables, kept as rules come and go.

    Shapes: `is_derived` tells whether a table is one; `reads_of` gives what its rules read,
        `readers_of` the tables whose rules read it.
    Invariant: tables whose rules have changed are noted in `_touched` until the next question.
    """

    def __init__(
        self,
        is_derived: Callable[[T], bool],
        *,
        reads_of: Callable[[T], Collection[T]],
        readers_of: Callable[[T], Iterable[T]],
    ) -> None:
        self._is_derived = is_derived
        self._reads_of = reads_of
        self._readers_of = readers_of
        self._components: dict[T, Component[T]] = {}
        self._touched: dict[T, dict[T, None] | None] = {}
        """With the tables that may be read anew; None: any of all that is read."""
        self._moved: dict[T, Component[T] | None] = {}
        """Tables that got another component since they were last asked for, with that before."""
        self._next = 0
        self._is_unsure = False
        """A change of the order ended half way: there was no memory."""

    def touch(self, table: T, reads: Iterable[T] | None = None) -> None:
        """Take that a table came or went, or that its rules read something else.

        Shapes: `reads` are all tables that are perhaps read now and were not before.
        """
        if reads is None:
            self._touched[table] = None
        elif (new := self._touched.setdefault(table, {})) is not None:
            new.update(dict.fromkeys(reads))

    def touch_all(self) -> None:
        """Take that all may be otherwise."""
        self._touched.update(dict.fromkeys(self._components, None))
        self._components.clear()

    def find(self, table: T) -> Component[T] | None:
        """Give the component of a derived table.

        Cost: one look-up; after changes of rules, what depends on their heads where the order of
            before does not fit.
        """
        if self._touched or self._is_unsure:
            self._follow_up()
        return self._components.get(table)

    def take_moved(self) -> dict[T, Component[T] | None]:
        """Give, once, the derived tables in another component now, each with that of before."""
        if self._touched or self._is_unsure:
            self._follow_up()
        moved = {table: old for table, old in self._moved.items() if self._is_derived(table)}
        self._moved = {}
        return moved

    def give_back(self, moved: Mapping[T, Component[T] | None]) -> None:
        """Take that what was done for moved tables was taken back: they are to be given again."""
        self._moved |= moved

    def _follow_up(self) -> None:
        if self._is_unsure:
            self.touch_all()
        self._is_unsure = True
        touched = self._touched
        moved = [table for table, reads in touched.items() if not self._still_fits(table, reads)]
        # What depends on a moved table goes to the end: nothing that stays depends on it.
        depending = self._depending_on(moved)
        for table in touched:
            if not self._is_derived(table):
                self._components.pop(table, None)
        self._number(depending)
        self._touched = {}
        self._is_unsure = False

    def _still_fits(self, table: T, reads: Iterable[T] | None) -> bool:
        """Tell whether a table can stay where it is: all that it reads comes before it.

        Shapes: what it read before and reads still does so, unless that moves; then it moves too.
        """
        known = self._components.get(table)
        if not self._is_derived(table):
            return known is None or not known.is_recursive
        if known is None or known.is_recursive:
            return False
        components = self._components
        read = map(components.get, self._reads_of(table) if reads is None else reads)
        return all(other is None or other.number < known.number for other in read)

    def _depending_on(self, tables: Iterable[T]) -> dict[T, None]:
        """Give the derived tables among these and those that depend on one of these."""
        stack = list(tables)
        for table in tables:
            known = self._components.get(table)
            if known is not None:
                stack += known.tables
        found: dict[T, None] = {}
        while stack:
            table = stack.pop()
            if table not in found and self._is_derived(table):
                found[table] = None
                stack += self._readers_of(table)
        return found

    def _number(self, tables: dict[T, None]) -> None:
        for members in _components_of(tables, self._reads_of):
            first = members[0]
            is_recursive = len(members) > 1 or first in self._reads_of(first)
            component = Component(self._next, members, is_recursive)
            for member in members:
                self._moved.setdefault(member, self._components.get(member))
                self._components[member] = component
            self._next += 1


def _components_of(
    tables: dict[T, None], reads_of: Callable[[T], Collection[T]]
) -> Iterator[tuple[T, ...]]:
    """Give the groups of tables that depend on each other, each after all that it reads."""
    graph: nx.DiGraph[T] = nx.DiGraph()
    graph.add_nodes_from(tables)
    for table in tables:
        reads = reads_of(table)
        few, many = (tables, reads) if len(tables) < len(reads) else (reads, tables)
        graph.add_edges_from((table, read) for read in few if read in many)
    for members in nx.strongly_connected_components(graph):  # dependencies come first
        yield tuple(sorted(members))
