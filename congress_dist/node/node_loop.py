"""The thread that takes a node's messages, and does what is due, one at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..clock import Clock
from .inbox import Inbox, Item, Step
from .timetable import BUSY_AGAIN, Timetable

LOG = logging.getLogger(__name__)
_ALIVE_WITHIN = 5.0
_LONGEST_WAIT = 1.0
"""It looks around at least this often, so that `is_alive` says something."""
_LOOK_AGAIN = 1.0
"""After this long a job that failed is tried again: never at once, for ever."""


class NodeLoop:
    """Runs the steps of messages, and the jobs of `timetable` when they are due.

    Promises: a step or a job that raises is logged and counted; the loop goes on. A step that
        gives False is run again soon, before others of its sender. Never busy: without anything
        due it sleeps. A message costs the same however many jobs there are.
    """

    def __init__(self, clock: Clock, *, max_bytes: int) -> None:
        self._clock = clock
        self._inbox = Inbox(max_bytes)
        self.timetable = Timetable(self.wake)
        self._progress_at = clock.monotonic()
        self._thread = threading.Thread(target=self._run, name="dse-loop", daemon=True)
        self.failures = 0

    @property
    def dropped(self) -> int:
        """Give how many messages found no room."""
        return self._inbox.dropped

    @property
    def waiting(self) -> int:
        """Give how many messages wait."""
        return self._inbox.waiting

    @property
    def waiting_bytes(self) -> int:
        """Give what those weigh."""
        return self._inbox.size_bytes

    def start(self) -> None:
        """Begin to run."""
        self._thread.start()

    def post(self, sender: str, step: Step, size_bytes: int) -> None:
        """Run the step of a message soon; it is dropped and counted while too much waits."""
        self._inbox.put(Item(sender, step, size_bytes))

    def wake(self) -> None:
        """Look at the clock and at what is due again."""
        self._inbox.nudge()

    def is_alive(self) -> bool:
        """Tell whether it made progress in the last few seconds."""
        is_recent = self._clock.monotonic() - self._progress_at < _ALIVE_WITHIN
        return self._thread.is_alive() and is_recent

    def stop(self, timeout: float) -> None:
        """Run what was posted, for at most `timeout`; idempotent."""
        self._inbox.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._inbox.is_finished:
            self._progress_at = self._clock.monotonic()
            item = self._inbox.take(self._longest_wait())
            if item is not None and self._guard(item.step) is False:
                self._inbox.set_aside(item)
                self.timetable.set(self._inbox.resume, self._clock.monotonic() + BUSY_AGAIN)
            for job in self.timetable.take_due(self._clock.monotonic()):
                if self._guard(job) is _FAILED:
                    self.timetable.set(job, self._clock.monotonic() + _LOOK_AGAIN)

    def _longest_wait(self) -> float:
        until_due = self.timetable.next_due - self._clock.monotonic()
        return min(_LONGEST_WAIT, max(0.0, until_due))

    def _guard(self, run: Callable[[], object]) -> object:
        try:
            return run()
        except Exception:
            self.failures += 1
            LOG.exception("a step of the node failed; it goes on")
            return _FAILED


_FAILED = object()
