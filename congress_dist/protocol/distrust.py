"""Tables that differed from their source at an equal position, and when they are repaired."""

from __future__ import annotations

import math
from dataclasses import dataclass

REPAIRS = 2
"""Repairs of one table in a row before its rows are given up."""
_MAX_DELAY = 60.0


@dataclass(slots=True)
class _Doubt:
    differences: int = 0
    due: float = math.inf


class Distrust:
    """Count the differences of each table in a row; space repairs out once they do not help."""

    def __init__(self, first_delay: float) -> None:
        self._first_delay = first_delay
        self._doubts: dict[str, _Doubt] = {}

    def note(self, table: str, now: float) -> bool:
        """Count one more difference; tell whether the rows are given up until a later repair."""
        doubt = self._doubts.setdefault(table, _Doubt())
        doubt.differences += 1
        excess = doubt.differences - REPAIRS
        if excess <= 0:
            return False
        doubt.due = now + min(_MAX_DELAY, self._first_delay * 2.0 ** min(excess, 16))
        return True

    def trust(self, table: str) -> None:
        """Forget the differences of a table: it was found equal."""
        self._doubts.pop(table, None)

    def clear(self) -> None:
        """Forget all differences: another publisher speaks."""
        self._doubts.clear()

    def due(self, now: float) -> set[str]:
        """Take the tables whose next repair is due."""
        tables = {table for table, doubt in self._doubts.items() if now >= doubt.due}
        for table in tables:
            self._doubts[table].due = math.inf
        return tables

    @property
    def next_due(self) -> float:
        """Give when `due` will give a table, infinity for never."""
        return min((doubt.due for doubt in self._doubts.values()), default=math.inf)
