"""A clock that stands still until a test moves it."""

from __future__ import annotations

import threading


class FakeClock:
    """A `Clock` whose time passes only by `advance`; may be read and moved in any thread."""

    def __init__(self, now: float = 1000.0) -> None:
        self._now = now
        self._lock = threading.Lock()

    def monotonic(self) -> float:
        """Give the present reading."""
        with self._lock:
            return self._now

    def advance(self, seconds: float) -> float:
        """Let time pass and give the new reading."""
        if seconds < 0:
            raise ValueError(f"a monotonic clock cannot go back by {-seconds} s")
        with self._lock:
            self._now += seconds
            return self._now
