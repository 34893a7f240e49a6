"""Which sealed calls were taken before, so that a copy of one is not carried out again."""

from __future__ import annotations

import threading
from collections import OrderedDict

_SENDERS = 1_000
_CALLS = 1_000
"""Calls of one sender that may overtake each other."""


class Replays:
    """The numbers of the newest calls of each sender; thread safe.

    Promises: a number is taken once while its sender is remembered: as long as fewer than
        `senders` others called since.
    Cost: bounded by senders x calls numbers.
    """

    def __init__(self, senders: int = _SENDERS, calls: int = _CALLS) -> None:
        self._senders = senders
        self._calls = calls
        self._lock = threading.Lock()
        self._taken: OrderedDict[str, _Numbers] = OrderedDict()

    def take(self, sender: str, number: int) -> bool:
        """Tell whether a call is a new one, and remember it."""
        with self._lock:
            numbers = self._taken.setdefault(sender, _Numbers(self._calls))
            self._taken.move_to_end(sender)
            if len(self._taken) > self._senders:
                self._taken.popitem(last=False)
            return numbers.take(number)


class _Numbers:
    """Invariant: what is not above `_floor` was taken, or is too old to be told apart."""

    __slots__ = ("_floor", "_kept", "_taken")

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._floor = 0
        self._taken: set[int] = set()

    def take(self, number: int) -> bool:
        if number <= self._floor or number in self._taken:
            return False
        self._taken.add(number)
        if len(self._taken) > 2 * self._kept:
            self._floor = sorted(self._taken)[-self._kept - 1]
            self._taken = {taken for taken in self._taken if taken > self._floor}
        return True
