"""Which relation of the kernel holds which table."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Literal, cast

from ..kernel import Kernel
from .journal import Journal
from .normal_form import TableKey

RelationKey = Hashable
"""A table's key, or that of an internal table."""


class KernelTables:
    """Relations by key and width, made when first asked for; used under the engine's lock.

    A table that is read with another width than it has is another, empty relation.
    """

    def __init__(self, kernel: Kernel, journal: Journal) -> None:
        self._kernel = kernel
        self._journal = journal
        self._numbers: dict[tuple[RelationKey, int], int] = {}
        self._keys: dict[int, tuple[RelationKey, int]] = {}
        self._given: dict[int, None] = {}
        """The relations of tables whose rows are given."""
        self._nothing: dict[int, int] = {}
        """By width a relation without rows, for what is asked of tables that are not there."""

    def number(self, key: RelationKey, width: int) -> int:
        """Give the relation of a table, an empty one when there was none."""
        found = self._numbers.get((key, width))
        return self._make(key, width, "derived") if found is None else found

    def define(self, key: RelationKey, width: int) -> int:
        """Give the relation of a table whose rows are given, not derived."""
        found = self._numbers.get((key, width))
        number = self._make(key, width, "base") if found is None else found
        if number not in self._given:
            self._journal.put(self._given, number, None)
        return number

    def withdraw(self, key: RelationKey, width: int) -> None:
        """Take that the rows of a table are not given any more."""
        number = self.number(key, width)
        if number in self._given:
            self._journal.drop(self._given, number)

    def is_given(self, number: int) -> bool:
        """Tell whether a relation is that of a table whose rows are given."""
        return number in self._given

    def find_or_nothing(self, key: RelationKey, width: int) -> int:
        """Give the relation of a table to ask, of one that is not there an empty relation."""
        found = self._numbers.get((key, width))
        if found is not None:
            return found
        if width not in self._nothing:
            self._journal.put(self._nothing, width, self._kernel.add_relation(width, "base"))
        return self._nothing[width]

    def find(self, key: RelationKey, width: int) -> int | None:
        """Give the relation of a table, or None when nobody asked for it."""
        return self._numbers.get((key, width))

    def numbers(self, key: RelationKey) -> list[int]:
        """Give the relations of a table, one for each width."""
        return [number for number, (known, _) in self._keys.items() if known == key]

    def items(self) -> Iterable[tuple[int, RelationKey]]:
        """Give each relation with its key."""
        return ((number, key) for number, (key, _) in self._keys.items())

    def key(self, number: int) -> RelationKey | None:
        """Give the key of a relation; of one that was dropped in this transaction None."""
        found = self._keys.get(number)
        return None if found is None else found[0]

    def drop(self, number: int) -> None:
        """Forget a relation that no rule reads or derives any more."""
        self._journal.drop(self._numbers, self._journal.drop(self._keys, number))
        self._kernel.drop_relation(number)

    def _make(self, key: RelationKey, width: int, kind: Literal["base", "derived"]) -> int:
        # Internal tables have keys of classes of their own.
        name = cast("TableKey", key) if isinstance(key, tuple) else None
        number = self._kernel.add_relation(width, kind, name)
        self._journal.put(self._numbers, (key, width), number)
        self._journal.put(self._keys, number, (key, width))
        return number
