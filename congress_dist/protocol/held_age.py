"""How old what is held of a source is: the rows, not the news (docs/protocol.md section 4)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

from .read_times import ReadTimes, Times, times_of

_SLICE = 0.1
"""Of the words of one such time the last is kept."""
_MOST_WORDS = 100
"""Words that wait: more than are said within the time after which rows are stale."""


@dataclass(slots=True)
class _Word:
    """At local time `said_at` a publisher stood at `seq`, and had read each table at `read_at`."""

    seq: int
    said_at: float
    read_at: Times


class HeldAge:
    """When a publisher was last where its subscriber is, and what it had read by then.

    A word of the publisher is true of what is held once the position has come to its seq: all that
    was published up to then is in it. A heartbeat that is ahead makes nothing younger.

    Invariant: `_words` are of one publisher and epoch, in the order of their seq.
    """

    def __init__(self) -> None:
        self._words: list[_Word] = []
        self._said_at: float | None = None
        self._reads = ReadTimes()

    def hear(self, seq: int, said_at: float, ages: Mapping[str, float | None]) -> None:
        """Take that a publisher stood at a seq; `ages` are those of its reads, if it told any.

        Cost: proportional to the words that wait, which are bounded.
        """
        word = _Word(seq, said_at, times_of(ages, said_at))
        last = self._words[-1] if self._words else None
        is_newest = last is None or seq >= last.seq
        if last is not None and is_newest and said_at // _SLICE == last.said_at // _SLICE:
            word.read_at = word.read_at or last.read_at
            self._words.pop()
        self._words.insert(bisect_right(self._words, seq, key=lambda other: other.seq), word)
        del self._words[:-_MOST_WORDS]

    def reach(self, seq: int) -> None:
        """Take that the position has come to a seq."""
        while self._words and self._words[0].seq <= seq:
            self._hold(self._words.pop(0))

    def turn(self) -> None:
        """Forget the words that wait: another publisher or epoch speaks."""
        self._words.clear()

    def take_over(self, read_at: Times) -> None:
        """Take that what is held is another publisher's now, read at these times."""
        self._said_at = None
        self._reads.take(read_at)

    def copy(self) -> HeldAge:
        """Give the ages of what is held now, to who still has it when more has come."""
        copy = HeldAge()
        copy._said_at, copy._reads = self._said_at, self._reads.copy()
        return copy

    def since_word(self, now: float) -> float | None:
        """Give the time since the publisher was last known to be at the position held."""
        return None if self._said_at is None else max(0.0, now - self._said_at)

    def source_age(self, table: str, now: float) -> float | None:
        """Give the time since the last read of a table that is in what is held, if known."""
        return self._reads.age(table, now)

    def _hold(self, word: _Word) -> None:
        before = self._said_at
        self._said_at = word.said_at if before is None else max(word.said_at, before)
        if word.read_at:
            self._reads.take(word.read_at)
