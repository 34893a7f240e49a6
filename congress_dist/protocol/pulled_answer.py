"""An answer to a sync while its pieces come in, and the check before anything of it is applied."""

from __future__ import annotations

from collections.abc import Mapping

from ..row import DIGEST_MODULUS, Row, digest_of
from .messages import RowChanges, SyncAnswer
from .stream import Position
from .table import TableRows, digest_bytes, size_of


class PulledAnswer:
    """The rows of one answer, gathered piece by piece.

    Invariant: pieces `[0, next_index)` are in, none but the first empty, so that there are no more
    than rows; `_sums` are the digest sums of the rows added per table. Of a table given in full it
    holds no more rows than the header says, of all that is given as changes at most `max_bytes`.
    """

    def __init__(self, answer: SyncAnswer, max_bytes: int) -> None:
        self.answer = answer
        self.next_index = 0
        self._bytes_left = max_bytes
        self._rows_left = {name: entry.summary.rows for name, entry in answer.tables.items()}
        self.removed: dict[str, set[Row]] = {name: set() for name in answer.tables}
        self.added: dict[str, set[Row]] = {name: set() for name in answer.tables}
        self._sums = dict.fromkeys(answer.tables, 0)

    @property
    def position(self) -> Position:
        """Give the position that the answer leads to."""
        return Position(self.answer.epoch, self.answer.seq)

    @property
    def is_complete(self) -> bool:
        """Tell whether every piece is in."""
        return self.next_index >= self.answer.chunks

    @property
    def has_whole_tables(self) -> bool:
        """Tell whether it gives all rows of a table, and not changes only."""
        return any(entry.kind == "full" for entry in self.answer.tables.values())

    def feed(self, rows: Mapping[str, RowChanges]) -> bool:
        """Take the next piece; tell whether it can belong to the answer."""
        self.next_index += 1
        if self.next_index > 1 and not any(o.removed or o.added for o in rows.values()):
            return False
        return all(self._feed_table(name, changes) for name, changes in rows.items())

    def _feed_table(self, name: str, changes: RowChanges) -> bool:
        entry = self.answer.tables.get(name)
        if entry is None or entry.kind not in ("full", "net"):
            return False
        if entry.kind == "full":
            self._rows_left[name] -= len(changes.added) + len(changes.removed)
            self._sums[name] = (self._sums[name] + digest_of(changes.added)) % DIGEST_MODULUS
        else:
            self._bytes_left -= size_of(changes.removed) + size_of(changes.added)
        if self._rows_left[name] < 0 or self._bytes_left < 0:
            return False
        self.removed[name].update(changes.removed)
        self.added[name].update(changes.added)
        return True

    def is_right(self, name: str, held: TableRows | None) -> bool:
        """Tell whether a table would have the digest that its header promises.

        Cost: for `net` proportional to its rows, else constant.
        """
        entry = self.answer.tables[name]
        if entry.kind in ("unread", "absent"):
            return True
        if entry.kind == "full":
            version = entry.summary.schema_version
            is_whole = len(self.added[name]) == entry.summary.rows
            return is_whole and (
                digest_bytes(name, version, self._sums[name]) == entry.summary.digest
            )
        if held is None:
            return False
        rows_sum = held.sum
        if entry.kind == "net":
            rows_sum = held.sum_after(held.net_of(self.removed[name], self.added[name]))
        return digest_bytes(name, held.schema_version, rows_sum) == entry.summary.digest
