"""When to read: the clockwork of a datasource's polls, as a pure state machine.

Per poll: idle until `due`; then reading; a read that outlives the poll's timeout is *late*: its
tables fail, its thread is left alone, and no second read of that poll starts until it ends.
The duties of the caller: call `on_tick` at `next_wake()` or earlier, carry out the effects in
order, and call `on_end` exactly once for every `StartRead`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .driver import Poll

JITTER = 0.1
"""A delay is drawn from interval ± 10 %, so that many datasources do not read in step."""
FIRST_RETRY = 5.0
"""Seconds until the first retry of a long poll: an hourly one need not wait an hour."""
LONGEST_RETRY = 60.0
"""Back-off stops growing here, or at the interval where that is longer."""
_REST = 0.5
"""A poll rests at least this part of its delay after a read, however slow the read was."""


@dataclass(frozen=True, slots=True)
class StartRead:
    """Let the poll's thread read."""

    poll: str


@dataclass(frozen=True, slots=True)
class ReadLate:
    """Let the poll's tables fail for this reason."""

    poll: str
    reason: str


Effect = StartRead | ReadLate


@dataclass(slots=True)
class PollStatus:
    """Where one poll stands.

    Units: seconds; `due` and `started` are readings of the caller's monotonic clock.
    """

    poll: Poll
    due: float
    started: float | None = None
    # Invariant: only a read that runs can be late.
    late: bool = False
    refresh_wanted: bool = False
    failures: int = 0
    reads: int = 0
    late_reads: int = 0
    last_seconds: float | None = None


class Schedule:
    """Decides for each poll of a driver when its next read starts.

    `draw` gives numbers in [0, 1) for jitter.
    """

    def __init__(self, polls: Iterable[Poll], *, now: float, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._statuses = {poll.name: PollStatus(poll, due=now) for poll in polls}

    def on_tick(self, now: float) -> list[Effect]:
        """Start what is due and give up waiting for what takes too long."""
        effects: list[Effect] = []
        for status in self._statuses.values():
            if status.started is None and status.due <= now:
                status.started = now
                effects.append(StartRead(status.poll.name))
            elif _outlived(status, now):
                status.late = True
                status.late_reads += 1
                reason = f"read took longer than {status.poll.timeout:g} s"
                effects.append(ReadLate(status.poll.name, reason))
        return effects

    def on_end(self, poll: str, now: float, *, good: bool) -> list[Effect]:
        """Note that the read of a poll has ended and plan the next one.

        Promises: a late read counts as a failure even when it is good: its source is slow.
        """
        status = self._statuses[poll]
        assert status.started is not None, f"poll {poll!r} ended without a start"  # noqa: S101
        status.reads += 1
        status.last_seconds = now - status.started
        status.failures = 0 if good and not status.late else status.failures + 1
        delay = self._jittered(_delay(status))
        status.due = max(status.started + delay, now + _REST * delay)
        if status.refresh_wanted:
            status.due = now
        status.started, status.late, status.refresh_wanted = None, False, False
        return self.on_tick(now)

    def on_refresh(self, polls: Iterable[str], now: float) -> list[Effect]:
        """Read these polls at once; one that is being read is read once more after that."""
        for poll in polls:
            status = self._statuses[poll]
            status.refresh_wanted = status.started is not None
            if status.started is None:
                status.due = now
        return self.on_tick(now)

    def next_wake(self) -> float | None:
        """Give the time of the next effect; None: nothing happens before a read ends."""
        times = [_wake(status) for status in self._statuses.values()]
        return min((time for time in times if time is not None), default=None)

    def statuses(self) -> dict[str, PollStatus]:
        """Give where each poll stands, by name."""
        return dict(self._statuses)

    def check(self) -> None:
        """Assert what must always hold."""
        for status in self._statuses.values():
            running = status.started is not None
            assert running or not status.late, status  # noqa: S101
            assert running or not status.refresh_wanted, status  # noqa: S101
            assert status.late_reads <= status.reads + status.late, status  # noqa: S101

    def _jittered(self, delay: float) -> float:
        return delay * (1 - JITTER + 2 * JITTER * self._draw())


def _outlived(status: PollStatus, now: float) -> bool:
    if status.started is None or status.late:
        return False
    return now - status.started >= status.poll.timeout


def _wake(status: PollStatus) -> float | None:
    if status.started is None:
        return status.due
    return None if status.late else status.started + status.poll.timeout


def _delay(status: PollStatus) -> float:
    interval = status.poll.interval
    if not status.failures:
        return interval
    # The exponent is bounded so that years of failures do not overflow a float.
    doubled = min(interval, FIRST_RETRY) * 2.0 ** min(status.failures - 1, 32)
    return min(doubled, max(interval, LONGEST_RETRY))
