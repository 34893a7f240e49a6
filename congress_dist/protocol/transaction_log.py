"""The newest transactions of a stream, for replay (docs/protocol.md section 3)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ..row import Row
from .stream import Seq, TableChange
from .table import NetChange


@dataclass(frozen=True, slots=True)
class _Entry:
    seq: Seq
    changes: Mapping[str, TableChange]
    size_bytes: int
    at: float


class TransactionLog:
    """A bounded run of transactions without holes.

    Invariant: the entries are `last - len + 1 .. last`; `size_bytes` is the sum of theirs.
    """

    def __init__(self, max_transactions: int, max_bytes: int) -> None:
        self._max_transactions = max_transactions
        self._max_bytes = max_bytes
        self._entries: deque[_Entry] = deque()
        self._first = Seq(1)
        self._is_cut = False
        self.size_bytes = 0

    def __len__(self) -> int:
        return len(self._entries)

    def reaches_back(self, now: float) -> float:
        """Give how long ago the oldest transaction kept was, infinity while none was forgotten."""
        if not self._is_cut:
            return math.inf
        return now - self._entries[0].at if self._entries else 0.0

    def append(
        self,
        seq: Seq,
        changes: Mapping[str, TableChange],
        size_bytes: int,
        *,
        pinned: Seq | None,
        now: float,
    ) -> None:
        """Keep one more transaction and forget what is beyond the bounds.

        Promises: transactions after `pinned` are kept beyond the number allowed, not beyond the
            bytes.
        """
        if not self._entries:
            self._first = seq
        self._entries.append(_Entry(seq, changes, size_bytes, now))
        self.size_bytes += size_bytes
        while self._entries and self._is_too_much(pinned):
            self.size_bytes -= self._entries.popleft().size_bytes
            self._first = Seq(self._first + 1)
            self._is_cut = True

    def covers(self, after: Seq, last: Seq) -> bool:
        """Tell whether every transaction in `(after, last]` is here."""
        return after == last or (bool(self._entries) and self._first <= after + 1 <= last)

    def bytes_after(self, after: Seq) -> int:
        """Give what the transactions after a seq weigh together."""
        return sum(entry.size_bytes for entry in self._after(after))

    def net_after(self, after: Seq, tables: Collection[str]) -> dict[str, NetChange | None]:
        """Give, per table that changed, the last word on each row since `after`.

        Shapes: a removed row may never have been held; None means that the table was replaced on
            the way.
        """
        last_word: dict[str, dict[Row, bool]] = {}
        replaced: set[str] = set()
        for entry in self._after(after):
            for name, change in entry.changes.items():
                if name not in tables:
                    continue
                if change.replace:
                    replaced.add(name)
                words = last_word.setdefault(name, {})
                words.update(dict.fromkeys(change.removed, False))
                words.update(dict.fromkeys(change.added, True))
        return {
            name: None if name in replaced else _net_of(words) for name, words in last_word.items()
        }

    def _after(self, after: Seq) -> list[_Entry]:
        skip = max(0, after + 1 - self._first)
        return list(self._entries)[skip:]

    def _is_too_much(self, pinned: Seq | None) -> bool:
        if self.size_bytes > self._max_bytes:
            return True
        free = pinned is None or self._first <= pinned
        return free and len(self._entries) > self._max_transactions


def _net_of(words: Mapping[Row, bool]) -> NetChange:
    return NetChange(
        frozenset(row for row, is_there in words.items() if not is_there),
        frozenset(row for row, is_there in words.items() if is_there),
    )
