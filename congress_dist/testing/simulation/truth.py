"""What was really published, so that everything that is held can be compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from congress_dist.messages import Delta
from congress_dist.row import Row
from congress_dist.stream import Position, TableState


@dataclass(frozen=True, slots=True)
class TableTruth:
    """A table at one position, as its publisher had it."""

    rows: frozenset[Row]
    state: TableState


Tables = Mapping[str, TableTruth]


def told_by(delta: Delta, before: Tables) -> Tables:
    """Give the tables to which a delta leads who had those before."""
    after = dict(before)
    for name, change in delta.tables.items():
        table = before[name]
        rows = frozenset() if change.replace else table.rows - change.removed
        after[name] = TableTruth(rows | change.added, change.state or table.state)
    return after


class Truth:
    """The tables at every position, by who published it.

    Two incarnations have one position only after a database was restored from a backup.
    """

    def __init__(self) -> None:
        self._published: dict[Position, dict[str, Tables]] = {}
        self._newest: dict[str, Position] = {}
        self._left_at: dict[tuple[str, Position], float] = {}

    def note(self, incarnation: str, position: Position, tables: Tables, now: float) -> None:
        """Note a transaction: from now on it is its publisher's newest."""
        self._published.setdefault(position, {})[incarnation] = tables
        before = self._newest.get(incarnation)
        if before is not None:
            self._left_at[incarnation, before] = now
        self._newest[incarnation] = position

    def at(self, position: Position) -> Mapping[str, Tables]:
        """Give the tables at a position, by incarnation."""
        return self._published[position]

    def left_at(self, incarnation: str, position: Position) -> float | None:
        """Give when a publisher went on from a position, None while it is there."""
        return self._left_at.get((incarnation, position))
