"""When children are started, killed and stopped: pure decisions, no process is touched here.

Stimuli come from supervisor.py (a child was spawned, beat, ended; time passed), effects go back.
"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

FIRST_DELAY = 0.5
"""Seconds before a child that ended is started again: enough for a port or lock to come free."""
MAX_DELAY = 30.0
"""The delay doubles up to this: a child that cannot start costs next to nothing."""
STABLE_TIME = 60.0
"""A child that ran this long has started well: the delay begins anew."""
START_TIME = 120.0
"""Seconds in which a child must beat first; it may be upgrading its database."""
STOP_TIME = 10.0
"""Seconds from SIGTERM to SIGKILL: a call under way may take as long."""
TICK_INTERVAL = 1.0


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A process to keep running; those of the lowest stop_order are stopped first."""

    name: str
    argv: Sequence[str]
    stop_order: int = 0


class Phase(StrEnum):
    """What a child is doing."""

    STARTING = "starting"
    """Spawned, has not beaten yet."""
    RUNNING = "running"
    WAITING = "waiting to restart"
    STOPPING = "stopping"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ChildStatus:
    """What is known of one child; `reason` says why it last ended."""

    name: str
    phase: Phase
    incarnation: str | None = None
    starts: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Spawn:
    """Start the child; `replaces` is the incarnation that has ended."""

    name: str
    replaces: str | None


@dataclass(frozen=True, slots=True)
class Signal:
    """Send a signal to the child."""

    name: str
    number: signal.Signals


@dataclass(frozen=True, slots=True)
class Report:
    """Tell that a child's status changed."""

    status: ChildStatus


Effect = Spawn | Signal | Report


class Supervision:
    """Decides for all children of one supervisor.

    Shapes: every stimulus gives the effects to carry out, in order; `now` is monotonic.
    """

    def __init__(
        self, specs: Iterable[ChildSpec], *, silence: float, stop_time: float = STOP_TIME
    ) -> None:
        self._children = {spec.name: _Child(spec, stop_time) for spec in specs}
        self._silence = silence
        self._last_tick: float | None = None
        self._stopping = False

    @property
    def is_done(self) -> bool:
        """Tell whether everything is stopped."""
        return all(child.phase is Phase.STOPPED for child in self._children.values())

    def statuses(self) -> list[ChildStatus]:
        """Give what is known of each child, in the order in which they were given."""
        return [child.status() for child in self._children.values()]

    def on_start(self, now: float) -> list[Effect]:
        """Start every child."""
        self._last_tick = now
        return [effect for child in self._children.values() for effect in child.spawn(now)]

    def on_spawned(self, name: str, incarnation: str) -> list[Effect]:
        """Take note of the identity of a child that was started."""
        child = self._children[name]
        child.incarnation = incarnation
        return [Report(child.status())]

    def on_beat(self, name: str, now: float) -> list[Effect]:
        """Take note of a sign of life."""
        child = self._children[name]
        child.last_beat = now
        if child.phase is not Phase.STARTING:
            return []
        child.phase = Phase.RUNNING
        return [Report(child.status())]

    def on_exit(self, name: str, reason: str, now: float) -> list[Effect]:
        """Restart a child that ended, after a while; or go on stopping."""
        child = self._children[name]
        child.end(reason, now, restart=not self._stopping)
        effects: list[Effect] = [Report(child.status())]
        return effects + (self._stop_next(now) if self._stopping else [])

    def on_stop(self, now: float) -> list[Effect]:
        """Begin to stop everything, in order; idempotent."""
        if self._stopping:
            return []
        self._stopping = True
        effects: list[Effect] = []
        for child in self._children.values():
            if child.phase is Phase.WAITING:
                child.phase = Phase.STOPPED
                effects.append(Report(child.status()))
        return effects + self._stop_next(now)

    def on_tick(self, now: float) -> list[Effect]:
        """Kill who is silent, or does not stop in time; start whose waiting is over."""
        away = 0.0 if self._last_tick is None else now - self._last_tick
        if away > TICK_INTERVAL + self._silence / 2:
            # Not they were away but we: what they would have said meanwhile is unknown.
            for child in self._children.values():
                child.forgive(away)
        self._last_tick = now
        effects: list[Effect] = []
        for child in self._children.values():
            effects += child.on_tick(now, self._silence)
        return effects

    def next_tick(self, now: float) -> float:
        """Give when `on_tick` is due at the latest."""
        due = [child.due for child in self._children.values() if child.phase is Phase.WAITING]
        return min([*due, now + TICK_INTERVAL])

    def check(self) -> None:
        """Assert what must hold between any two stimuli."""
        for child in self._children.values():
            assert FIRST_DELAY <= child.delay <= MAX_DELAY, child  # noqa: S101
            if self._stopping:
                assert child.phase is not Phase.WAITING, child  # noqa: S101
        orders = {
            child.spec.stop_order
            for child in self._children.values()
            if child.phase is Phase.STOPPING
        }
        assert len(orders) <= 1, orders  # noqa: S101

    def _stop_next(self, now: float) -> list[Effect]:
        left = [child for child in self._children.values() if child.phase is not Phase.STOPPED]
        first = min((child.spec.stop_order for child in left), default=0)
        return [
            effect
            for child in left
            if child.spec.stop_order == first
            for effect in child.stop(now)
        ]


class _Child:
    """One child's phase and times."""

    def __init__(self, spec: ChildSpec, stop_time: float) -> None:
        self.spec = spec
        self._stop_time = stop_time
        self.phase = Phase.STOPPED
        self.incarnation: str | None = None
        self.last_beat: float | None = None
        self.delay = FIRST_DELAY
        self.due = 0.0
        """When something must have happened: restart if waiting, first beat, end if stopping."""
        self._started = 0.0
        self._starts = 0
        self._reason = ""
        self._killed = False

    def status(self) -> ChildStatus:
        return ChildStatus(
            self.spec.name, self.phase, self.incarnation, self._starts, self._reason
        )

    def spawn(self, now: float) -> list[Effect]:
        replaces = self.incarnation
        self.phase = Phase.STARTING
        self.last_beat = None
        self.due = now + START_TIME
        self._started = now
        self._starts += 1
        self._killed = False
        return [Spawn(self.spec.name, replaces)]

    def end(self, reason: str, now: float, *, restart: bool) -> None:
        # A reason of ours, for which it was killed, says more than "killed by signal 9".
        self._reason = self._reason if self._killed else reason
        if not restart:
            self.phase = Phase.STOPPED
            return
        if now - self._started >= STABLE_TIME:
            self.delay = FIRST_DELAY
        self.phase = Phase.WAITING
        self.due = now + self.delay
        self.delay = min(self.delay * 2, MAX_DELAY)

    def stop(self, now: float) -> list[Effect]:
        if self.phase is Phase.STOPPING:
            return []
        self.phase = Phase.STOPPING
        self.due = now + self._stop_time
        return [Signal(self.spec.name, signal.SIGTERM), Report(self.status())]

    def forgive(self, seconds: float) -> None:
        if self.last_beat is not None:
            self.last_beat += seconds
        if self.phase is not Phase.WAITING:
            self.due += seconds

    def on_tick(self, now: float, silence: float) -> list[Effect]:
        if self.phase is Phase.WAITING:
            return self.spawn(now) if now >= self.due else []
        if self.phase is Phase.STARTING and now >= self.due:
            return self._kill(f"gave no sign of life within {START_TIME:.0f} s of its start")
        if self.phase is Phase.RUNNING and now - self._heard(now) > silence:
            return self._kill(f"was silent for more than {silence:g} s")
        if self.phase is Phase.STOPPING and now >= self.due:
            return self._kill(f"did not stop within {self._stop_time:g} s")
        return []

    def _heard(self, now: float) -> float:
        return now if self.last_beat is None else self.last_beat

    def _kill(self, reason: str) -> list[Effect]:
        if self._killed:
            return []
        self._killed = True
        self._reason = reason
        return [Signal(self.spec.name, signal.SIGKILL)]
