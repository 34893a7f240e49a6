"""A process that publishes the simulated stream while it holds the lease."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from congress_dist.effects import RequestSync
from congress_dist.errors import LeaseLost
from congress_dist.lease import LeaseCall
from congress_dist.messages import Delta, Heartbeat, SyncReply, SyncRequest
from congress_dist.published_table import Published, TableResult
from congress_dist.rate_limit import RateLimit
from congress_dist.stream import Epoch, Position, StateKind
from congress_dist.stream_publisher import StreamPublisher, StreamSpec, StreamTools

from .timeline import Process
from .truth import TableTruth

if TYPE_CHECKING:
    from .world import World


class PublisherNode(Process):
    """One incarnation: reads the source, publishes, and answers subscribers.

    The stream's lease, publisher and outbox order are those of `StreamPublisher`, unchanged.
    """

    def __init__(
        self, world: World, name: str, tables: Mapping[str, str], *, replaces: str | None
    ) -> None:
        super().__init__(world.timeline, name, world.rng.uniform(-500.0, 500.0))
        self.world = world
        self.tables = tables
        self.incarnation = f"{name}/{next(world.numbers)}"
        self.loses_first = False
        self._lease_calls = itertools.count()
        self._pending: set[int] = set()
        self.stream = StreamPublisher(
            StreamSpec(
                world.source_name,
                {table: Published(version) for table, version in tables.items()},
                on_granted=self._on_granted,
                on_lost=lambda _reason: None,
            ),
            StreamTools(
                node_id=name,
                incarnation=self.incarnation,
                options=world.options,
                clock=self,
                rng=world.rng,
                beats=itertools.count(1),
                outbox=self,
                call=self._call,
                callback=lambda job: job(),
                wants=dict,
                wake=self.plan_tick,
                log_limit=RateLimit(self),
            ),
            replaces=replaces,
            past=0,
        )
        self.plan_tick()

    def next_due(self) -> float:
        """Give when the lease or the stream has something to do."""
        return self.stream.next_tick

    def on_tick(self) -> None:
        """Do what is due."""
        self.stream.tick()

    # --- the source -----------------------------------------------------------------------------

    def read(self, tables: Iterable[str]) -> None:
        """Read tables of the source and publish what that found."""
        reads = {}
        for table in tables:
            if table in self.tables:
                state = self.world.source_states[table]
                is_read = state.kind is not StateKind.FAILING
                rows = self.world.source[table] if is_read else None
                reads[table] = TableResult(rows, state)
        try:
            self.stream.publish(reads)
        except LeaseLost:
            self.world.taken["read without the lease"] += 1

    def _on_granted(self, epoch: Epoch) -> None:
        self.world.on_granted(epoch)
        for table in sorted(self.tables):
            delay = self.world.rng.choice((0.1, 1.0))
            if self.world.happens("slow_read"):
                delay = self.world.rng.uniform(1.0, 6.0)
            job = partial(self.stimulate, partial(self.read, (table,)))
            self.timeline.after(delay, job)

    # --- the bus --------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Tell whether the bus does not keep up."""
        return self.world.happens("slow_bus")

    def put(self, message: Delta | Heartbeat, size_bytes: int) -> bool:
        """Carry a message of the stream to everybody, as the outbox does."""
        assert size_bytes >= 0  # noqa: S101
        machine = self.stream.machine
        if isinstance(message, Delta) and machine is not None:
            states = machine.states()
            tables = {
                name: TableTruth(machine.rows(name), state) for name, state in states.items()
            }
            position = Position(message.epoch, message.seq)
            self.world.truth.note(self.incarnation, position, tables, self.timeline.now)
            machine.check()
        if self.loses_first:
            self.loses_first = message.seq == 0
            return True
        self.world.cast(self, message)
        return True

    def hear(self, message: Delta | Heartbeat) -> None:
        """Hear another publisher of the stream."""
        if message.epoch is not None:
            self.stream.on_heard(message.epoch, message.incarnation)

    def answer(self, request: RequestSync) -> SyncReply:
        """Answer a subscriber.

        Raises: NotFound: the stream is not published here now.
        """
        reply = self.stream.answer(self.world.carried(request.message))
        if isinstance(request.message, SyncRequest):
            self.world.taken[f"answer {type(reply).__name__}"] += 1
        return reply

    # --- the lease ------------------------------------------------------------------------------

    def stop(self) -> None:
        """End cleanly: say goodbye, give the lease back."""
        call = self.stream.end()
        if call is not None:
            self.world.lease_call(self, call, lambda _answer: None)
        self.die()

    def _call(self, _stream: StreamPublisher, call: LeaseCall) -> None:
        number, sent = next(self._lease_calls), self.monotonic()
        self._pending.add(number)
        timeout = self.world.options.lease_call_timeout
        self.timeline.after(timeout, partial(self.stimulate, partial(self._give_up, number)))
        self.world.lease_call(
            self, call, lambda answer: self._on_lease_answer(number, call, answer, sent)
        )

    def _give_up(self, number: int) -> None:
        if number in self._pending:
            self._pending.remove(number)
            self.world.taken["lease call failed"] += 1
            self.stream.on_lease_failure()

    def _on_lease_answer(
        self, number: int, call: LeaseCall, answer: Mapping[str, Any] | None, sent: float
    ) -> None:
        if answer is None:
            self._give_up(number)
        elif number in self._pending:
            self._pending.remove(number)
            self.stream.on_lease_answer(call, answer, sent)
