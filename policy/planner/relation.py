"""The rows of one table as tuples of ids, with the indexes that plans asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from operator import itemgetter
from typing import Any, NamedTuple

from .symbols import Tuple

Columns = tuple[int, ...]
"""A search signature: the bound columns of a probe, in ascending order."""
Key = Any
"""What an index is asked by: the id itself for one column, a tuple of ids for several."""
Bucket = Collection[Tuple]
Index = Mapping[Key, Bucket]

_SMALL_BUCKET = 8
"""Up to here a bucket is a tuple (48 bytes for one row), beyond a set (216)."""


class Change(NamedTuple):
    """Rows that came to a table and rows that left it; disjoint."""

    added: AbstractSet[Tuple]
    removed: AbstractSet[Tuple]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)

    def inverse(self) -> Change:
        """Give the change that takes this one back."""
        return Change(self.removed, self.added)


class Relation:
    """A set of tuples that can be searched by any columns.

    Invariant: each index holds exactly the tuples of `rows`.
    """

    __slots__ = ("_indexes", "rows")

    def __init__(self, rows: AbstractSet[Tuple]) -> None:
        self.rows = rows
        self._indexes: dict[Columns, dict[Key, Bucket]] = {}

    def index(self, columns: Columns) -> Index:
        """Give the index over some columns (at least one); make it at the first call.

        Cost: one look-up; the first time, the rows of the relation.
        """
        found = self._indexes.get(columns)
        if found is None:
            found = self._indexes[columns] = {}
            _fill(found, self.rows, itemgetter(*columns))
        return found

    @property
    def signatures(self) -> list[Columns]:
        """Give the columns of each index that is kept."""
        return list(self._indexes)

    def drop_index(self, columns: Columns) -> None:
        """Forget an index; a later `index` makes it again."""
        self._indexes.pop(columns, None)

    def fan_out(self, columns: Columns, width: int) -> float:
        """Estimate how many rows share the same values in some columns.

        Promises: exact on average where an index exists.
        """
        found = self._indexes.get(columns)
        size = len(self.rows)
        if found:
            return size / len(found)
        return float(size ** (1 - len(columns) / max(width, 1)))

    def _update_indexes(self, change: Change) -> None:
        for columns, index in self._indexes.items():
            key_of = itemgetter(*columns)
            _drain(index, change.removed, key_of)
            _fill(index, change.added, key_of)


class BaseRelation(Relation):
    """A relation whose rows are given."""

    __slots__ = ("_rows",)

    def __init__(self, rows: Iterable[Tuple] = ()) -> None:
        self._rows = set(rows)
        super().__init__(self._rows)

    def apply(self, change: Change) -> None:
        """Take rows in, all of them absent before, and out, all of them present.

        Cost: the rows given, times the indexes.
        """
        self._rows -= change.removed
        self._rows |= change.added
        self._update_indexes(change)


class CountedRelation(Relation):
    """A relation of which each tuple counts how many rules derive it; it is in while one does."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Tuple, int] = {}
        super().__init__(self._counts.keys())

    def apply(self, changes: Iterable[Change]) -> Change:
        """Count what several rules derive newly and no longer; give the rows that came and went.

        Cost: the rows given, times the indexes.
        """
        steps: dict[Tuple, int] = {}
        for added, removed in changes:
            for row in added:
                steps[row] = steps.get(row, 0) + 1
            for row in removed:
                steps[row] = steps.get(row, 0) - 1
        net = Change(*self._count(steps))
        self._update_indexes(net)
        return net

    def _count(self, steps: dict[Tuple, int]) -> tuple[set[Tuple], set[Tuple]]:
        counts = self._counts
        added, removed = set(), set()
        for row, step in steps.items():
            before = counts.get(row, 0)
            if before + step:
                counts[row] = before + step
                if not before:
                    added.add(row)
            elif before:
                del counts[row]
                removed.add(row)
        return added, removed


def _fill(index: dict[Key, Bucket], rows: Iterable[Tuple], key_of: Callable[[Tuple], Key]) -> None:
    for row in rows:
        key = key_of(row)
        bucket = index.get(key)
        if bucket is None:
            index[key] = (row,)
        elif isinstance(bucket, set):
            bucket.add(row)
        else:
            longer = (*bucket, row)
            index[key] = longer if len(longer) <= _SMALL_BUCKET else set(longer)


def _drain(
    index: dict[Key, Bucket], rows: Iterable[Tuple], key_of: Callable[[Tuple], Key]
) -> None:
    for row in rows:
        key = key_of(row)
        bucket = index[key]
        if isinstance(bucket, set):
            bucket.discard(row)
            left: Bucket = bucket
        else:
            left = index[key] = tuple(other for other in bucket if other != row)
        if not left:
            del index[key]
