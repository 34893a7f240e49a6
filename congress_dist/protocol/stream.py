"""The words of a stream: positions, table states, changes, transactions (docs/protocol.md 1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, NewType

from ..row import Row

Epoch = NewType("Epoch", int)
Seq = NewType("Seq", int)


class Position(NamedTuple):
    """A place in a stream; the order is (epoch, seq)."""

    epoch: Epoch
    seq: Seq


class StateKind(StrEnum):
    """What a publisher knows of a table, from worst to best."""

    UNAVAILABLE = "unavailable"
    """No rows can be had; the reason says why."""
    UNREAD = "unread"
    """Not read yet in this epoch; rows held from before stay, stale."""
    FAILING = "failing"
    """Rows of the last good read; the reason says what fails since."""
    READY = "ready"
    """Rows of the last read."""


@dataclass(frozen=True, slots=True)
class TableState:
    """The state of one table; `reason` is set for failing and unavailable, `note` only with ready.

    A note ("3 of 41 processes not readable") is shown and has no effect on completeness.
    """

    kind: StateKind
    reason: str = ""
    note: str = ""

    def to_wire(self) -> list[str]:
        """Give the plain form that `from_wire` reads."""
        return [self.kind.value, self.reason, self.note]

    @classmethod
    def from_wire(cls, data: Any) -> TableState:
        """Rebuild a state from its plain form."""
        kind, reason, note = data
        return cls(StateKind(kind), reason, note)


UNREAD = TableState(StateKind.UNREAD)
READY = TableState(StateKind.READY)


def failing(reason: str) -> TableState:
    """Give the state of a table whose rows are those of the last good read."""
    return TableState(StateKind.FAILING, reason=reason)


def unavailable(reason: str) -> TableState:
    """Give the state of a table of which no rows can be had."""
    return TableState(StateKind.UNAVAILABLE, reason=reason)


@dataclass(frozen=True, slots=True)
class TableChange:
    """What one transaction does to one table.

    With `replace`, `added` is the whole contents and `removed` is empty. `state` is None when
    unchanged.
    """

    removed: frozenset[Row] = frozenset()
    added: frozenset[Row] = frozenset()
    replace: bool = False
    state: TableState | None = None
    schema_version: str = ""


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a subscriber hands to its service: one atomic step of one source.

    Shapes: rows in `tables` are net changes against what was held (`replace` is already resolved);
        `position` is the source's position after it; `states` holds the states that changed.
    """

    source: str
    position: Position
    tables: Mapping[str, TableChange] = field(default_factory=dict)
    states: Mapping[str, TableState] = field(default_factory=dict)
