"""Values as small integers: the same (type, value) has the same id, so joins compare integers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from congress_dist.errors import InvalidRow
from congress_dist.row import Cell

from ..kernel import CellRefused, Hold, Kernel

Id = int
Tuple = tuple[Id, ...]
"""A row inside the evaluator: ids of its cells."""

ALLOWED = "tables hold text, 64-bit integers, finite floats, booleans and null"


class Symbols:
    """The two-way mapping between values and ids, which the kernel keeps.

    Promises: 1, 1.0, "1" and True are four values; -0.0 is 0.0; ids are never negative. An id that
        no table and nobody else holds stands for another value after some later change.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def intern(self, value: Cell) -> Id:
        """Give the id of a value, a new one when it was never seen.

        Raises: InvalidRow: no table may hold the value.
        """
        return self.encode((value,))[0]

    def encode(self, row: Sequence[Cell]) -> Tuple:
        """Give a row as ids. Raises: InvalidRow: with the number of the column as a field."""
        try:
            return self._kernel.encode(row)
        except CellRefused as error:
            reason, _, column = error.args
            raise InvalidRow(f"a cell holds {reason}; {ALLOWED}", column=column) from error

    def find_row(self, row: Sequence[Cell]) -> Tuple | None:
        """Give a row as ids, or None when one of its cells is in no table and no rule."""
        return self._kernel.find_row(row)

    def value(self, symbol: Id) -> Cell:
        """Give the value of an id."""
        return self._kernel.value(symbol)

    def decode(self, row: Sequence[Id]) -> tuple[Cell, ...]:
        """Give the values of a row of ids."""
        return self._kernel.decode(row)

    def hold(self, symbols: Iterable[Id]) -> Hold:
        """Keep ids from being given to other values as long as the result lives."""
        return self._kernel.hold(list(symbols))
