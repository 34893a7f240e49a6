"""Check: no cycle through the rules, except stratified ones within recursive policies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import cycle as alternate

from ..diagnostics import Diagnostic
from ..graph import DependencyGraph, Node, Step
from ..policy_kinds import RECURSIVE
from ..printer import print_rule
from ..walk import aggregates_of
from .batch import Batch, Table, head_table

_Neighbours = Callable[[Table], Iterable[Table]]


def find_cycles(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse cycles that the rules close; the note tells the cycle table by table.

    Cost: what the new heads depend on or what depends on them, whichever is less.
    """
    heads = {
        head_table(policy, rule): None
        for policy, rule in batch.rules
        if not rule.is_fact and rule.modal is None  # nothing reads the table of a modal
    }
    tables = _on_cycles(_around(heads, batch), batch.tables_read_by)
    if not tables:
        return
    graph = DependencyGraph(rule for table in tables for rule in batch.deriving(table))

    def is_nonrecursive(node: Node) -> bool:
        return batch.program.kind(node.policy) != RECURSIVE

    nodes = [Node(*table) for table in heads if table in tables]
    for cycle in graph.cycles(nodes, prefer=is_nonrecursive):
        nonrecursive = [step.head for step in cycle if is_nonrecursive(step.head)]
        if nonrecursive or any(step.negated for step in cycle):
            yield _refused(batch, cycle, nonrecursive)


def _around(heads: Iterable[Table], batch: Batch) -> dict[Table, None]:
    """Give tables among which every new cycle lies.

    It passes from a head to what a new rule of it reads, so it lies in what depends on the heads,
    and in what those tables depend on: the search that ends first says enough.
    """
    above, below = dict.fromkeys(heads), dict.fromkeys(batch.tables_read)
    searches = [
        (above, _spread(above, batch.tables_reading)),
        (below, _spread(below, batch.tables_read_by)),
    ]
    starts: tuple[Iterable[Table], Iterable[Table]] = (batch.tables_read, heads)
    for (reached, search), others in alternate(zip(searches, starts, strict=True)):
        if next(search, reached) is reached:
            return reached if any(other in reached for other in others) else {}
    return {}


def _spread(reached: dict[Table, None], neighbours: _Neighbours) -> Iterator[None]:
    """Add to tables what can be reached from them, one edge at each step."""
    stack = list(reached)
    while stack:
        for table in neighbours(stack.pop()):
            if table not in reached:
                reached[table] = None
                stack.append(table)
            yield


def _on_cycles(tables: dict[Table, None], reads_of: _Neighbours) -> dict[Table, None]:
    """Give the tables that lie on a cycle among some tables, or on a way between two cycles."""
    reads = {table: [read for read in set(reads_of(table)) if read in tables] for table in tables}
    readers: dict[Table, list[Table]] = {table: [] for table in tables}
    for table, read in reads.items():
        for other in read:
            readers[other].append(table)
    left = dict(tables)
    for out, back in ((reads, readers), (readers, reads)):
        degree = {table: sum(other in left for other in out[table]) for table in left}
        ends = [table for table in left if not degree[table]]
        while ends:
            end = ends.pop()
            del left[end]
            for other in back[end]:
                if other in left:
                    degree[other] -= 1
                    if not degree[other]:
                        ends.append(other)
    return left


def _refused(batch: Batch, cycle: list[Step], nonrecursive: list[Node]) -> Diagnostic:
    new = {id(rule) for _, rule in batch.rules}
    start = next((n for n, step in enumerate(cycle) if id(step.rule) in new), 0)
    steps = cycle[start:] + cycle[:start]
    closing, is_negated = steps[0], any(step.negated for step in steps)
    note = "\n".join(_told(step) for step in steps)
    on_what = "its own absence" if is_negated else "itself"
    if is_negated:
        hint = "what is negated or counted must be known before: leave that out of the cycle"
    else:
        hint = (
            "leave one of these rules out, or create the policy"
            f" {nonrecursive[0].policy!r} with the kind recursive"
        )
    return batch.report(
        "recursion" if nonrecursive else "negation-in-cycle",
        f"the rule makes '{closing.head}' depend on {on_what}",
        closing.rule.span,
        note=note,
        hint=hint,
    )


def _told(step: Step) -> str:
    reads = "negates" if step.negated else "reads"
    if aggregates_of(step.rule):
        reads = "takes an aggregate of"
    return f"{step.head} {reads} {step.reads} by {print_rule(step.rule)}"
