"""Reads that wait while the bus is busy and become one transaction (docs/protocol.md 3)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from .published_table import TableResult
from .stream import StateKind


class PendingReads:
    """What several reads said of each table together, and when that must be published at last.

    Invariant: `due` is infinity exactly while nothing waits.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._reads: dict[str, TableResult] = {}
        self.due = math.inf

    def add(self, reads: Mapping[str, TableResult], now: float) -> None:
        """Let reads wait with those before them; what they say later counts."""
        for name, result in reads.items():
            before = self._reads.get(name)
            rows = result.rows
            if result.state.kind is StateKind.UNAVAILABLE:
                rows = frozenset()
            elif rows is None and before is not None:
                rows = before.rows
            self._reads[name] = TableResult(rows, result.state)
        self.due = min(self.due, now + self._longest)

    def take(self) -> dict[str, TableResult]:
        """Give what waits, and let nothing wait any more."""
        reads, self._reads = self._reads, {}
        self.due = math.inf
        return reads
