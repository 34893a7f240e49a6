"""Which derived tables depend on each other, and in which order the groups are evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import networkx as nx

from .normal_form import TableKey


@dataclass(frozen=True, slots=True)
class Component:
    """Tables that all depend on each other; `number` grows along dependencies."""

    number: int
    tables: tuple[TableKey, ...]
    is_recursive: bool


def components_of(reads: Mapping[TableKey, Iterable[TableKey]]) -> list[Component]:
    """Give the components of the derived tables, each after all that it reads.

    Shapes: `reads` has one entry for each derived table, with all tables that its rules read.
    """
    graph: nx.DiGraph[TableKey] = nx.DiGraph()
    graph.add_nodes_from(reads)
    graph.add_edges_from(
        (read, table) for table, all_read in reads.items() for read in all_read if read in reads
    )
    condensed = nx.condensation(graph)
    components = []
    for number, node in enumerate(nx.topological_sort(condensed)):
        tables = tuple(sorted(condensed.nodes[node]["members"]))
        is_recursive = len(tables) > 1 or graph.has_edge(tables[0], tables[0])
        components.append(Component(number, tables, is_recursive))
    return components
