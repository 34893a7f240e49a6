"""One turn of reading a source: a driver, its schedule, a thread per poll, what is known so far.

Used from one thread; only `deliver` is called in the threads of the polls.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from .driver import Driver
from .poll_thread import PollThread, ReadEnd
from .readings import Reading, Readings
from .schedule import Effect, PollStatus, ReadLate, Schedule, StartRead

LOG = logging.getLogger(__name__)

CLOSE_WAIT = 0.5
"""Seconds that reads in progress get to end when the turn ends: who stops us waits."""


class Polling:
    """Reads a source from the beginning of a turn to its end.

    `deliver` gets how each read ended, and hands it back to `on_read_end` in the owner's thread.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        now: float,
        draw: Callable[[], float],
        deliver: Callable[[ReadEnd], None],
    ) -> None:
        self._driver = driver
        self._schedule = Schedule(driver.polls, now=now, draw=draw)
        self._readings = Readings(driver.tables)
        self._threads = {p.name: PollThread(driver, p, deliver) for p in driver.polls}
        self._polls = {poll.name: poll for poll in driver.polls}

    def start(self) -> None:
        """Start the threads; the first `on_tick` starts the first round."""
        for thread in self._threads.values():
            thread.start()

    def on_tick(self, now: float) -> list[Reading]:
        """Start the reads that are due; give what is to be published."""
        return self._perform(self._schedule.on_tick(now))

    def on_read_end(self, end: ReadEnd, now: float) -> list[Reading]:
        """Take in the end of a read; give what is to be published.

        Promises: what a late read gave is used all the same: the driver may answer the next read
            with `UNCHANGED` and mean this one.
        """
        if end.outcomes is None:
            reading = self._readings.on_failure(self._polls[end.poll].tables, end.reason)
        else:
            reading = self._readings.on_read(end.outcomes)
        began = self._schedule.statuses()[end.poll].started
        if began is not None:
            reading = replace(reading, age=now - began)
        effects = self._schedule.on_end(end.poll, now, good=end.outcomes is not None)
        return [reading, *self._perform(effects)]

    def on_refresh(self, polls: Iterable[str], now: float) -> list[Reading]:
        """Read these polls now."""
        return self._perform(self._schedule.on_refresh(polls, now))

    def next_wake(self) -> float | None:
        """Give when `on_tick` has something to do; None: not before a read ends."""
        return self._schedule.next_wake()

    def describe(self, now: float) -> dict[str, Any]:
        """Give polls and table states as plain values."""
        states = self._readings.states()
        return {
            "polls": [_poll_entry(status, now) for status in self._schedule.statuses().values()],
            "tables": {table: state.to_wire() for table, state in states.items()},
        }

    def close(self) -> None:
        """End the threads and close the driver, also when a read hangs; idempotent."""
        for thread in self._threads.values():
            thread.stop()
        # One wait for all: what hangs does so in parallel.
        wait = CLOSE_WAIT
        for name, thread in self._threads.items():
            if not thread.has_ended_within(wait):
                wait = 0.0
                LOG.warning("poll left behind, its read hangs poll=%s", name)
        self._threads = {}
        try:
            self._driver.close()
        except Exception:
            LOG.exception("driver could not be closed driver=%s", self._driver.name)

    def _perform(self, effects: Iterable[Effect]) -> list[Reading]:
        readings = []
        for effect in effects:
            match effect:
                case StartRead(poll):
                    self._threads[poll].ask()
                case ReadLate(poll, reason):
                    tables = self._polls[poll].tables
                    readings.append(self._readings.on_failure(tables, reason))
        return readings


def _poll_entry(status: PollStatus, now: float) -> dict[str, Any]:
    poll = status.poll
    doing = "idle" if status.started is None else "late" if status.late else "reading"
    return {
        "name": poll.name,
        "tables": list(poll.tables),
        "interval": poll.interval,
        "timeout": poll.timeout,
        "low_priority": poll.low_priority,
        "doing": doing,
        "next_in": max(0.0, status.due - now) if status.started is None else None,
        "reads": status.reads,
        "late_reads": status.late_reads,
        "failures": status.failures,
        "last_seconds": status.last_seconds,
    }
