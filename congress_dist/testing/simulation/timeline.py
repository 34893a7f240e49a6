"""Virtual time: what happens when, and processes that can be paused in it."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable

Job = Callable[[], None]
_LATE = 1e-6
"""Seconds that a tick comes late: its process must find by its own clock that it is due."""
_MOST_ROUNDS = 20_000
"""Times that something happens until the end of a wait: who does more goes round in a circle."""
_BACKLOG = 200
"""Stimuli that wait for a paused process; later ones find its sockets full."""


class Timeline:
    """Events in the order of their time; equal times in the order in which they were planned."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._events: list[tuple[float, int, Job]] = []
        self._numbers = itertools.count()
        self.processes: list[Process] = []

    def at(self, when: float, job: Job) -> None:
        """Plan a job."""
        heapq.heappush(self._events, (when, next(self._numbers), job))

    def after(self, delay: float, job: Job) -> None:
        """Plan a job from now."""
        self.at(self.now + delay, job)

    def pass_until(self, end: float) -> None:
        """Run everything that is due until then."""
        events = self._events
        for _ in range(_MOST_ROUNDS):
            tick_at = math.inf
            for process in self.processes:
                if process.tick_at < tick_at:
                    tick_at = process.tick_at
            due = events[0][0] if events and events[0][0] < tick_at else tick_at
            if due > end:
                self.now = end
                return
            if due > self.now:
                self.now = due
            while events and events[0][0] <= self.now:
                heapq.heappop(events)[2]()
            if tick_at > self.now:
                continue  # nor can an event have made a tick due: each comes `_LATE`
            for process in tuple(self.processes):
                if process.tick_at <= self.now:
                    process.tick()
        raise AssertionError(f"{_MOST_ROUNDS} rounds, and something is still to be done")


class Process:
    """One operating system process: it has a clock of its own, can be paused, and can die.

    Invariant: `tick_at` is when its machines have something to do, infinity while it is paused.
    """

    def __init__(self, timeline: Timeline, name: str, offset: float) -> None:
        self.timeline = timeline
        self.name = name
        self.is_dead = False
        self.is_paused = False
        self.tick_at = math.inf
        self._offset = offset
        self._backlog: list[Job] = []
        timeline.processes.append(self)

    def monotonic(self) -> float:
        """Give its own monotonic clock."""
        return self.timeline.now + self._offset

    def stimulate(self, job: Job) -> None:
        """Hand it something, as its sockets would: at once, or when it runs again."""
        if self.is_dead:
            return
        if not self.is_paused:
            job()
            self.plan_tick()
        elif len(self._backlog) < _BACKLOG:
            self._backlog.append(job)

    def plan_tick(self) -> None:
        """Note when its machines have something to do."""
        if not self.is_paused and not self.is_dead:
            due = self.next_due() - self._offset
            self.tick_at = max(due, self.timeline.now) + _LATE

    def pause(self, seconds: float) -> None:
        """Stop it, as SIGSTOP does, for so long."""
        if self.is_paused:
            return
        self.is_paused = True
        self.tick_at = math.inf
        self.timeline.after(seconds, self.resume)

    def resume(self) -> None:
        """Let it run on: first what waits in its sockets."""
        if not self.is_paused or self.is_dead:
            return
        self.is_paused = False
        backlog, self._backlog = self._backlog, []
        for job in backlog:
            self.stimulate(job)
        self.plan_tick()

    def die(self) -> None:
        """End it, as SIGKILL does."""
        self.is_dead = True
        self.tick_at = math.inf
        self.timeline.processes.remove(self)

    def tick(self) -> None:
        """Let its machines do what is due."""
        self.on_tick()
        self.plan_tick()

    def next_due(self) -> float:
        """Give when its machines have something to do, on its own clock."""
        raise NotImplementedError

    def on_tick(self) -> None:
        """Do what is due."""
        raise NotImplementedError
