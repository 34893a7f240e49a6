"""Time and randomness: the only module that reads a clock or draws a random number.

Pure code takes `now` as an argument; shells get a `Clock` and pass its readings on.
"""

from __future__ import annotations

import random
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol

Random = random.Random
"""A generator as pure code takes it: seeded by a test, or by `new_random`."""


class Clock(Protocol):
    """What shells ask of time; `testing.FakeClock` is the other implementation."""

    def monotonic(self) -> float:
        """Give seconds since an arbitrary start; never goes back, comparable in one process."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    def monotonic(self) -> float:
        """Give seconds since an arbitrary start."""
        return time.monotonic()


def utc_now() -> datetime:
    """Give the wall time in UTC: for people and logs, never for the protocol."""
    return datetime.now(UTC)


def new_incarnation() -> str:
    """Give an identity that no other start of a process has."""
    return str(uuid.uuid4())


def new_random(seed: int | None = None) -> Random:
    """Give a generator, seeded by the operating system unless told: for jitter, not secrets."""
    return random.Random(seed)  # noqa: S311
