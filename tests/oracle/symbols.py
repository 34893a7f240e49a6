"""Values as numbers, so that 1, 1.0, "1" and True differ in Python's sets too."""

from __future__ import annotations

from collections.abc import Iterable

from congress_dist.errors import InvalidRow
from congress_dist.row import Cell, encode_row

Id = int
IdRow = tuple[Id, ...]


class Symbols:
    """Gives each pair of type and value a number; nothing is ever forgotten."""

    def __init__(self) -> None:
        self.values: list[Cell] = []
        self._ids: dict[tuple[type, Cell], Id] = {}

    def intern(self, value: Cell) -> Id:
        """Give the number of a value. Raises: InvalidRow: no table may hold it."""
        key = (type(value), value)
        found = self._ids.get(key)
        if found is None:
            encode_row((value,))
            found = self._ids[key] = len(self.values)
            self.values.append(value + 0.0 if type(value) is float else value)
        return found

    def encode(self, row: Iterable[Cell]) -> IdRow:
        """Give a row as numbers. Raises: as `intern`."""
        return tuple([self.intern(cell) for cell in row])

    def encode_all(self, rows: Iterable[Iterable[Cell]]) -> set[IdRow]:
        """Give rows as numbers. Raises: as `intern`."""
        return {self.encode(row) for row in rows}

    def encode_or_none(self, row: Iterable[Cell]) -> IdRow | None:
        """Give a row as numbers; None when a table may not hold it."""
        try:
            return self.encode(row)
        except InvalidRow:
            return None

    def decode(self, row: Iterable[Id]) -> tuple[Cell, ...]:
        """Give the values of a row."""
        return tuple([self.values[each] for each in row])
