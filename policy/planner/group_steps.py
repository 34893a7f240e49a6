"""The step for a group of conditions: it asks the group's own plans, once per distinct binding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .normal_form import TableKey
from .relation import Columns
from .steps import Binding, Bindings, Context, picker
from .symbols import Tuple

_MAX_KNOWN = 65_536
"""Answers that one run of the step remembers before it starts again."""


class Inner(Protocol):
    """The plan of one body of a group."""

    def run(self, context: Context, given: Binding) -> Iterator[Tuple]:
        """Give one row for each way to satisfy the body with these values of what is shared."""
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
