"""One table as its publisher has it: rows, state, and what one read of it says."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .messages import TableSummary
from .row import Row
from .stream import READY, UNREAD, StateKind, TableChange, TableState
from .table import NO_CHANGE, NetChange, TableRows


@dataclass(frozen=True, slots=True)
class TableResult:
    """What one read says of one table.

    Shapes: `rows` None means the same rows as before; with state unavailable rows are not looked
        at, and dropped.
    """

    rows: frozenset[Row] | None
    state: TableState


WITH_ROWS = frozenset({StateKind.READY, StateKind.FAILING})
"""The states of a table whose rows are known."""


@dataclass(frozen=True, slots=True)
class TableUpdate:
    """What came and went since the last read of a table that has rows: what a source pushed.

    Shapes: a row in both is there afterwards; rows that change nothing may be named; `state` is
        ready or failing.
    """

    removed: frozenset[Row]
    added: frozenset[Row]
    state: TableState = READY


TableRead = TableResult | TableUpdate


@dataclass(frozen=True, slots=True)
class Published:
    """What a publisher must know of a table before its first read."""

    schema_version: str
    max_age: float | None = None
    is_slow: bool = False
    """Whether the first round does not wait for it: its first read takes long."""


class PublishedTable:
    """One table of a publisher: rows, state, and when it was last read."""

    def __init__(self, name: str, spec: Published) -> None:
        self.content = TableRows(name, spec.schema_version)
        self.max_age = spec.max_age
        self.state = UNREAD
        self.read_at: float | None = None

    @property
    def is_unread(self) -> bool:
        """Tell whether nothing is known of it in this epoch."""
        return self.state.kind is StateKind.UNREAD

    @property
    def has_rows(self) -> bool:
        """Tell whether its rows are known, so that an update can follow."""
        return self.state.kind in WITH_ROWS

    def absorb(self, read: TableRead, now: float) -> TableChange | None:
        """Take one read; give the change, None when it changed nothing.

        Promises: a table leaves `unread` only with a read that has rows or says that there are
            none to be had.
        Cost: of an update proportional to its rows, else to the rows read.
        """
        if isinstance(read, TableUpdate):
            net = self.content.apply(self.content.net_of(read.removed, read.added))
            return self._changed(net, read.state, now)
        state, rows = read.state, read.rows
        if state.kind is StateKind.UNAVAILABLE:
            rows = frozenset()
        if rows is None and self.is_unread:
            state = TableState(StateKind.UNREAD, reason=state.reason)
        leaves_unread = self.is_unread and rows is not None
        net = NO_CHANGE if rows is None else self.content.replace(rows)
        change = self._changed(net, state, now)
        return replace(change, replace=True) if leaves_unread and change is not None else change

    def _changed(self, net: NetChange, state: TableState, now: float) -> TableChange | None:
        if state.kind in (StateKind.READY, StateKind.UNAVAILABLE):
            self.read_at = now
        if state == self.state and not net:
            return None
        new_state = None if state == self.state else state
        self.state = state
        version = self.content.schema_version
        return TableChange(net.removed, net.added, False, new_state, version)

    def age(self, now: float) -> float | None:
        """Give the time since the last good read."""
        return None if self.read_at is None else now - self.read_at

    def summary(self) -> TableSummary:
        """Give what a heartbeat says of it."""
        digest = b"" if self.is_unread else self.content.digest
        return TableSummary(
            self.state, len(self.content.rows), digest, self.content.schema_version, self.max_age
        )
