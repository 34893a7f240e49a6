"""How long calls take, by method and outcome: counted in classes, as monitoring wants it."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the classes in seconds: from a call over a socket to the longest deadline."""


@dataclass(slots=True)
class _Times:
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    seconds: float = 0.0


class CallTimes:
    """Counts calls; thread safe.

    Cost: about a microsecond for each call.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._times: dict[tuple[str, str], _Times] = {}

    def note(self, method: str, outcome: str, seconds: float) -> None:
        """Count a call that ended.

        Shapes: `outcome` is `ok` or the code of an error; method and outcome come from small sets.
        """
        index = bisect_left(BOUNDS, seconds)
        with self._lock:
            times = self._times.get((method, outcome))
            if times is None:
                times = self._times[method, outcome] = _Times()
            times.counts[index] += 1
            times.seconds += seconds

    def report(self) -> list[dict[str, Any]]:
        """Give what was counted, as plain data; `counts` are by class, the last without bound."""
        with self._lock:
            return [
                {
                    "method": method,
                    "outcome": outcome,
                    "counts": list(times.counts),
                    "seconds": times.seconds,
                }
                for (method, outcome), times in sorted(self._times.items())
            ]
