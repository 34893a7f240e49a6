"""How old the news of one source is, without a wall clock (docs/protocol.md section 4)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from .read_times import ReadTimes, times_of

_WINDOW = 600.0
"""Delays are compared with the smallest of this long: clocks of two machines drift apart
meanwhile."""
_SLICE = 60.0
_KEPT_INCARNATIONS = 16
"""More than start one after the other and are still heard of: an old beat of one that is forgotten
would be taken for news."""


@dataclass(slots=True)
class _Sender:
    """What is known of one incarnation's messages.

    Invariant: `minima` holds (slice, smallest arrival minus send in it), newest last: those of the
    window and the one before them, so that who was silent for long is compared with that one.
    """

    highest_beat: int = -1
    news_at: float = -math.inf
    minima: deque[tuple[int, float]] = field(default_factory=deque)

    def smallest(self) -> float:
        """Give the smallest arrival minus send; a first message was taken."""
        return min(smallest for _, smallest in self.minima)

    def excess(self, sent: float, now: float) -> float:
        """Give how much longer than the shortest this message was under way."""
        offset = now - sent
        index = int(now // _SLICE)
        while len(self.minima) > 1 and (index - self.minima[1][0]) * _SLICE >= _WINDOW:
            self.minima.popleft()
        if self.minima and self.minima[-1][0] == index:
            self.minima[-1] = (index, min(offset, self.minima[-1][1]))
        else:
            self.minima.append((index, offset))
        return offset - self.smallest()


class Freshness:
    """The two ages of a source: of its newest sign of life, and of each table's last read."""

    def __init__(self) -> None:
        self._senders: dict[str, _Sender] = {}
        self._alive_at: float | None = None
        self._reads = ReadTimes()

    def is_news(self, incarnation: str, beat: int, now: float) -> bool:
        """Tell whether a beat is higher than the highest heard of its incarnation lately.

        One that nothing was above for long was a fault: its sender is not deaf to us for ever. An
        old message that is taken for news then is as old by its delay.
        """
        sender = self._senders.get(incarnation)
        if sender is None or beat > sender.highest_beat:
            return True
        return now - sender.news_at > _WINDOW

    def hear(self, incarnation: str, beat: int, sent: float, now: float) -> float | None:
        """Take one message's beat; give its extra delay when it is a sign of life, else None.

        A beat that is not higher than the highest seen proves nothing: it may have been under way
        for long.
        """
        if not self.is_news(incarnation, beat, now):
            return None
        sender = self._sender(incarnation)
        sender.highest_beat = beat
        sender.news_at = now
        excess = sender.excess(sent, now)
        alive_at = now - excess
        self._alive_at = alive_at if self._alive_at is None else max(alive_at, self._alive_at)
        return excess

    def said_at(self, incarnation: str, sent: float, now: float) -> float:
        """Give the local time of a message that `hear` took: of a late one, when it was sent."""
        sender = self._senders[incarnation]
        return now - max(0.0, now - sent - sender.smallest())

    def note_reads(self, ages: Mapping[str, float | None], at: float) -> None:
        """Take the ages that a publisher gave of its reads; they were true at local time `at`."""
        self._reads.take(times_of(ages, at))

    def link_age(self, now: float) -> float | None:
        """Give the time since the newest sign of life, None when there was none."""
        return None if self._alive_at is None else max(0.0, now - self._alive_at)

    def source_age(self, table: str, now: float) -> float | None:
        """Give the time since the last read of a table that is known of, None when none is."""
        return self._reads.age(table, now)

    def _sender(self, incarnation: str) -> _Sender:
        sender = self._senders.pop(incarnation, None) or _Sender()
        self._senders[incarnation] = sender
        while len(self._senders) > _KEPT_INCARNATIONS:
            del self._senders[next(iter(self._senders))]
        return sender
