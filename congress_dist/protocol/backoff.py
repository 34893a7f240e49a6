"""How long to wait before the next try: a doubling bound, and a random time below it."""

from __future__ import annotations

from ..clock import Random

_MAX_DOUBLINGS = 32


class Backoff:
    """Full jitter: many who failed together come back apart.

    Source: docs/protocol.md section 4; the bound doubles from `shortest` to `longest`.
    """

    def __init__(self, shortest: float, longest: float, rng: Random) -> None:
        self._shortest = shortest
        self._longest = longest
        self._rng = rng
        self._failures = 0

    def next_delay(self) -> float:
        """Count one more failure and give the time to wait."""
        bound = min(self._longest, self._shortest * 2.0 ** min(self._failures, _MAX_DOUBLINGS))
        self._failures += 1
        return self._rng.uniform(0.0, bound)

    def reset(self) -> None:
        """Forget the failures: something worked."""
        self._failures = 0
