"""A thread that waits so that the node's loop does not have to."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable

LOG = logging.getLogger(__name__)
Job = Callable[[], None]


class Worker:
    """Run jobs one after the other, in a thread that starts with the first of them.

    Promises: in the order given; a job that raises is logged.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_stopped = False

    def submit(self, job: Job) -> None:
        """Run a job soon; after `stop` it is not run."""
        with self._lock:
            if self._is_stopped:
                return
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                thread.start()
                self._thread = thread
            self._jobs.put(job)

    def stop(self, timeout: float) -> None:
        """Run what was submitted, for at most `timeout`; idempotent."""
        with self._lock:
            self._is_stopped = True
            thread = self._thread
        self._jobs.put(None)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                job()
            except Exception:
                LOG.exception("a job failed in thread=%s", self._name)
