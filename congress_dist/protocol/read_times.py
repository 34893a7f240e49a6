"""When the tables of a source were last read, on the clock of who hears of it."""

from __future__ import annotations

from collections.abc import Mapping

Times = Mapping[str, float | None]


def times_of(ages: Mapping[str, float | None], at: float) -> Times:
    """Give when each table was read whose age was told at a time, None for never."""
    return {table: None if age is None else at - age for table, age in ages.items()}


class ReadTimes:
    """The time of each table's last read, as it was told last."""

    def __init__(self) -> None:
        self._at: dict[str, float] = {}

    def take(self, times: Times) -> None:
        """Take a word on the reads of all tables.

        The newest word counts: an earlier one may have been under way for longer than was known.
        """
        self._at.update((table, at) for table, at in times.items() if at is not None)
        for table in self._at.keys() - times.keys():
            del self._at[table]

    def copy(self) -> ReadTimes:
        """Give the times as they are now."""
        copy = ReadTimes()
        copy._at = dict(self._at)
        return copy

    def age(self, table: str, now: float) -> float | None:
        """Give the time since the last read of a table that is known of, None when none is."""
        at = self._at.get(table)
        return None if at is None else max(0.0, now - at)
