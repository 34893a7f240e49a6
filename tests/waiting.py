"""Waiting for what other threads and processes do; the bound is a failure, not a pause."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from congress_dist.clock import SystemClock

PATIENCE = 20.0
"""Seconds after which something that should happen at once counts as not happening."""
_PACE = 0.02


def wait_until(condition: Callable[[], Any], *, what: str, seconds: float = PATIENCE) -> Any:
    """Ask again until the answer is true, and give it."""
    clock, pause = SystemClock(), threading.Event()
    end = clock.monotonic() + seconds
    while not (answer := condition()):
        assert clock.monotonic() < end, f"not within {seconds} s: {what}"
        pause.wait(_PACE)
    return answer
