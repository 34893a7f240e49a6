"""Threads that wait so that the node's loop does not have to."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

from ..clock import SystemClock

LOG = logging.getLogger(__name__)
Job = Callable[[], None]


class Workers:
    """Run jobs in up to a number of threads, which start when they are needed.

    Promises: with one thread, jobs run one after the other in the order given; a job that raises
        is logged.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._name = name
        self._max_threads = threads
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._waiting = 0
        self._is_stopped = False
        self._clock = SystemClock()

    def submit(self, job: Job) -> None:
        """Run a job soon; after `stop` it is not run."""
        with self._lock:
            if self._is_stopped:
                return
            self._waiting += 1
            self._jobs.put(job)
            if len(self._threads) < min(self._waiting, self._max_threads):
                self._start_thread()

    def stop(self, timeout: float) -> None:
        """Run what was submitted, for at most `timeout` over all threads; idempotent."""
        end = self._clock.monotonic() + timeout
        with self._lock:
            self._is_stopped = True
            threads = list(self._threads)
            for _ in threads:
                self._jobs.put(None)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, end - self._clock.monotonic()))

    def _start_thread(self) -> None:
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                LOG.exception("a job failed in thread=%s", self._name)
            with self._lock:
                self._waiting -= 1
