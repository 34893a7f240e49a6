"""How often one kind of log line may be written."""

from __future__ import annotations

import threading

from .clock import Clock

_MAX_KEYS = 1000


class RateLimit:
    """At most one line per key and interval; thread safe."""

    def __init__(self, clock: Clock, interval: float = 60.0) -> None:
        self._clock = clock
        self._interval = interval
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def allows(self, key: str) -> bool:
        """Tell whether a line with this key may be written now; if so it counts as written."""
        now = self._clock.monotonic()
        with self._lock:
            last = self._last.get(key)
            if last is not None and now - last < self._interval:
                return False
            if len(self._last) >= _MAX_KEYS:
                self._last.clear()
            self._last[key] = now
            return True
