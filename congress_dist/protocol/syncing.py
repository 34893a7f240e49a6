"""One request at a time to a publisher, with its retries (docs/protocol.md section 4, SYNCING)."""

# ruff: noqa: S101 - invariants are asserted in check()

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from ..clock import Random
from .backoff import Backoff
from .effects import RequestSync
from .messages import Chunk, ChunkRequest, SyncAnswer, SyncReply, SyncRequest
from .options import DseOptions
from .pulled_answer import PulledAnswer
from .stream import Position

_LONGEST = 60.0
"""Seconds: whatever a publisher says, it is asked again after that."""


class Syncing:
    """Ask, wait for the pieces, ask again later.

    Invariant: while active, exactly one of `deadline` (a request is out) and `retry_at` is set;
    else neither.
    """

    def __init__(self, source: str, options: DseOptions, rng: Random) -> None:
        self._source = source
        self._options = options
        self._backoff = Backoff(options.backoff_min, options.backoff_max, rng)
        self._request = 0
        self._incarnation = ""
        self._asked: frozenset[str] = frozenset()
        self._not_before = -math.inf
        self.asked_at = -math.inf
        """When what is now awaited was asked for."""
        self._pull: PulledAnswer | None = None
        self._unfinished = ""
        """The token of the newest answer, unless all of it was fetched."""
        self._deadline: float | None = None
        self._retry_at: float | None = None
        self.repair: set[str] = set()
        """Tables to be fetched with all their rows, though some are held."""

    @property
    def is_active(self) -> bool:
        """Tell whether a newer position is being fetched."""
        return self._deadline is not None or self._retry_at is not None

    @property
    def next_tick(self) -> float:
        """Give when a request or a retry is due, infinity for never."""
        return min(self._deadline or math.inf, self._retry_at or math.inf)

    def begin(self, repair: Iterable[str]) -> None:
        """Turn to a new aim; a reply to an earlier request is late from now on."""
        self.stop()
        self.repair = set(repair)

    def stop(self) -> None:
        """Want nothing any more: what was asked for is here, or of no use."""
        self._pull = None
        self._deadline = self._retry_at = None
        self.repair = set()

    def ask(
        self,
        incarnation: str,
        have: Position | None,
        held: Mapping[str, bytes],
        add: Iterable[str],
        *,
        floor: Position | None,
        now: float,
    ) -> RequestSync:
        """Send a new request, to be answered at `floor` or above."""
        self._request += 1
        self._incarnation = incarnation
        self.asked_at = now
        self._pull = None
        self._deadline, self._retry_at = now + self._options.sync_timeout, None
        add = tuple(sorted(add))
        self._asked = frozenset((*held, *add))
        message = SyncRequest(
            self._source, self._request, have, held, add, floor, released=self._unfinished
        )
        return RequestSync(incarnation, message)

    def ask_more(self, pull: PulledAnswer, now: float) -> RequestSync:
        """Ask for the next piece of an answer."""
        self._deadline = now + self._options.sync_timeout
        token, index = pull.answer.token, pull.next_index
        message = ChunkRequest(self._source, self._request, token, index)
        return RequestSync(self._incarnation, message)

    def awaits(self, request: int) -> bool:
        """Tell whether a reply to this request is waited for."""
        return self._deadline is not None and request == self._request

    def time_left(self, request: int, now: float) -> float:
        """Give how long the reply to a request is still waited for, 0 for not at all."""
        if self._deadline is None or request != self._request:
            return 0.0
        return max(0.0, self._deadline - now)

    def is_late(self, reply: SyncReply) -> bool:
        """Tell whether a reply is to an earlier request, or not the piece that comes next."""
        if not self.awaits(reply.request):
            return True
        expected = 0 if self._pull is None else self._pull.next_index
        index = reply.index if isinstance(reply, Chunk) else 0
        return isinstance(reply, Chunk | SyncAnswer) and index != expected

    def take(self, reply: SyncReply) -> PulledAnswer | None:
        """Add the next piece to its answer and give that; None when it cannot belong to it."""
        if isinstance(reply, SyncAnswer):
            if self._asked - reply.tables.keys():
                return None  # asked again at once it would be as incomplete
            self._pull = PulledAnswer(reply, self._options.buffer_bytes)
            self._unfinished = reply.token
            return self._pull if self._pull.feed(reply.rows) else None
        pull = self._pull
        if pull is None or not isinstance(reply, Chunk):
            return None
        return pull if pull.feed(reply.rows) else None

    def retry_later(self, now: float, retry_after: float = 0.0) -> None:
        """Give the request up and plan the next, at random below a bound that doubles."""
        self._pull = None
        self._deadline = None
        self._not_before = now + min(retry_after, _LONGEST)
        self._retry_at = max(now + self._backoff.next_delay(), self._not_before)

    def succeed(self) -> None:
        """Note that the publisher answers; then stop."""
        self._backoff.reset()
        self._unfinished = ""
        self.stop()

    def encourage(self, now: float) -> None:
        """Try again soon: the publisher was heard."""
        self._backoff.reset()
        if self._retry_at is not None:
            soon = max(now + self._options.backoff_min, self._not_before)
            self._retry_at = min(self._retry_at, soon)

    def is_overdue(self, now: float) -> bool:
        """Tell whether a request has waited for its reply too long."""
        return self._deadline is not None and now >= self._deadline

    def is_retry_due(self, now: float) -> bool:
        """Tell whether it is time to ask again."""
        return self._retry_at is not None and now >= self._retry_at

    def check(self) -> None:
        """Assert every invariant; for tests, after each step."""
        assert self._deadline is None or self._retry_at is None
        assert self._pull is None or self._deadline is not None
        assert self.is_active or not self.repair
