"""The largest of the numbers that were noted lately."""

from __future__ import annotations


class RecentMaximum:
    """Forgets what is old: between one and two windows after it was noted."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._began = 0.0
        self._largest = 0.0
        self._before = 0.0

    def note(self, value: float, now: float) -> None:
        """Take a number, not below zero."""
        self._turn(now)
        self._largest = max(self._largest, value)

    def at(self, now: float) -> float:
        """Give the largest, 0 when there is none."""
        self._turn(now)
        return max(self._largest, self._before)

    def _turn(self, now: float) -> None:
        windows = (now - self._began) // self._window
        if windows >= 1:
            self._before = self._largest if windows == 1 else 0.0
            self._largest = 0.0
            self._began = now
