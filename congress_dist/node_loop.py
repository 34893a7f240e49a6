"""The thread that takes a node's messages and ticks, one at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .byte_queue import ByteQueue
from .clock import Clock

LOG = logging.getLogger(__name__)
_ALIVE_WITHIN = 5.0
_LONGEST_WAIT = 1.0
"""It looks around at least this often, so that `is_alive` says something."""
Job = Callable[[], None]


class NodeLoop:
    """Runs jobs in order, and `tick` after each and whenever `next_due` says.

    Promises: a job, a tick or a deadline that raises is logged and counted; the loop goes on.
        Never busy: without jobs it sleeps.
    """

    def __init__(
        self, clock: Clock, *, tick: Job, next_due: Callable[[], float], max_bytes: int
    ) -> None:
        self._clock = clock
        self._tick = tick
        self._next_due = next_due
        self._inbox: ByteQueue[Job] = ByteQueue(max_bytes)
        self._progress_at = clock.monotonic()
        self._thread = threading.Thread(target=self._run, name="dse-loop", daemon=True)
        self.failures = 0

    @property
    def dropped(self) -> int:
        """Give how many jobs found no room."""
        return self._inbox.dropped

    def start(self) -> None:
        """Begin to run."""
        self._thread.start()

    def post(self, job: Job, size_bytes: int = 0) -> None:
        """Run a job soon; one with a size is dropped and counted while too much waits."""
        self._inbox.put(job, size_bytes)

    def wake(self) -> None:
        """Look at the clock and the deadlines again."""
        self._inbox.put(_nothing)

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
            job = self._inbox.get(self._longest_wait())
            if job is not None:
                self._guard(job)
            self._guard(self._tick)

    def _longest_wait(self) -> float:
        try:
            until_due = self._next_due() - self._clock.monotonic()
        except Exception:
            self.failures += 1
            LOG.exception("the next deadline is unknown; looking again soon")
            return _LONGEST_WAIT
        return min(_LONGEST_WAIT, max(0.0, until_due))

    def _guard(self, job: Job) -> None:
        try:
            job()
        except Exception:
            self.failures += 1
            LOG.exception("a step of the node failed; it goes on")


def _nothing() -> None:
    """Only wake the loop."""
