"""Cutting the rows of an answer into pieces that travel well."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Set
from itertools import accumulate

from ..row import Row
from .messages import RowChanges


def cut(
    removed: Mapping[str, Set[Row]], added: Mapping[str, Set[Row]], piece_bytes: int
) -> tuple[list[Mapping[str, RowChanges]], int]:
    """Give the pieces, at least one, which may be empty; and the bytes of all rows.

    Shapes: a piece has at most `piece_bytes` of rows, or one row; each row is in one piece. How
        many pieces there are, and of how many rows, does not depend on the order of a set: rows
        are laid out by their length.
    Promises: the sets may change afterwards.
    Cost: proportional to the rows, without encoding them.
    """
    pieces = [_Piece()]
    for is_added, tables in ((False, removed), (True, added)):
        for name, rows in tables.items():
            for part, weight, is_first in _parts(rows, piece_bytes, pieces[-1].weight):
                if not is_first:
                    pieces.append(_Piece())
                pieces[-1].put(name, part, weight, is_added=is_added)
    return [piece.changes() for piece in pieces], sum(piece.weight for piece in pieces)


class _Piece:
    """One piece while it is filled."""

    def __init__(self) -> None:
        self.weight = 0
        self._removed: dict[str, tuple[Row, ...]] = {}
        self._added: dict[str, tuple[Row, ...]] = {}

    def put(self, name: str, rows: tuple[Row, ...], weight: int, *, is_added: bool) -> None:
        """Take rows of a table."""
        (self._added if is_added else self._removed)[name] = rows
        self.weight += weight

    def changes(self) -> dict[str, RowChanges]:
        """Give what it holds, by table."""
        names = {**self._removed, **self._added}
        return {n: RowChanges(self._removed.get(n, ()), self._added.get(n, ())) for n in names}


def _parts(
    unordered: Set[Row], piece_bytes: int, begun: int
) -> Iterator[tuple[tuple[Row, ...], int, bool]]:
    """Give runs of rows, what each weighs, and whether it still fits the piece that is begun."""
    rows = sorted(unordered, key=len)
    ends = list(accumulate(map(len, rows)))
    start, before = 0, 0
    is_first = True
    while start < len(rows):
        room = piece_bytes - (begun if is_first else 0)
        stop = bisect_right(ends, before + room, start)
        if stop == start and is_first and begun:
            is_first = False
            continue
        stop = max(stop, start + 1)
        yield tuple(rows[start:stop]), ends[stop - 1] - before, is_first
        start, before, is_first = stop, ends[stop - 1], False
