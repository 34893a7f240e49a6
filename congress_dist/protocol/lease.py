"""The holder of one lease, or a candidate for it, as a pure state machine.

docs/protocol.md section 6. Stimuli: `on_tick`, `on_answer`, `on_failure`, `on_heard`, `stop`.
Effects: `LeaseCall`, `Granted`, `Lost`. One call is out at a time; its answer or failure comes
back with the time at which the call was sent.
"""

# ruff: noqa: S101 - invariants are asserted in check()

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from ..clock import Random
from .backoff import Backoff
from .options import DseOptions
from .stream import Epoch

ACQUIRE, RENEW, RELEASE = "lease_acquire", "lease_renew", "lease_release"
_READS = 3
"""How often a candidate must have read the same renewals before it takes over."""


@dataclass(frozen=True, slots=True)
class LeaseCall:
    """Call a method of the policy service."""

    method: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Granted:
    """The lease is ours: publish under this epoch."""

    epoch: Epoch


@dataclass(frozen=True, slots=True)
class Lost:
    """The lease is no longer ours: stop publishing."""

    reason: str


LeaseEffect = LeaseCall | Granted | Lost


class LeaseState(Enum):
    """Where a holder stands."""

    SEEKING = auto()
    """Not ours: asks for it, and watches whether its owner still renews."""
    HELD = auto()
    """Ours, until a renewal is refused or a higher epoch is heard."""
    YIELDING = auto()
    """Ours by its row, with an epoch that others have passed: give it back, then seek a higher
    one."""
    STOPPED = auto()


@dataclass(slots=True)
class _Watch:
    """What a candidate saw of another's lease: how often the same, and since when.

    Units: `since` is when the first equal answer arrived, on the candidate's own clock.
    """

    generation: int
    renewals: int
    since: float
    reads: int = field(default=1)


class LeaseHolder:
    """Own a stream, or wait for its owner to fall silent.

    Invariant: `epoch` is set exactly while HELD, and higher each time; `past` is the last one of
    a holder before this one. An owner that cannot renew stays HELD: fencing makes it harmless, not
    stopping.
    """

    def __init__(
        self,
        name: str,
        owner: str,
        *,
        replaces: str | None,
        options: DseOptions,
        rng: Random,
        now: float,
        past: int = 0,
    ) -> None:
        self._name = name
        self._owner = owner
        self._replaces = replaces
        self._options = options
        self._backoff = Backoff(options.backoff_min, options.backoff_max, rng)
        self._state = LeaseState.SEEKING
        self._due = now
        self._is_calling = False
        self._watch: _Watch | None = None
        self._generation = 0
        self._newest_epoch = past
        self._renewed_at = now
        self._heard = past
        self._heard_from_other = 0

    @property
    def state(self) -> LeaseState:
        """Give where the holder stands."""
        return self._state

    @property
    def epoch(self) -> Epoch | None:
        """Give the epoch to publish under, None while the lease is not ours."""
        return Epoch(self._generation) if self._state is LeaseState.HELD else None

    @property
    def newest_epoch(self) -> int:
        """Give the newest epoch that ever was ours, 0 for none."""
        return self._newest_epoch

    @property
    def next_tick(self) -> float:
        """Give when `on_tick` will have something to do, infinity for never."""
        if self._is_calling or self._state is LeaseState.STOPPED:
            return math.inf
        return self._due

    def unrenewed(self, now: float) -> float:
        """Give how long a renewal is overdue, 0 while all is well."""
        if self._state is not LeaseState.HELD:
            return 0.0
        silent_for = now - self._renewed_at
        return silent_for if silent_for > 2 * self._options.lease_renewal else 0.0

    def on_tick(self, now: float) -> list[LeaseEffect]:
        """Make the call that is due."""
        if now < self.next_tick:
            return []
        self._is_calling = True
        if self._state is LeaseState.HELD:
            return [LeaseCall(RENEW, self._ours())]
        if self._state is LeaseState.YIELDING:
            return [LeaseCall(RELEASE, self._ours())]
        arguments = {
            "name": self._name,
            "owner": self._owner,
            "replaces": self._replaces,
            "heard_epoch": self._heard,
            "expected": self._expected(now),
        }
        return [LeaseCall(ACQUIRE, arguments)]

    def on_answer(
        self, method: str, answer: Mapping[str, Any], *, sent: float, now: float
    ) -> list[LeaseEffect]:
        """Take the answer to the call that was out.

        Promises: what an owner believes counts from `sent`, not from when the answer came.
        """
        self._is_calling = False
        if self._state is LeaseState.STOPPED:
            return self._give_back(answer) if method == ACQUIRE else []
        self._backoff.reset()
        if self._state is not LeaseState.YIELDING:  # there the release is due at once
            self._due = now + self._options.lease_renewal
        if method == ACQUIRE and self._state is LeaseState.SEEKING:
            return self._on_acquired(answer, sent, now)
        if method == RENEW and self._state is LeaseState.HELD:
            return self._on_renewed(answer, sent, now)
        if method == RELEASE and self._state is LeaseState.YIELDING:
            self._seek(now)
        return []

    def on_failure(self, now: float) -> list[LeaseEffect]:
        """Take that the call that was out got no answer: whether it was carried out is unknown."""
        self._is_calling = False
        self._due = now + self._backoff.next_delay()
        return []

    def on_heard(self, epoch: int, incarnation: str, now: float) -> list[LeaseEffect]:
        """Take an epoch of this stream that was heard on the bus."""
        self._heard = max(self._heard, epoch)
        if incarnation == self._owner:
            return []
        self._heard_from_other = max(self._heard_from_other, epoch)
        if self._state is not LeaseState.HELD or epoch < self._generation:
            return []
        return self._yield(f"another incarnation publishes epoch {epoch}", now)

    def stop(self) -> list[LeaseEffect]:
        """Give the lease back, if it is ours."""
        was_ours = self._state in (LeaseState.HELD, LeaseState.YIELDING)
        self._state = LeaseState.STOPPED
        return [LeaseCall(RELEASE, self._ours())] if was_ours else []

    def check(self) -> None:
        """Assert every invariant; for tests, after each step."""
        assert self._state is not LeaseState.HELD or self._generation > self._heard_from_other
        assert self._heard >= self._heard_from_other
        assert self._watch is None or self._state is LeaseState.SEEKING

    def _on_acquired(
        self, answer: Mapping[str, Any], sent: float, now: float
    ) -> list[LeaseEffect]:
        generation, renewals = int(answer["generation"]), int(answer["renewals"])
        if not answer["granted"]:
            self._note_read(generation, renewals, now)
            return []
        self._watch = None
        self._replaces = None
        self._generation = generation
        self._note_heard(answer)
        used = max(self._heard_from_other, self._newest_epoch)
        if generation < self._heard or generation <= used:
            # The row is older than what subscribers have seen: a database restored from a backup,
            # or a release of ours that is still on its way. One epoch never begins twice.
            self._state = LeaseState.YIELDING
            self._due = now
            return []
        self._state = LeaseState.HELD
        self._newest_epoch = self._heard = generation
        self._renewed_at = sent
        return [Granted(Epoch(generation))]

    def _on_renewed(self, answer: Mapping[str, Any], sent: float, now: float) -> list[LeaseEffect]:
        self._note_heard(answer)
        heard = self._heard_from_other
        if answer["granted"] and heard >= self._generation:
            # Whoever heard that epoch takes nothing of this one: a higher one must be asked for.
            return self._yield(f"another incarnation published epoch {heard}", now)
        if answer["granted"]:
            self._renewed_at = sent
            return []
        self._seek(now)
        return [Lost("a renewal was refused: another incarnation owns the lease")]

    def _give_back(self, answer: Mapping[str, Any]) -> list[LeaseEffect]:
        """Release what was granted after the stop: nobody would renew it."""
        if not answer["granted"]:
            return []
        self._generation = int(answer["generation"])
        return [LeaseCall(RELEASE, self._ours())]

    def _yield(self, reason: str, now: float) -> list[LeaseEffect]:
        # Releasing another's lease does nothing; releasing our own lets the next grant be higher.
        self._state = LeaseState.YIELDING
        self._due = now
        return [Lost(reason)]

    def _seek(self, now: float) -> None:
        self._state = LeaseState.SEEKING
        self._watch = None
        self._due = now

    def _note_heard(self, answer: Mapping[str, Any]) -> None:
        """Take the newest epoch that the policy service has heard from others."""
        self._heard_from_other = max(self._heard_from_other, int(answer.get("heard", 0)))
        self._heard = max(self._heard, self._heard_from_other)

    def _note_read(self, generation: int, renewals: int, now: float) -> None:
        watch = self._watch
        if watch is not None and (watch.generation, watch.renewals) == (generation, renewals):
            watch.reads += 1
        else:
            self._watch = _Watch(generation, renewals, since=now)

    def _expected(self, now: float) -> list[int] | None:
        """Give what the row must still say for a takeover, None while it is too early for one."""
        watch = self._watch
        if watch is None or watch.reads < _READS or now - watch.since < self._options.lease_time:
            return None
        return [watch.generation, watch.renewals]

    def _ours(self) -> dict[str, Any]:
        return {"name": self._name, "owner": self._owner, "generation": self._generation}
