"""What plans are made from: how many rows tables have, and how many share a value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..kernel import Kernel
    from .kernel_program import KernelProgram
    from .kernel_rules import KernelRule
    from .kernel_tables import KernelTables
    from .normal_form import Match

_FEW = 64
"""Rows of a table of which nothing can be said."""
_ALMOST_ALL = 0.999
"""The share of rows with different values in a column that is as good as a key."""
_FEW_MORE = 1.5
"""How many times the rows an index may find that is used in the place of a new one."""
_MANY_READERS = 16
"""Rules on a table that together are worth an index by constants."""
_STEP = 3
"""Plans are for sizes that differ by less than 2 to the power of it."""


class Estimates:
    """Sizes and distinct counts of tables, and whose plans were made from others.

    Shapes: the size of a recursive table counts once a step is over: in between it is anything.
    """

    def __init__(self, kernel: Kernel, tables: KernelTables, program: KernelProgram) -> None:
        self._kernel = kernel
        self._tables = tables
        self._program = program
        self._planned: dict[int, int] = {}
        """Of a relation, the bits of its size after the step that made its readers' plans old."""
        self._moving: set[int] = set()
        """Relations below which a step changes much."""

    def size(self, table: object, width: int) -> int:
        """Give the number of rows of a table; of one that does not exist 0."""
        number = self._tables.find(table, width)
        return 0 if number is None else self._kernel.size(number)

    def fan_out(self, table: object, columns: tuple[int, ...], width: int) -> float:
        """Estimate the rows of a table that share the same values in some columns."""
        number = self._tables.find(table, width)
        if number is None:
            return 0.0
        size = self._kernel.size(number)
        if number not in self._planned and (likely := self._likely_size(number)) > size:
            return float(likely ** (1 - len(columns) / width)) if width else 1.0
        return size / max(1.0, self._kernel.distinct(number, columns)) if columns else float(size)

    def search(self, table: object, columns: tuple[int, ...], width: int) -> tuple[int, ...]:
        """Give those of some columns by which to find rows; the others are compared then.

        Each index costs memory, and time with each change: a column that tells the rows apart is
        enough, so is an index that is there and finds few rows more. Only of given tables: one
        that is derived may have other values before the plan has run to its end.
        """
        number = self._tables.find(table, width)
        if number is None or self._program.component(number) is not None:
            return columns
        size = self._kernel.size(number)
        if size < _FEW:
            return columns
        for column in columns:
            if self._kernel.distinct(number, (column,)) >= _ALMOST_ALL * size:
                return (column,)
        most = _FEW_MORE * size / self._kernel.distinct(number, columns)
        for other in map(tuple, self._kernel.indexes(number)):
            if set(other) < set(columns) and size <= most * self._kernel.distinct(number, other):
                return other
        return columns

    def are_together(self, rule: KernelRule, match: Match) -> bool:
        """Tell whether a rule reads a table that depends on its head."""
        head = self._tables.find(rule.head, len(rule.terms))
        read = self._tables.find(match.table, len(match.terms))
        if head is None or read is None:
            return False
        component = self._program.component(head)
        return component is not None and component.is_recursive and read in component.tables

    def has_index(self, table: object, columns: tuple[int, ...], width: int) -> bool:
        """Tell whether there is an index to find the rows of a table by some columns."""
        number = self._tables.find(table, width)
        return number is not None and list(columns) in self._kernel.indexes(number)

    def is_read_by_many(self, table: object, width: int) -> bool:
        """Tell whether so many rules go through a table that an index by constants is worth it."""
        number = self._tables.find(table, width)
        return number is not None and self._program.reader_count(number) > _MANY_READERS

    def note_load(self, relation: int, coming: int = 0) -> None:
        """Take that a given table gets many rows in the present step: plan anew what follows.

        Shapes: `coming` are the rows that it is yet to get.
        """
        if not self._is_other(relation, coming):
            return
        stack, reached = [relation], {relation}
        while stack:
            for rule in self._program.readers(stack.pop()):
                self._kernel.replan(rule)
                head = self._program.entry(rule).head
                if head not in reached:
                    reached.add(head)
                    stack.append(head)
        for each in reached:
            self._planned.pop(each, None)
        self._moving |= reached

    @property
    def is_moving(self) -> bool:
        """Tell whether the next `note_step` takes the sizes of more than what changed."""
        return bool(self._moving)

    def note_step(self, changed: Iterable[int]) -> None:
        """Take the sizes after a step, and let rules be planned anew that read others.

        Shapes: `changed` may leave out relations of the size that the kernel was told to expect.
        """
        moved, self._moving = self._moving, set()
        for relation in (*changed, *moved):
            # One that moved may be gone with what was taken back.
            if self._tables.key(relation) is not None and self._is_other(relation):
                bits = self._planned[relation] = self._kernel.size(relation).bit_length()
                least = 1 << (bits - _STEP) if bits >= _STEP else 0
                self._kernel.expect_size(relation, least, (1 << (bits + _STEP - 1)) - 1)
                for rule in self._program.readers(relation):
                    self._kernel.replan(rule)

    def _is_other(self, relation: int, coming: int = 0) -> bool:
        bits = (self._kernel.size(relation) + coming).bit_length()
        return abs(bits - self._planned.get(relation, -_STEP)) >= _STEP

    def _likely_size(self, number: int) -> int:
        """Guess how large a recursive table gets: as the largest that its component reads."""
        component = self._program.component(number)
        if component is None or not component.is_recursive:
            return 0
        reads = {read for member in component.tables for read in self._program.reads(member)}
        return max((self._kernel.size(read) for read in reads), default=0)
