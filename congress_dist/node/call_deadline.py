"""How long the caller still waits for the call that this thread carries out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_THREAD = threading.local()


@contextmanager
def serving(seconds_left: Callable[[], float]) -> Iterator[None]:
    """Carry out a call in a `with` block; `seconds_left` tells how long its caller still waits."""
    before = getattr(_THREAD, "seconds_left", None)
    _THREAD.seconds_left = seconds_left
    try:
        yield
    finally:
        _THREAD.seconds_left = before


def find_seconds_left() -> float | None:
    """Give how long the caller still waits; None: this thread carries out no call."""
    seconds_left: Callable[[], float] | None = getattr(_THREAD, "seconds_left", None)
    return None if seconds_left is None else seconds_left()
