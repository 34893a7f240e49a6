"""Threads that wait for answers: one for each lane with jobs; no lane waits for another.

A lane is a source whose publisher is asked, or a stream whose lease is renewed. Who does not
answer holds up its own lane and nothing else, however many do not answer; the number of threads is
at most that of the sources and streams of a node.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from ..clock import SystemClock

LOG = logging.getLogger(__name__)
Job = Callable[[], None]


class Lanes:
    """Run the jobs of each lane one after the other, those of different lanes side by side.

    Promises: a thread ends with the last job of its lane; a job that raises is logged.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Job]] = {}
        self._threads: set[threading.Thread] = set()
        self._is_stopped = False
        self._clock = SystemClock()

    def submit(self, lane: str, job: Job) -> bool:
        """Run a job after those of its lane; tell whether it will be run.

        Promises: False after `stop`, and when the system gives no more threads.
        """
        with self._lock:
            if self._is_stopped:
                return False
            if lane in self._waiting:
                self._waiting[lane].append(job)
                return True
            name = f"{self._name}-{lane}"
            thread = threading.Thread(target=self._run, args=(lane,), name=name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                LOG.exception("no thread for a call; it is made later thread=%s", name)
                return False
            self._waiting[lane] = deque([job])
            self._threads.add(thread)
            return True

    def stop(self, timeout: float) -> None:
        """Run what was submitted, for at most `timeout` over all lanes; idempotent."""
        end = self._clock.monotonic() + timeout
        with self._lock:
            self._is_stopped = True
            threads = list(self._threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - self._clock.monotonic()))

    def _run(self, lane: str) -> None:
        while (job := self._next(lane)) is not None:
            try:
                job()
            except Exception:
                LOG.exception("a job failed in thread=%s-%s", self._name, lane)

    def _next(self, lane: str) -> Job | None:
        with self._lock:
            waiting = self._waiting[lane]
            if waiting:
                return waiting.popleft()
            del self._waiting[lane]
            self._threads.discard(threading.current_thread())
            return None
