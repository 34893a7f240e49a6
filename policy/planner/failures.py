"""Calls of builtins, and aggregates, that failed and so had no answer: counted, not raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from congress_dist.row import Cell

_MAX_KINDS = 100
"""Kinds of failures that one rule keeps: far more than a rule has builtins and types."""


@dataclass(frozen=True, slots=True)
class FailureKind:
    """What failed in a rule for one reason: how often in its present state, and one example."""

    builtin: str
    reason: str
    count: int
    example: tuple[Cell, ...]
    """The inputs of a call that failed; of an aggregate the group."""


class FailureLog:
    """The failures of one evaluation of a rule."""

    __slots__ = ("_kinds",)

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, str], tuple[int, tuple[Cell, ...]]] = {}

    def note(self, builtin: str, reason: str, example: Callable[[], tuple[Cell, ...]]) -> None:
        """Count a failure; the first of its kind is the example."""
        key = (builtin, reason)
        known = self._kinds.get(key)
        if known is not None:
            self._kinds[key] = (known[0] + 1, known[1])
        elif len(self._kinds) < _MAX_KINDS:
            self._kinds[key] = (1, example())

    def kinds(self) -> Iterator[FailureKind]:
        """Give what failed, by builtin and reason."""
        for (builtin, reason), (count, example) in sorted(self._kinds.items()):
            yield FailureKind(builtin, reason, count, example)
