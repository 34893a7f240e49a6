"""Reads that wait while the bus is busy and become one transaction (docs/protocol.md 3)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from .published_table import WITH_ROWS, TableRead, TableResult, TableUpdate, without_rows
from .stream import StateKind
from .table import TABLE_BYTES, size_of


class PendingReads:
    """What several reads said of each table together, and when that must be published at last.

    Invariant: `due` is infinity exactly while nothing waits.
    """

    def __init__(self, longest: float, max_bytes: int) -> None:
        self._longest = longest
        self._max_bytes = max_bytes
        self._bytes = 0
        self._reads: dict[str, TableRead] = {}
        self.read_at: dict[str, float] = {}
        """When the newest read of each table that waits began."""
        self.due = math.inf

    def has_rows(self, table: str) -> bool | None:
        """Tell whether a table has rows after what waits, None when nothing of it waits."""
        read = self._reads.get(table)
        if read is None or (isinstance(read, TableResult) and read.rows is None):
            return None
        return read.state.kind in WITH_ROWS

    def is_full_with(self, reads: Mapping[str, TableRead]) -> bool:
        """Tell whether these would make more of what waits than a message carries.

        Only updates are weighed: of a whole read nobody knows yet what it changes.
        """
        return self._bytes > 0 and self._bytes + _size_of(reads) > self._max_bytes

    def due_with(self, now: float) -> float:
        """Give when what waits must be published if a read is added now."""
        return min(self.due, now + self._longest)

    def together_with(self, reads: Mapping[str, TableRead]) -> dict[str, TableRead]:
        """Give what waits and these as one read; what they say later counts."""
        together = {name: _together(self._reads.get(name), read) for name, read in reads.items()}
        return {**self._reads, **together}

    def add(self, reads: Mapping[str, TableRead], now: float, read_at: float) -> None:
        """Let reads that began at a time wait with those before them."""
        size_bytes = self._bytes + _size_of(reads)
        self._reads = self.together_with(reads)
        self.read_at |= dict.fromkeys(reads, read_at)
        self._bytes, self.due = size_bytes, self.due_with(now)

    def postpone(self, now: float) -> None:
        """Let what waits be tried again after the longest wait, should this try fail."""
        self.due = now + self._longest

    def clear(self) -> None:
        """Let nothing wait any more: it is published."""
        self._reads = {}
        self.read_at = {}
        self._bytes = 0
        self.due = math.inf


def _size_of(reads: Mapping[str, TableRead]) -> int:
    updates = [read for read in reads.values() if isinstance(read, TableUpdate)]
    return sum(TABLE_BYTES + size_of(o.removed) + size_of(o.added) for o in updates)


def _together(before: TableRead | None, read: TableRead) -> TableRead:
    """Give the one read that says what two say, one after the other."""
    if isinstance(read, TableResult):
        if read.state.kind is StateKind.UNAVAILABLE:
            return replace(read, rows=frozenset())
        if read.rows is not None or before is None:
            return read
        if before.state.kind is StateKind.UNAVAILABLE:
            return replace(before, state=without_rows(StateKind.UNAVAILABLE, read.state))
        return replace(before, state=read.state)
    if isinstance(before, TableUpdate):
        removed, added = before.removed | read.removed, (before.added - read.removed) | read.added
        return TableUpdate(removed, added, read.state)
    if before is None or before.rows is None:
        return read
    return TableResult((before.rows - read.removed) | read.added, read.state)
