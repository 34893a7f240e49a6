"""One table as its publisher has it: rows, state, and what one read of it says."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from ..errors import InvalidRow
from ..row import MAX_ROW_BYTES, Row
from .messages import TableSummary
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
_LOOKED_AT = frozenset({StateKind.READY, StateKind.UNAVAILABLE})
"""The states by which a read says how its source is now."""
_NOT_READ = "no rows were read"


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
class ReadStep:
    """What one read will do to a table."""

    net: NetChange
    sum: int
    """The digest sum of the rows afterwards."""
    state: TableState
    is_read: bool
    """Whether the source was really looked at."""
    leaves_unread: bool


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

    def plan(self, read: TableRead) -> ReadStep:
        """Give what a read will do; nothing is changed.

        Promises: a table leaves `unread` and `unavailable` only with a read that has rows, or says
            that there are none to be had.
        Raises: InvalidRow: a row that it adds is none.
        Cost: of an update proportional to its rows, else to the rows read; hashing only to the
            difference.
        """
        state, leaves_unread = read.state, False
        if isinstance(read, TableUpdate):
            net = self.content.net_of(read.removed, read.added)
        else:
            rows = frozenset() if state.kind is StateKind.UNAVAILABLE else read.rows
            if rows is None and not self.has_rows:
                state = without_rows(self.state.kind, state)
            leaves_unread = self.is_unread and rows is not None
            net = NO_CHANGE if rows is None else self.content.net_to(rows)
        require_rows(self.content.name, net.added)
        is_read = state is read.state and state.kind in _LOOKED_AT
        return ReadStep(net, self.content.sum_after(net), state, is_read, leaves_unread)

    def take(self, step: ReadStep, at: float) -> TableChange | None:
        """Do what a read at a time does; give the change, None when it changed nothing."""
        if step.is_read:
            self.read_at = at
        net, state = step.net, step.state
        if state == self.state and not net:
            return None
        new_state = None if state == self.state else state
        self.state = state
        self.content.move(net, step.sum)
        version = self.content.schema_version
        return TableChange(net.removed, net.added, step.leaves_unread, new_state, version)

    def age(self, now: float) -> float | None:
        """Give the time since the last good read."""
        return None if self.read_at is None else now - self.read_at

    def summary(self) -> TableSummary:
        """Give what a heartbeat says of it."""
        digest = b"" if self.is_unread else self.content.digest
        return TableSummary(
            self.state, len(self.content.rows), digest, self.content.schema_version, self.max_age
        )


def without_rows(kind: StateKind, said: TableState) -> TableState:
    """Give the state of a table without rows after a read that has none either."""
    return TableState(kind, reason=said.reason or _NOT_READ)


def require_rows(table: str, rows: Set[Row]) -> None:
    """Refuse what no message can carry as a row.

    Raises: InvalidRow: one is not `bytes`, or longer than MAX_ROW_BYTES.
    Cost: proportional to the number of rows.
    """
    kinds = set(map(type, rows)) - {bytes}
    if kinds:
        names = sorted(kind.__name__ for kind in kinds)
        reason = f"a row is {names[0]!r} and not bytes; make rows by encode_row"
    elif rows and (longest := max(map(len, rows))) > MAX_ROW_BYTES:
        reason = f"a row has {longest} bytes, {MAX_ROW_BYTES} are carried; leave columns out"
    else:
        return
    raise InvalidRow(f"table {table!r}: {reason}", table=table, reason=reason)
