"""Values as small integers: the same (type, value) has the same id, so joins compare integers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from congress_dist.errors import InvalidRow
from congress_dist.row import MAX_INT, MIN_INT, Cell

Id = int
Tuple = tuple[Id, ...]
"""A row inside the evaluator: ids of its cells."""

_FREE = object()
_TYPES: tuple[type, ...] = (str, int, float, bool, type(None))


class Symbols:
    """The two-way mapping between values and ids.

    Promises: 1, 1.0, "1" and True are four values; -0.0 is 0.0; ids are never negative.
    """

    __slots__ = ("_free", "_ids", "generation", "values")

    def __init__(self) -> None:
        self.values: list[Cell] = []
        """The value of each id. Readers may index it; only this class changes it."""
        self.generation = 0
        """Grows when ids may have changed their meaning."""
        self._ids: dict[type, dict[Cell, Id]] = {kind: {} for kind in _TYPES}
        self._free: list[Id] = []

    def __len__(self) -> int:
        return len(self.values) - len(self._free)

    def intern(self, value: Cell) -> Id:
        """Give the id of a value, a new one when it was never seen.

        Raises: InvalidRow: no table may hold the value.
        """
        ids = self._ids.get(type(value))
        if ids is None:
            raise InvalidRow(f"a cell holds a value of type {type(value).__name__}; {_ALLOWED}")
        found = ids.get(value)
        return self._add(value, ids) if found is None else found

    def find(self, value: Cell) -> Id | None:
        """Give the id of a value, or None when no table and no rule holds it."""
        return self._ids.get(type(value), {}).get(value)

    def encode(self, row: Sequence[Cell]) -> Tuple:
        """Give a row as ids.

        Raises: as `intern`, with the number of the column in the field `column`.
        Cost: as `intern`, per cell.
        """
        by_type = self._ids
        try:
            return tuple([by_type[type(cell)][cell] for cell in row])
        except KeyError:
            return self._intern_row(row)

    def find_row(self, row: Sequence[Cell]) -> Tuple | None:
        """Give a row as ids, or None when one of its cells is in no table and no rule."""
        try:
            return tuple([self._ids[type(cell)][cell] for cell in row])
        except KeyError:
            return None

    def decode(self, row: Tuple) -> tuple[Cell, ...]:
        """Give the values of a row of ids."""
        values = self.values
        return tuple([values[symbol] for symbol in row])

    def retain(self, live: set[Id]) -> None:
        """Forget every value whose id is not in `live`; its id will be given out again."""
        self.generation += 1
        for symbol, value in enumerate(self.values):
            if symbol not in live and value is not _FREE:
                del self._ids[type(value)][value]
                self.values[symbol] = _FREE  # type: ignore[call-overload]
                self._free.append(symbol)

    def _intern_row(self, row: Sequence[Cell]) -> Tuple:
        ids: list[Id] = []
        try:
            for cell in row:
                ids.append(self.intern(cell))  # noqa: PERF401 - its length tells the column
        except InvalidRow as error:
            raise InvalidRow(error.message, column=len(ids)) from error
        return tuple(ids)

    def _add(self, value: Cell, ids: dict[Cell, Id]) -> Id:
        checked = _checked(value)
        if self._free:
            symbol = self._free.pop()
            self.values[symbol] = checked
        else:
            symbol = len(self.values)
            self.values.append(checked)
        ids[checked] = symbol
        return symbol


_ALLOWED = "tables hold text, 64-bit integers, finite floats, booleans and null"


def _checked(value: Cell) -> Cell:
    """Give the value to store; new values only are checked, so a known one costs one look-up."""
    if type(value) is str:
        if "\0" in value or not _is_encodable(value):
            raise InvalidRow(f"a cell holds text with NUL or a lone surrogate; {_ALLOWED}")
    elif type(value) is int:
        if not MIN_INT <= value <= MAX_INT:
            raise InvalidRow(f"a cell holds an integer beyond 64 bits; {_ALLOWED}")
    elif type(value) is float:
        if not math.isfinite(value):
            raise InvalidRow(f"a cell holds a float that is not a finite number; {_ALLOWED}")
        return value + 0.0
    return value


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def ids_in(rows: Iterable[Tuple]) -> set[Id]:
    """Give all ids that occur in rows."""
    return set().union(*rows)
