"""Answers to syncs that are being fetched piece by piece (docs/protocol.md section 3).

A view is immutable, at one position: it shares the rows with the table and never blocks a
transaction. Several askers may fetch one view, each by a token of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .messages import RowChanges, SyncTable
from .packed_rows import SharedRows
from .recent_maximum import RecentMaximum
from .stream import Seq

ViewKey = tuple[str, ...]
_REMEMBERED = 600.0
"""For about this long the slowest pull counts; after it the bus may be another one."""
_MOST_PULLS = 1000
"""Those longest untouched are dropped beyond it: who asks again and again leaves some behind."""
_MOST_SHARED_BYTES = 64 * 1024 * 1024
"""Rows, before they are compressed, of the views that are kept encoded."""


@dataclass(frozen=True, slots=True)
class View:
    """The header and the rows of an answer, cut into pieces (`piece_cut.cut`)."""

    seq: Seq
    tables: Mapping[str, SyncTable]
    key: ViewKey | None
    """The tables given in full, when nothing else is in it: such a view may serve several
    askers."""
    pieces: Sequence[Mapping[str, RowChanges]]
    size_bytes: int
    read_at: Mapping[str, float | None]
    """When each table of the stream had been read last."""


@dataclass(slots=True)
class Pull:
    """One asker's way through a view."""

    token: str
    view: View
    began: float
    touched: float
    is_done: bool = False
    """Whether its last piece was given, or no more is asked for."""


class PullShelf:
    """The few views that are kept, and who is fetching them.

    Invariant: each pull is of a view that is kept, and each view has a pull; pulls stand in the
    order in which they were touched.
    """

    def __init__(self, kept: int, keep_time: float) -> None:
        self._kept = kept
        self._keep_time = keep_time
        self._pulls: dict[str, Pull] = {}
        self._slowest = RecentMaximum(_REMEMBERED)

    def __len__(self) -> int:
        return len(self._views())

    @property
    def pinned(self) -> Seq | None:
        """Give the oldest position of a view that somebody is still fetching."""
        under_way = [pull.view.seq for pull in self._pulls.values() if not pull.is_done]
        return min(under_way, default=None)

    def slowest(self, now: float) -> float:
        """Give how long the slowest of the latest pulls took."""
        return self._slowest.at(now)

    def may_share(self, size_bytes: int) -> bool:
        """Tell whether so many bytes of rows may be kept encoded beside those that are."""
        sizes = [v.size_bytes for v in self._views() if isinstance(v.pieces[0], SharedRows)]
        return sum(sizes) + size_bytes <= _MOST_SHARED_BYTES

    def begin(self, token: str, view: View, now: float) -> None:
        """Let somebody fetch a view; of a new one call `make_room` before."""
        self._pulls[token] = Pull(token, view, now, now)
        while len(self._pulls) > _MOST_PULLS:
            del self._pulls[next(iter(self._pulls))]

    def piece(self, token: str, index: int, now: float) -> Mapping[str, RowChanges] | None:
        """Give one piece of what a token stands for, None when there is none."""
        pull = self._pulls.get(token)
        if pull is None or not 0 <= index < len(pull.view.pieces):
            return None
        self._pulls[token] = self._pulls.pop(token)
        pull.touched = now
        pull.is_done |= index == len(pull.view.pieces) - 1
        self._slowest.note(now - pull.began, now)
        return pull.view.pieces[index]

    def release(self, token: str) -> None:
        """Take that who has a token does not fetch any further: its view may make room."""
        pull = self._pulls.get(token)
        if pull is not None:
            pull.is_done = True

    def find_shared(self, key: ViewKey) -> View | None:
        """Give the newest view that holds exactly these tables in full."""
        matching = [view for view in self._views() if view.key == key]
        return max(matching, key=lambda view: view.seq, default=None)

    def make_room(self, now: float, *, abandoned_after: float) -> bool:
        """Drop a view that nobody fetches if the shelf is full; tell whether there is room."""
        views = self._views()
        if len(views) < self._kept:
            return True
        busy = {
            id(pull.view)
            for pull in self._pulls.values()
            if not pull.is_done and now - pull.touched <= abandoned_after
        }
        idle = next((view for view in views if id(view) not in busy), None)
        if idle is None:
            return False
        self._pulls = {t: pull for t, pull in self._pulls.items() if pull.view is not idle}
        return True

    def expire(self, now: float) -> None:
        """Drop what nobody has asked for during the keeping time."""
        for token in [t for t, p in self._pulls.items() if now - p.touched > self._keep_time]:
            del self._pulls[token]

    def _views(self) -> list[View]:
        """Give the views; the one that was touched last comes last."""
        views = {id(pull.view): pull.view for pull in reversed(self._pulls.values())}
        return list(views.values())[::-1]
