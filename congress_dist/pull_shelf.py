"""Answers to syncs that are being fetched piece by piece (docs/protocol.md section 3).

Each is an immutable view at one position: it shares the rows with the table and never blocks a
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .messages import RowChanges, SyncTable
from .row import Row
from .stream import Seq
from .table import NetChange, size_of

PullKey = tuple[str, ...]


@dataclass(slots=True)
class Pull:
    """One answer: its header and its rows in a fixed order, cut into about equal pieces."""

    token: str
    seq: Seq
    tables: Mapping[str, SyncTable]
    key: PullKey | None
    """The tables given in full, when nothing else is in it: such an answer may serve several
    askers."""
    rows: list[tuple[str, bool, list[Row]]]
    size_bytes: int
    chunks: int
    chunk_rows: int
    touched: float
    began: float
    askers: int = 1
    """Those who were given its header; more than one when it is shared."""
    ends: int = 0
    """How often its last piece was given."""
    took: float = 0.0
    """Seconds from its first piece to the newest one."""

    @property
    def is_under_way(self) -> bool:
        """Tell whether somebody who was given its header has not asked for its last piece."""
        return self.ends < self.askers

    def chunk(self, index: int, now: float) -> dict[str, RowChanges]:
        """Give one piece.

        Cost: proportional to the piece.
        """
        self.touched = now
        self.ends += index == self.chunks - 1
        self.took = now - self.began
        start, stop = index * self.chunk_rows, (index + 1) * self.chunk_rows
        removed: dict[str, list[Row]] = {}
        added: dict[str, list[Row]] = {}
        offset = 0
        for name, is_added, rows in self.rows:
            part = rows[max(0, start - offset) : max(0, stop - offset)]
            if part:
                (added if is_added else removed)[name] = part
            offset += len(rows)
        return {
            name: RowChanges(tuple(removed.get(name, ())), tuple(added.get(name, ())))
            for name in {**removed, **added}
        }


class PullShelf:
    """The few answers that are kept."""

    def __init__(self, kept: int, keep_time: float, chunk_bytes: int) -> None:
        self._kept = kept
        self._keep_time = keep_time
        self._chunk_bytes = chunk_bytes
        self._pulls: dict[str, Pull] = {}

    def __len__(self) -> int:
        return len(self._pulls)

    @property
    def pinned(self) -> Seq | None:
        """Give the oldest position of an answer that somebody is still fetching."""
        return min((pull.seq for pull in self._pulls.values() if pull.is_under_way), default=None)

    def make(
        self,
        token: str,
        seq: Seq,
        tables: Mapping[str, SyncTable],
        contents: Mapping[str, NetChange],
        *,
        key: PullKey | None,
        now: float,
    ) -> Pull:
        """Cut an answer into pieces; it is not on the shelf yet.

        Cost: proportional to its rows, without encoding them.
        """
        rows = [(name, False, list(change.removed)) for name, change in contents.items()]
        rows += [(name, True, list(change.added)) for name, change in contents.items()]
        size_bytes = sum(size_of(part) for _, _, part in rows)
        count = sum(len(part) for _, _, part in rows)
        # By number of rows and not by their bytes: the cut must not depend on the order of a set.
        chunks = max(1, min(count, -(-size_bytes // self._chunk_bytes)))
        chunk_rows = max(1, -(-count // chunks))
        return Pull(
            token,
            seq,
            tables,
            key,
            rows,
            size_bytes,
            max(1, -(-count // chunk_rows)),
            chunk_rows,
            touched=now,
            began=now,
        )

    def put(self, pull: Pull) -> None:
        """Keep an answer; call `make_room` before."""
        self._pulls[pull.token] = pull

    def find(self, token: str) -> Pull | None:
        """Give the answer with this token."""
        return self._pulls.get(token)

    def find_shared(self, key: PullKey) -> Pull | None:
        """Give the newest answer that holds exactly these tables in full."""
        matching = [pull for pull in self._pulls.values() if pull.key == key]
        return max(matching, key=lambda pull: pull.seq, default=None)

    def make_room(self, now: float, *, abandoned_after: float) -> bool:
        """Drop an answer that nobody fetches if the shelf is full; tell whether there is room."""
        if len(self._pulls) < self._kept:
            return True
        idle = [
            pull
            for pull in self._pulls.values()
            if not pull.is_under_way or now - pull.touched > abandoned_after
        ]
        if not idle:
            return False
        del self._pulls[min(idle, key=lambda pull: pull.touched).token]
        return True

    def expire(self, now: float) -> None:
        """Drop what nobody has asked for during the keeping time."""
        for token in [t for t, p in self._pulls.items() if now - p.touched > self._keep_time]:
            del self._pulls[token]
