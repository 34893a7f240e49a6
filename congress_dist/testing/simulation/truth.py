"""What was really read and published: everything that is held is compared with it."""

# ruff: noqa: S101 - the assertions are the purpose

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from congress_dist.protocol.messages import Delta
from congress_dist.protocol.published_table import TableRead, TableUpdate
from congress_dist.protocol.stream import Position, StateKind, TableState
from congress_dist.row import Row


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


def after_reads(before: Tables, reads: Mapping[str, TableRead]) -> Tables:
    """Give what is known of a source after some reads of it.

    Written from docs/protocol.md section 3 and not from the machine.
    """
    known = dict(before)
    for name, read in reads.items():
        last = known.get(name)
        if read.state.kind is StateKind.UNAVAILABLE:
            known[name] = TableTruth(frozenset(), read.state)
        elif isinstance(read, TableUpdate):
            assert last is not None, "an update of what was never read"
            known[name] = TableTruth((last.rows - read.removed) | read.added, read.state)
        elif read.rows is not None:
            known[name] = TableTruth(read.rows, read.state)
        elif last is not None and last.state.kind is not StateKind.UNAVAILABLE:
            known[name] = TableTruth(last.rows, read.state)
    return known


def as_read(tables: Tables, known: Tables) -> bool:
    """Tell whether tables are published as their source was read, and no other has rows."""
    for name, table in tables.items():
        source = known.get(name)
        if source is None:
            if table.rows or table.state.kind is not StateKind.UNREAD:
                return False
        elif (table.rows, table.state.kind) != (source.rows, source.state.kind):
            return False
    return True


class Truth:
    """The tables at every position, by who published it.

    Two incarnations have one position only after a database was restored from a backup.
    """

    def __init__(self) -> None:
        self._published: dict[Position, dict[str, Tables]] = {}
        self._newest: dict[str, Position] = {}
        self._left_at: dict[tuple[str, Position], float] = {}
        self._read_at: dict[tuple[str, Position], Mapping[str, float]] = {}

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

    def note_reads(
        self, incarnation: str, position: Position, read_at: Mapping[str, float]
    ) -> None:
        """Note when a publisher had last read its tables well while it stood at a position."""
        self._read_at[incarnation, position] = dict(read_at)

    def read_at(self, incarnation: str, position: Position) -> Mapping[str, float]:
        """Give when the tables that a publisher has at a position were last read well.

        Shapes: empty when it told nothing there: what was told before is true of it, too.
        """
        return self._read_at.get((incarnation, position), {})
