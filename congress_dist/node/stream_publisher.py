"""One stream that a node publishes: its lease, its state machine, and the services' way in.

Any thread may step the machines, each under its lock; what the publisher sends enters the outbox
before its lock is given back, so that it leaves in order. The lease has a lock of its own, so that
it is renewed while a read of millions of rows is published.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from ..clock import Clock, Random
from ..errors import LeaseLost, NotFound
from ..log_fields import WORKED_ON
from ..protocol.effects import Alarm, Effect, Send
from ..protocol.lease import Granted, LeaseCall, LeaseEffect, LeaseHolder, LeaseState, Lost
from ..protocol.messages import ChunkRequest, Delta, Heartbeat, SyncReply, SyncRequest
from ..protocol.options import DseOptions
from ..protocol.published_table import Published, TableRead
from ..protocol.publisher import Identity, Publisher
from ..protocol.stream import Epoch
from ..rate_limit import RateLimit
from .standing import BUSY
from .stream_report import stream_report
from .sync_counts import SyncCounts
from .timetable import BUSY_AGAIN, LOCK_PATIENCE, REPORT_PATIENCE, Job

LOG = logging.getLogger(__name__)

_ANOTHER = ""
"""An incarnation that is not known, but not this one."""
_WORDS_BY_LEASE = {
    LeaseState.HELD: ("publishing", ""),
    LeaseState.SEEKING: ("candidate", "another process holds the lease, or nobody grants it"),
    LeaseState.YIELDING: ("yielding", "a newer epoch was heard of; a higher one is asked for"),
    LeaseState.STOPPED: ("stopped", "it was stopped"),
}


@dataclass(frozen=True, slots=True)
class StreamSpec:
    """What a service publishes, and whom to tell about its lease."""

    name: str
    tables: Mapping[str, Published]
    on_granted: Callable[[Epoch], None]
    on_lost: Callable[[str], None]


class Outgoing(Protocol):
    """Where messages leave, in order; the outbox, or a simulated network."""

    def put(self, message: Delta | Heartbeat, size_bytes: int) -> bool:
        """Take a message; tell whether there was room."""
        ...

    @property
    def is_busy(self) -> bool:
        """Tell whether something taken before has not left yet."""
        ...


@dataclass(frozen=True, slots=True)
class StreamTools:
    """What a stream carries its effects out with."""

    node_id: str
    incarnation: str
    options: DseOptions
    clock: Clock
    rng: Random
    beats: Iterator[int]
    outbox: Outgoing
    call: Callable[[StreamPublisher, LeaseCall], None]
    callback: Callable[[Callable[[], None]], None]
    wants: Callable[[], Mapping[str, tuple[str, ...]]]
    due: Callable[[Job, float], None]
    log_limit: RateLimit


class StreamPublisher:
    """A stream of this node; made by `DseNode.publish_stream`. Thread safe."""

    def __init__(
        self, spec: StreamSpec, tools: StreamTools, *, replaces: str | None, past: int
    ) -> None:
        self.name = spec.name
        self._spec = spec
        self._tools = tools
        # Ordering: who needs both takes the lease's first.
        self._lease_lock = threading.RLock()
        self._lock = threading.RLock()
        self._machine: Publisher | None = None
        self.sync_counts = SyncCounts()
        self._lease = LeaseHolder(
            spec.name,
            tools.incarnation,
            replaces=replaces,
            options=tools.options,
            rng=tools.rng,
            now=tools.clock.monotonic(),
            past=past,
        )

    @property
    def newest_epoch(self) -> int:
        """Give the newest epoch that ever was this stream's here, 0 for none."""
        return self._lease.newest_epoch

    @property
    def epoch(self) -> Epoch | None:
        """Give the epoch of what is published, None while the stream is not ours."""
        machine = self._machine
        return None if machine is None else machine.epoch

    @property
    def machine(self) -> Publisher | None:
        """Give what publishes, None while the stream is not ours; for tests."""
        return self._machine

    @property
    def is_stopped(self) -> bool:
        """Tell whether `stop` was called."""
        return self._lease.state is LeaseState.STOPPED

    def publish(self, reads: Mapping[str, TableRead], *, age: float = 0.0) -> None:
        """Make one read, begun `age` seconds ago, one transaction, if it changed anything.

        Promises: nothing is changed when it raises; does not wait for the bus.
        Raises: LeaseLost: the stream is not ours now; `on_granted` tells when it is again, under
            another epoch, which begins without rows.
            InvalidRequest: a table is not one of this stream, or an update is of a table whose
            rows are not known.
        """
        with self._turn() as now:
            if self._machine is None:
                raise LeaseLost(
                    f"stream {self.name!r} is not owned by this process; wait until it is granted",
                    stream=self.name,
                )
            self._note_lease(self._machine, now)
            is_busy = self._tools.outbox.is_busy
            self._send(self._machine.publish(reads, now, age=age, is_busy=is_busy))

    @property
    def next_tick(self) -> float:
        """Give when `tick` will have something to do."""
        with self._lease_lock, self._lock:
            return min(self._lease.next_tick, self._publisher_due())

    def start(self) -> None:
        """Begin to ask for the lease."""
        self._tools.due(self.tick_lease, self._tools.clock.monotonic())

    def tick(self) -> None:
        """Let the machines do what is due."""
        self.tick_lease()
        self.tick_publisher()

    def tick_lease(self) -> None:
        """Let the lease do what is due, now or when it is not busy any more."""
        if not self._lease_lock.acquire(timeout=LOCK_PATIENCE):
            self._tools.due(self.tick_lease, self._tools.clock.monotonic() + BUSY_AGAIN)
            return
        try:
            with self._lease_turn() as now:
                self._settle(self._lease.on_tick(now))
        finally:
            self._lease_lock.release()

    def tick_publisher(self) -> None:
        """Let the publisher do what is due, now or when it is not busy any more."""
        if not self._lock.acquire(timeout=LOCK_PATIENCE):
            self._tools.due(self.tick_publisher, self._tools.clock.monotonic() + BUSY_AGAIN)
            return
        try:
            with self._turn() as now:
                self._on_tick(now)
        finally:
            self._lock.release()

    def on_lease_answer(self, call: LeaseCall, answer: Mapping[str, Any], sent: float) -> None:
        """Take the answer to a lease call."""
        with self._lease_turn() as now:
            self._settle(self._lease.on_answer(call.method, answer, sent=sent, now=now))

    def on_lease_failure(self) -> None:
        """Take that a lease call got no answer."""
        with self._lease_turn() as now:
            self._lease.on_failure(now)

    def try_hear(self, epoch: int, incarnation: str) -> bool:
        """Take an epoch of this stream that was heard on the bus.

        Promises: False, and nothing done, while another thread works on the stream for long.
        """
        if not self._lease_lock.acquire(timeout=LOCK_PATIENCE):
            return False
        try:
            if not self._lock.acquire(timeout=LOCK_PATIENCE):
                return False  # what is heard may end the turn of the publisher
            try:
                with self._lease_turn() as now:
                    self._settle(self._lease.on_heard(epoch, incarnation, now))
            finally:
                self._lock.release()
        finally:
            self._lease_lock.release()
        return True

    def answer(self, request: SyncRequest | ChunkRequest) -> SyncReply:
        """Answer a subscriber.

        One who stands above the newest position heard another incarnation in this epoch, or in a
        higher one: the stream then needs an epoch above that.

        Raises: NotFound: the stream is not ours now.
        """
        with self._lock:
            if self._machine is None:
                raise NotFound(f"stream {self.name!r} is not published here", stream=self.name)
            now = self._tools.clock.monotonic()
            if isinstance(request, ChunkRequest):
                return self._machine.on_chunk(request, now)
            reply = self._machine.on_sync(request, now)
            newest = self._machine.epoch, self._machine.seq
        if request.floor is not None and request.floor > newest:
            self.try_hear(request.floor.epoch, _ANOTHER)
        return reply

    def report(self) -> dict[str, Any]:
        """Give what an operator wants to know of the stream, as plain data.

        Promises: does not wait for another thread's work on this stream; then it only says so.
        """
        lease, now = self._lease, self._tools.clock.monotonic()
        state, why = _WORDS_BY_LEASE[lease.state]
        status = None
        if self._lock.acquire(timeout=REPORT_PATIENCE):
            try:
                status = None if self._machine is None else self._machine.status(now)
            finally:
                self._lock.release()
        elif lease.state is LeaseState.HELD:
            state, why = BUSY, "a large transaction or answer is being worked on"
        return stream_report(
            self.name,
            status,
            state=state,
            why=why,
            epoch=lease.epoch,
            unrenewed=lease.unrenewed(now),
            counters=self.sync_counts.report(),
        )

    def end(self) -> LeaseCall | None:
        """Publish nothing more; give the call that releases the lease, None if it is not ours."""
        with self._lease_turn(), self._turn() as now:
            if self._machine is not None:
                self._note_lease(self._machine, now)
                self._send(self._machine.stop(now))
                self._machine = None
            calls = [effect for effect in self._lease.stop() if isinstance(effect, LeaseCall)]
            return calls[0] if calls else None

    def stop(self) -> None:
        """Publish nothing more and give the lease back soon; idempotent."""
        call = self.end()
        if call is not None:
            self._tools.call(self, call)

    def log_fields(self) -> dict[str, Any]:
        """Give what log lines say of the stream: its name, and where it stands."""
        machine = self._machine
        position = None if machine is None else [machine.epoch, machine.seq]
        return {"stream": self.name, "position": position}

    @contextmanager
    def _turn(self) -> Iterator[float]:
        """Step the publisher in a `with` block, which is given the time; plan what is due next."""
        with self._lock:
            token = WORKED_ON.set(self)
            try:
                yield self._tools.clock.monotonic()
            finally:
                WORKED_ON.reset(token)
                self._tools.due(self.tick_publisher, self._publisher_due())

    @contextmanager
    def _lease_turn(self) -> Iterator[float]:
        """Step the lease in a `with` block, which is given the time; plan what is due next."""
        with self._lease_lock:
            token = WORKED_ON.set(self)
            try:
                yield self._tools.clock.monotonic()
            finally:
                WORKED_ON.reset(token)
                self._tools.due(self.tick_lease, self._lease.next_tick)

    def _publisher_due(self) -> float:
        return math.inf if self._machine is None else self._machine.next_tick

    def _on_tick(self, now: float) -> None:
        machine = self._machine
        if machine is not None and now >= machine.next_tick:
            machine.wants = self._tools.wants()
            self._note_lease(machine, now)
            self._send(machine.on_tick(now))

    def _settle(self, effects: list[LeaseEffect]) -> None:
        """Carry out what the lease says, under its lock."""
        for effect in effects:
            if isinstance(effect, LeaseCall):
                self._tools.call(self, effect)
            elif isinstance(effect, Granted):
                with self._turn() as now:
                    self._begin(effect.epoch, now)
            elif isinstance(effect, Lost):
                with self._turn():
                    self._lose(effect.reason)

    def _begin(self, epoch: Epoch, now: float) -> None:
        tools = self._tools
        self._machine = Publisher(
            Identity(self.name, tools.node_id, tools.incarnation, epoch),
            self._spec.tables,
            options=tools.options,
            beats=tools.beats,
            rng=tools.rng,
            now=now,
        )
        LOG.info("publishing stream=%s epoch=%d", self.name, epoch)
        self._machine.wants = tools.wants()
        self._note_lease(self._machine, now)
        self._send(self._machine.on_tick(now))
        tools.callback(lambda: self._spec.on_granted(epoch))

    def _note_lease(self, machine: Publisher, now: float) -> None:
        """Let the heartbeats of the next stimulus say how long a renewal is overdue."""
        machine.unrenewed = self._lease.unrenewed(now)

    def _lose(self, reason: str) -> None:
        LOG.warning("not publishing any more stream=%s reason=%s", self.name, reason)
        self._machine = None
        self._tools.callback(lambda: self._spec.on_lost(reason))

    def _send(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._tools.outbox.put(effect.message, effect.size_bytes)
            elif isinstance(effect, Alarm) and self._tools.log_limit.allows(
                f"{self.name} {effect.text}"
            ):
                LOG.warning("%s", effect)
