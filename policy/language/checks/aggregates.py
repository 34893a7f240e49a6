"""Check: aggregates stand in heads, and say over what they go."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Aggregate
from ..diagnostics import Diagnostic
from ..printer import print_conjunct
from ..walk import aggregates_of, compounds_of, expressions_of, literals_of, parts_of
from .batch import Batch


def find_wrong_aggregates(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse aggregates in bodies; warn of sums and averages over distinct values."""
    for _, rule in batch.rules:
        for conjunct in literals_of(rule.body or ()):
            for part in parts_of(*compounds_of(*expressions_of(conjunct))):
                if isinstance(part, Aggregate):
                    yield batch.report(
                        "aggregate",
                        f"the aggregate {print_conjunct(part)!r} stands in a condition",
                        part.span,
                        note="aggregates stand in heads",
                        hint=f"derive it first, total({print_conjunct(part)}) :- …, and read"
                        " total(n) here",
                    )
        for aggregate in aggregates_of(rule):
            if aggregate.function in ("sum", "avg") and len(aggregate.variables) == 1:
                yield _distinct(batch, aggregate)


def _distinct(batch: Batch, aggregate: Aggregate) -> Diagnostic:
    name = aggregate.variables[0].name
    return batch.report(
        "distinct-values",
        f"{print_conjunct(aggregate)!r} takes each distinct value of {name!r} once",
        aggregate.span,
        note="two rows with the same value count as one",
        hint=f"name what tells the rows apart, as {aggregate.function}({name}, id)",
        is_warning=True,
    )
