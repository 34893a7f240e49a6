"""An answer to a sync while its pieces come in, and the check before anything of it is applied."""

from __future__ import annotations

from collections.abc import Mapping

from .messages import RowChanges, SyncAnswer
from .row import DIGEST_MODULUS, Row, digest_of
from .stream import Position
from .table import TableRows, digest_bytes


class PulledAnswer:
    """The rows of one answer, gathered piece by piece.

    Invariant: pieces `[0, next_index)` are in; `sums` are the digest sums of the rows added per
    table.
    """

    def __init__(self, answer: SyncAnswer) -> None:
        self.answer = answer
        self.next_index = 0
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

    def feed(self, rows: Mapping[str, RowChanges]) -> bool:
        """Take the next piece; tell whether it can belong to the answer.

        Promises: never holds more rows of a table given in full than its header says.
        """
        self.next_index += 1
        for name, changes in rows.items():
            entry = self.answer.tables.get(name)
            if entry is None or entry.kind not in ("full", "net"):
                return False
            self.removed[name].update(changes.removed)
            self.added[name].update(changes.added)
            if entry.kind == "full":
                self._sums[name] = (self._sums[name] + digest_of(changes.added)) % DIGEST_MODULUS
                if len(self.added[name]) > entry.summary.rows:
                    return False
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
            return digest_bytes(name, version, self._sums[name]) == entry.summary.digest
        if held is None:
            return False
        rows_sum = held.sum
        if entry.kind == "net":
            rows_sum = held.sum_after(held.net_of(self.removed[name], self.added[name]))
        return digest_bytes(name, held.schema_version, rows_sum) == entry.summary.digest
