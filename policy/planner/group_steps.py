"""The steps for groups of conditions: they run the plans of the groups, once per binding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from .normal_form import TableKey
from .relation import Columns
from .steps import Binding, Bindings, Context, LimitExceeded, collect, picker
from .symbols import Tuple

_MAX_KNOWN = 65_536
"""Answers that one run of the step remembers before it starts again."""


class Inner(Protocol):
    """The plan of one body of a group."""

    def run(self, context: Context, given: Binding) -> Iterator[Tuple]:
        """Give a row for each way to satisfy the body with these values of what is known."""
        ...

    def signatures(self) -> Iterator[tuple[TableKey, Columns]]:
        """Give the indexes that the plan uses."""
        ...


@dataclass(frozen=True, slots=True)
class Ask:
    """Keep the bindings for which a plan gives a row; `wanted` False: for which none does."""

    plans: Sequence[Inner]
    shared: Columns
    """Places of the variables that the plans are given."""
    wanted: bool

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given."""
        shared_of = picker(self.shared)
        known: dict[Tuple, bool] = {}
        for binding in bindings:
            shared = shared_of(binding)
            is_so = known.get(shared)
            if is_so is None:
                if len(known) >= _MAX_KNOWN:
                    known.clear()
                is_so = known[shared] = any(
                    True for plan in self.plans for _ in plan.run(context, shared)
                )
            if is_so is self.wanted:
                yield binding


@dataclass(frozen=True, slots=True)
class Gather:
    """Extend each binding by the rows that any of the plans gives, each once."""

    plans: Sequence[Inner]
    known: Columns
    """Places of the variables that the plans are given."""

    def run(self, context: Context, bindings: Bindings) -> Bindings:
        """Give the bindings that follow from those given.

        Raises: LimitExceeded: there are too many.
        """
        known_of = picker(self.known)
        rows_by_known: dict[Tuple, set[Tuple]] = {}
        held = made = 0
        for binding in bindings:
            known = known_of(binding)
            rows = rows_by_known.get(known)
            if rows is None:
                if held >= _MAX_KNOWN:
                    rows_by_known.clear()
                    held = 0
                found = chain.from_iterable(plan.run(context, known) for plan in self.plans)
                rows = rows_by_known[known] = collect(found, context.max_rows)
                held += 1 + len(rows)
            made += len(rows)
            if made > context.max_bindings:
                raise LimitExceeded(f"it joins more than {context.max_bindings} rows")
            for row in rows:
                yield binding + row
