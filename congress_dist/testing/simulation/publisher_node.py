"""A process that publishes the simulated stream while it holds the lease."""

# ruff: noqa: S101 - the assertions are the purpose

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from congress_dist.errors import LeaseLost
from congress_dist.node.stream_publisher import StreamPublisher, StreamSpec, StreamTools
from congress_dist.protocol.effects import RequestSync
from congress_dist.protocol.lease import ACQUIRE, RENEW, LeaseCall
from congress_dist.protocol.messages import (
    NO_SEQ,
    Chunk,
    ChunkRequest,
    Delta,
    Heartbeat,
    SyncAnswer,
    SyncBusy,
    SyncReply,
    SyncRequest,
)
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.published_table import Published, TableRead, TableResult, TableUpdate
from congress_dist.protocol.publisher import Publisher
from congress_dist.protocol.stream import Epoch, Position, Seq, StateKind
from congress_dist.protocol.table import TABLE_BYTES, size_of
from congress_dist.rate_limit import RateLimit

from .timeline import Process
from .truth import Tables, TableTruth, after_reads, as_read, told_by

if TYPE_CHECKING:
    from .world import World

_PUSHES = (0.0, 0.5, 1.0)
"""Part of the reads of a source that are told as what came and went."""
_AMPLE = DseOptions().log_bytes
"""Bytes of a log that no schedule fills."""


SLOWEST_READ = 6.0
"""Seconds that a slow first read takes at most."""


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
        world.offsets[self.incarnation] = self._offset
        self.loses_first = False
        self._pushes = world.rng.choice(_PUSHES)
        self._is_lost = False
        self._is_read: Tables = {}
        """What was read of the source in this epoch; a table that is not there was not."""
        self._was_read: Tables = {}
        """The same before the newest read, which may wait while what came before is published."""
        self._read_at: dict[str, float] = {}
        self._lease_calls = itertools.count()
        self._pending: set[int] = set()
        self._heard = 0
        self._newest = 0
        self._renewed_at = 0.0
        self._pulls: dict[str, tuple[Seq, float]] = {}
        self._unfinished: dict[str, int] = {}
        """The number of pieces of each answer of which not all were given."""
        self._weights: list[float] = []
        self._truth: Tables | None = None
        self.stream = StreamPublisher(
            StreamSpec(
                world.source_name,
                {t: Published(version, world.max_age) for t, version in tables.items()},
                on_granted=self._on_granted,
                on_lost=self._on_lost,
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
                due=lambda _job, _due: None,  # what was stimulated is planned anew anyway
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
        reads: dict[str, TableRead] = {}
        rng = self.world.rng
        is_pushed = rng.random() < self._pushes
        for table in tables:
            if table in self.tables:
                state = self.world.source_states[table]
                # Rows of what is unavailable are not looked at, so that both forms must do.
                is_idle = state.kind is StateKind.UNAVAILABLE and rng.random() < 0.5
                is_read = state.kind is not StateKind.FAILING and not is_idle
                rows = self.world.source[table] if is_read else None
                read = TableResult(rows, state)
                reads[table] = self._as_update(table, read) if is_pushed else read
        self._publish(reads)

    def push(self) -> None:
        """Tell what came and went, of no more tables than those where something did."""
        states = self.world.source_states
        results = {
            table: TableResult(self.world.source[table], states[table])
            for table in self.tables
            if states[table].kind is StateKind.READY
        }
        updates = {table: self._as_update(table, read) for table, read in results.items()}
        self._publish(
            {
                table: update
                for table, update in updates.items()
                if isinstance(update, TableUpdate) and (update.removed or update.added)
            }
        )

    def _publish(self, reads: Mapping[str, TableRead]) -> None:
        self._note_weight(reads)
        before = self._was_read, self._is_read
        self._was_read, self._is_read = self._is_read, after_reads(self._is_read, reads)
        self._note_good(reads)
        try:
            self.stream.publish(reads)
        except LeaseLost:
            self._was_read, self._is_read = before
            self.world.taken["read without the lease"] += 1
            return
        self._was_read = self._is_read
        self._check_rows(reads)

    def _as_update(self, table: str, read: TableResult) -> TableRead:
        """Give a read as a source that pushes does, if it can: only what came and went."""
        machine, last = self.stream.machine, self._is_read.get(table)
        if read.rows is None or last is None or machine is None or not machine.has_rows(table):
            return read
        if read.state.kind is StateKind.UNAVAILABLE:
            return read
        return TableUpdate(last.rows - read.rows, read.rows - last.rows, read.state)

    def _note_good(self, reads: Mapping[str, TableRead]) -> None:
        """Note when a table was last read well, for whom it is told."""
        good = [n for n, read in reads.items() if read.state.kind is not StateKind.FAILING]
        self._read_at |= dict.fromkeys(good, self.timeline.now)

    def _note_weight(self, reads: Mapping[str, TableRead]) -> None:
        """Note what a read weighs beside those that wait; of a whole read nobody knows it."""
        machine = self.stream.machine
        if machine is None or not machine.has_pending:
            self._weights.clear()
        updates = [read for read in reads.values() if isinstance(read, TableUpdate)]
        weight = sum(TABLE_BYTES + size_of(o.removed) + size_of(o.added) for o in updates)
        self._weights.append(weight if len(updates) == len(reads) else math.inf)

    def _check_rows(self, reads: Mapping[str, TableRead]) -> None:
        """Assert that what was read last is published, or waits."""
        now = self.timeline.now
        for table, read in reads.items():
            if read.state.kind is not StateKind.FAILING:
                self.world.read_at[self.incarnation, table] = now
        machine = self.stream.machine
        if machine is None or machine.seq == 0:
            return
        # Of reads that wait, some may have become part of it without a change.
        self._note_truth_of_reads(machine.epoch, machine.seq)
        is_right = machine.has_pending or as_read(self._published(machine), self._is_read)
        assert is_right, "other rows than were read"

    def _on_granted(self, epoch: Epoch) -> None:
        assert epoch > max(self._heard, self._newest), "an epoch that was there before"
        self._is_lost = False
        self._newest = epoch
        self._is_read = self._was_read = {}
        for table in self.tables:
            self.world.read_at.pop((self.incarnation, table), None)
        self._read_at.clear()
        self._pulls.clear()
        self._unfinished.clear()
        self.world.on_granted(self.incarnation, epoch)
        for table in sorted(self.tables):
            delay = self.world.rng.choice((0.1, 1.0))
            if self.world.happens("slow_read"):
                delay = self.world.rng.uniform(1.0, SLOWEST_READ)
            job = partial(self.stimulate, partial(self.read, (table,)))
            self.timeline.after(delay, job)

    def _on_lost(self, _reason: str) -> None:
        self._is_lost = True

    # --- the bus --------------------------------------------------------------------------------

    @property
    def is_busy(self) -> bool:
        """Tell whether the bus does not keep up."""
        return self.world.happens("slow_bus")

    def put(self, message: Delta | Heartbeat, size_bytes: int) -> bool:
        """Carry a message of the stream to everybody, as the outbox does."""
        machine = self.stream.machine
        if isinstance(message, Delta) and machine is not None:
            limit = self.world.options.max_inline_bytes
            assert message.pull or size_bytes <= limit, "a large transaction is not announced"
            is_large = message.seq == 1 or max(self._weights) > limit
            assert is_large or not message.pull, "small reads became a large transaction"
            self._note_truth(message, machine)
            machine.check()
        if message.seq > NO_SEQ and message.epoch is not None:
            self._note_truth_of_reads(message.epoch, message.seq)
        if isinstance(message, Heartbeat):
            assert message.unrenewed == self._unrenewed, "says another age of its lease"
        if self.world.happens("outbox_full"):
            return False
        if self.loses_first:
            self.loses_first = message.seq == 0
            return True
        self.world.cast(self, message)
        return True

    def _note_truth_of_reads(self, epoch: Epoch, seq: Seq) -> None:
        """Note that what was read so far is published at a position."""
        self.world.truth.note_reads(self.incarnation, Position(epoch, seq), self._read_at)

    def _note_truth(self, delta: Delta, machine: Publisher) -> None:
        """Note what is published at a position, and see that the delta leads there."""
        tables = None
        if not delta.pull and self._truth is not None:
            tables = told_by(delta, self._truth)
        if delta.seq == machine.seq:
            told, tables = tables, self._published(machine)
            assert told in (None, tables), "a delta does not lead to what is published"
            is_right = as_read(tables, self._is_read) or as_read(tables, self._was_read)
            assert is_right, "what is published is not what the source had"
        self._truth = tables
        if tables is not None:  # else nobody comes there: whoever asks is answered at a later seq
            position = Position(delta.epoch, delta.seq)
            self.world.truth.note(self.incarnation, position, tables, self.timeline.now)

    @staticmethod
    def _published(machine: Publisher) -> Tables:
        states = machine.states().items()
        return {name: TableTruth(machine.rows(name), state) for name, state in states}

    def hear(self, message: Delta | Heartbeat) -> None:
        """Hear another publisher of the stream."""
        if message.epoch is not None:
            self._heard = max(self._heard, message.epoch)
            self.stream.try_hear(message.epoch, message.incarnation)
            own = self.stream.epoch
            assert own is None or own > message.epoch, "publishes on below another's epoch"

    def answer(self, request: RequestSync) -> SyncReply:
        """Answer a subscriber.

        Raises: NotFound: the stream is not published here now.
        """
        reply = self.stream.answer(self.world.carried(request.message))
        if isinstance(request.message, SyncRequest):
            self._pulls.pop(request.message.released, None)
            self._unfinished.pop(request.message.released, None)
            self.world.taken[f"answer {type(reply).__name__}"] += 1
        if isinstance(reply, SyncAnswer):
            self._check_answer(request.message, reply)
        elif isinstance(reply, SyncBusy):
            self._check_busy()
        elif isinstance(request.message, ChunkRequest):
            self._check_piece(request.message, reply)
        return reply

    def _check_answer(self, request: SyncRequest | ChunkRequest, answer: SyncAnswer) -> None:
        """Assert that an answer leads forward, and that the log leads on from it."""
        assert isinstance(request, SyncRequest)
        machine = self.stream.machine
        assert machine is not None
        have, at = request.have, (answer.epoch, answer.seq)
        assert request.floor is None or request.floor <= at, "an answer leads back"
        is_net = any(entry.kind == "net" for entry in answer.tables.values())
        leads_on = have is not None and have.epoch == answer.epoch
        assert leads_on or not is_net, "an answer leads on from another epoch"
        assert answer.tables.keys() == {*request.held, *request.add}, "other tables than asked for"
        assert machine.leads_on_from(answer.seq), "nothing leads on from an answer"
        self._pulls[answer.token] = (answer.seq, self.monotonic())
        if answer.chunks > 1:
            self._unfinished[answer.token] = answer.chunks

    def _check_busy(self) -> None:
        """Assert that nobody is sent away while there is room for one more answer."""
        since = self.monotonic() - self.world.options.sync_timeout
        under_way = [token for token in self._unfinished if self._pulls[token][1] >= since]
        assert len(under_way) >= self.world.options.snapshots_kept, "busy though there is room"

    def _check_piece(self, request: ChunkRequest, reply: SyncReply) -> None:
        """Assert that an answer is kept while it is pulled, and the log after it."""
        machine, options, now = self.stream.machine, self.world.options, self.monotonic()
        assert machine is not None
        if request.token not in self._pulls:
            return  # of an epoch before
        seq, touched = self._pulls[request.token]
        if isinstance(reply, Chunk):
            self._pulls[request.token] = (seq, now)
            if request.index + 1 == self._unfinished.get(request.token):
                del self._unfinished[request.token]
            is_bound = options.log_bytes < _AMPLE
            assert is_bound or machine.leads_on_from(seq), "nothing leads on from what is pulled"
        else:
            kept = min(options.pull_time, options.sync_timeout)
            assert now - touched > kept, "an answer is dropped under who pulls it"

    # --- the lease ------------------------------------------------------------------------------

    @property
    def _unrenewed(self) -> float:
        """How long a renewal is overdue, counted from when the last one granted was sent."""
        silent_for = self.monotonic() - self._renewed_at
        return silent_for if silent_for > 2 * self.world.options.lease_renewal else 0.0

    def stop(self) -> None:
        """End cleanly: say goodbye, give the lease back."""
        call = self.stream.end()
        if call is not None:
            self.world.lease_call(self, call, lambda _answer: None)
        self.die()

    def _call(self, _stream: StreamPublisher, call: LeaseCall) -> None:
        number, sent = next(self._lease_calls), self.monotonic()
        if call.method == ACQUIRE:
            assert call.arguments["heard_epoch"] >= self._heard, "hides an epoch that it heard"
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
            if answer.get("granted"):
                self._renewed_at = sent
            self.stream.on_lease_answer(call, answer, sent)
            if self._is_lost and call.method == RENEW:
                assert self.stream.next_tick <= self.monotonic(), "keeps what it does not publish"
