"""One table as a subscriber holds it, and what its publisher says of it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

from ..row import Row
from .messages import TableSummary
from .stream import UNREAD, Position, StateKind, TableChange, TableState, unavailable
from .table import NO_CHANGE, NetChange, TableRows, sum_of_digest

DIVERGED = unavailable("diverged: the rows differed from the source again after repairs")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table without its rows, as it was."""

    sum: int
    schema_version: str
    states: tuple[TableState, TableState]
    flags: tuple[bool, bool, bool]
    read_position: Position | None


class HeldTable:
    """Rows of one table of a source.

    `said` is the state that the publisher gave, `state` what listeners are told. They differ while
    the publisher has not read the table in its epoch: rows from before stay, under the state they
    had.
    """

    def __init__(self, name: str) -> None:
        self.content = TableRows(name, "")
        self.said: TableState = UNREAD
        self.state: TableState = UNREAD
        self.was_read = False
        """Whether any epoch said more than `unread` since its rows were last given up."""
        self.is_absent = False
        """Whether the publisher has no such table."""
        self.is_diverged = False
        """Whether the rows were given up because repairs did not help."""
        self.read_position: Position | None = None
        """Where the rows come from while the publisher has the table unread, else None."""
        self._kept: _Kept | None = None
        self._nets: list[NetChange] = []

    def keep(self) -> None:
        """Keep in mind how it is, for `undo`."""
        self._nets.clear()
        self._kept = _Kept(
            self.content.sum,
            self.content.schema_version,
            (self.said, self.state),
            (self.was_read, self.is_absent, self.is_diverged),
            self.read_position,
        )

    def forget(self) -> None:
        """Forget how it was: what was done since stays."""
        self._kept = None
        self._nets.clear()

    def undo(self) -> None:
        """Make it what it was at `keep`, wherever it failed since.

        Promises: may be called again when it raises. A change that was made in part is undone,
            too: what it removes was there before, and what it adds was not.
        """
        if self._kept is None:
            return
        for net in reversed(self._nets):
            self.content.rows -= net.added
            self.content.rows |= net.removed
        kept = self._kept
        self.content.sum, self.content.schema_version = kept.sum, kept.schema_version
        self.said, self.state = kept.states
        self.was_read, self.is_absent, self.is_diverged = kept.flags
        self.read_position = kept.read_position

    @property
    def is_unread(self) -> bool:
        """Tell whether the publisher has not read it in its epoch."""
        return self.said.kind is StateKind.UNREAD

    @property
    def is_syncable(self) -> bool:
        """Tell whether a publisher may be asked for the way from these rows to newer ones."""
        return not (self.is_absent or self.is_diverged)

    def equals(self, summary: TableSummary) -> bool:
        """Tell whether a publisher's table is the one held; unread ones are not compared."""
        if self.is_unread or summary.state.kind is StateKind.UNREAD:
            return self.said.kind is summary.state.kind
        return self.said == summary.state and self.content.digest == summary.digest

    def can_apply(self, change: TableChange) -> bool:
        """Tell whether a change can follow what is held."""
        if change.replace:
            return True
        if self.is_unread:
            stays = change.state is None or change.state.kind is StateKind.UNREAD
            return stays and not (change.added or change.removed)
        return change.schema_version == self.content.schema_version

    def apply(self, change: TableChange) -> NetChange:
        """Do what a transaction of the publisher says; `can_apply` holds."""
        if change.replace:
            net = self.take(change.added, change.schema_version)
        elif self.is_unread:
            net = NO_CHANGE
        else:
            net = self.change(change.removed, change.added)
        if change.state is not None:
            self.tell(change.state, None)
        return net

    def take(self, rows: Set[Row], schema_version: str) -> NetChange:
        """Hold these rows from now on."""
        self.content.schema_version = schema_version
        return self._replace(rows)

    def change(self, removed: Set[Row], added: Set[Row]) -> NetChange:
        """Remove rows and then add rows."""
        return self._apply(self.content.net_of(removed, added))

    def come_to(self, net: NetChange, summary: TableSummary) -> NetChange:
        """Make a change after which the rows are known to have the digest of a summary.

        Cost: without hashing a row.
        """
        content = self.content
        content.schema_version = summary.schema_version
        self._note(net)
        content.move(net, sum_of_digest(content.name, summary.schema_version, summary.digest))
        return net

    def tell(self, state: TableState, left: Position | None) -> None:
        """Take the publisher's word on the state; `left` is the position that is being left."""
        self.is_absent = self.is_diverged = False
        if state.kind is not StateKind.UNREAD:
            self.said = self.state = state
            self.was_read = True
            self.read_position = None
            return
        if self.was_read and not self.is_unread:
            self.read_position = left
        self.said = state
        if not self.was_read:
            self.state = state

    def miss(self, state: TableState) -> NetChange:
        """Take the publisher's word that it has no such table."""
        self.tell(state, None)
        self.is_absent = True
        self.was_read = False
        return self._replace(frozenset())

    def distrust(self) -> NetChange:
        """Give up the rows: they were wrong again after repairs."""
        self.is_diverged = True
        self.was_read = False
        self.state = DIVERGED
        return self._replace(frozenset())

    def _replace(self, rows: Set[Row]) -> NetChange:
        return self._apply(self.content.net_to(rows))

    def _apply(self, net: NetChange) -> NetChange:
        self._note(net)
        return self.content.apply(net)

    def _note(self, net: NetChange) -> None:
        """Note a change for `undo`; before its first row is changed."""
        if self._kept is not None:
            self._nets.append(net)
