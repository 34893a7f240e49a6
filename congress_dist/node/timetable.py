"""When each part of a node has something to do; a part touches only its own entry."""

from __future__ import annotations

import heapq
import itertools
import math
import threading
from collections.abc import Callable

Job = Callable[[], None]
LOCK_PATIENCE = 0.002
"""So long the loop waits for the lock of a part: longer than most who hold one need, and short
beside what the other parts may wait."""
REPORT_PATIENCE = 0.05
"""So long a question of an operator waits for it: a part that is busy for longer is said to be."""
BUSY_AGAIN = 0.02
"""After this long the loop looks again at a part whose lock it did not get."""
_SLACK = 64
"""Outdated entries that may stay in the heap beside as many as there are jobs."""


class Timetable:
    """Due times by job; thread safe.

    Invariant: the heap holds each job's present due time, and perhaps former ones, which are
    passed over.
    """

    def __init__(self, on_sooner: Job) -> None:
        self._on_sooner = on_sooner
        self._lock = threading.Lock()
        self._due: dict[Job, float] = {}
        self._heap: list[tuple[float, int, Job]] = []
        self._numbers = itertools.count()

    @property
    def next_due(self) -> float:
        """Give when a job is due, infinity for never."""
        with self._lock:
            self._drop_outdated()
            return self._heap[0][0] if self._heap else math.inf

    def set(self, job: Job, due: float) -> None:
        """Run a job at a time, infinity for never; equal jobs (a bound method is one) have one.

        Promises: whoever waits for the next due time is told when it is sooner now.
        Cost: logarithmic in the number of jobs.
        """
        with self._lock:
            self._drop_outdated()
            first = self._heap[0][0] if self._heap else math.inf
            if due == math.inf:
                self._due.pop(job, None)
                return
            if self._due.get(job) != due:
                self._due[job] = due
                heapq.heappush(self._heap, (due, next(self._numbers), job))
                self._compact()
        if due < first:
            self._on_sooner()

    def take_due(self, now: float) -> list[Job]:
        """Give the jobs that are due, soonest first; each has no due time until it is set anew."""
        jobs = []
        with self._lock:
            self._drop_outdated()
            while self._heap and self._heap[0][0] <= now:
                _, _, job = heapq.heappop(self._heap)
                del self._due[job]
                jobs.append(job)
                self._drop_outdated()
        return jobs

    def _drop_outdated(self) -> None:
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._due) + _SLACK:
            self._heap = [(due, next(self._numbers), job) for job, due in self._due.items()]
            heapq.heapify(self._heap)
