"""The publishing end of a stream, without threads, clock or bus (docs/protocol.md section 3).

Stimuli: `publish`, `on_tick`, `on_sync`, `on_chunk`, `stop`. Effects: `Send`, in the order in
which they must leave, and `Alarm`. One instance lives for one epoch; a new grant of the lease
makes a new one.
"""

# ruff: noqa: S101 - invariants are asserted, here and in check()

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass

from ..clock import Random
from ..errors import InvalidRequest
from ..row import Row, digest_of
from .effects import Alarm, Effect, Send
from .messages import (
    NO_SEQ,
    Chunk,
    ChunkRequest,
    Delta,
    Heartbeat,
    SnapshotGone,
    SyncAnswer,
    SyncBusy,
    SyncKind,
    SyncNotYet,
    SyncReply,
    SyncRequest,
    SyncTable,
    TableSummary,
)
from .options import DseOptions
from .packed_rows import SharedRows
from .pending_reads import PendingReads
from .piece_cut import cut
from .published_table import (
    WITH_ROWS,
    Published,
    PublishedTable,
    TableRead,
    TableUpdate,
    require_rows,
)
from .pull_shelf import PullShelf, View, ViewKey
from .stream import Epoch, Position, Seq, StateKind, TableChange, TableState, unavailable
from .stream_status import StreamStatus
from .table import TABLE_BYTES, NetChange, size_of
from .transaction_log import TransactionLog

_RANDOM_BITS = 64


@dataclass(frozen=True, slots=True)
class Identity:
    """Who publishes."""

    service: str
    node_id: str
    incarnation: str
    epoch: Epoch


class Publisher:
    """Number what changes, say that all is well when nothing does, answer who missed some.

    Invariant: `seq` is 0 until the first round is complete; every delta of the epoch has the next
    seq.
    """

    def __init__(
        self,
        identity: Identity,
        tables: Mapping[str, Published],
        *,
        options: DseOptions,
        beats: Iterator[int],
        rng: Random,
        now: float,
    ) -> None:
        self._me = identity
        self._options = options
        self._beats = beats
        self._rng = rng
        self._tables = {name: PublishedTable(name, spec) for name, spec in tables.items()}
        self._awaited = {name for name, spec in tables.items() if not spec.is_slow}
        self._log = TransactionLog(options.log_transactions, options.log_bytes)
        self._shelf = PullShelf(options.snapshots_kept, options.pull_time)
        self._pending = PendingReads(options.coalesce_interval, options.max_inline_bytes)
        self._changed_since_heartbeat: set[str] = set()
        self._first_round_due = now + options.first_round
        self._heartbeat_due = now
        self._full_due = now
        self._burst_due: float | None = None
        self.seq = NO_SEQ
        self.wants: Mapping[str, tuple[str, ...]] = {}
        self.unrenewed = 0.0

    @property
    def epoch(self) -> Epoch:
        """Give the epoch of everything that is sent."""
        return self._me.epoch

    @property
    def next_tick(self) -> float:
        """Give when `on_tick` will have something to do."""
        due = [self._heartbeat_due, self._pending.due]
        if self.seq == NO_SEQ:
            due.append(self._first_round_due)
        if self._burst_due is not None:
            due.append(self._burst_due)
        return min(due)

    def publish(
        self,
        reads: Mapping[str, TableRead],
        now: float,
        *,
        age: float = 0.0,
        is_busy: bool = False,
    ) -> list[Effect]:
        """Make one read, begun `age` seconds ago, the next transaction, if it changed anything.

        With `is_busy`, what was sent before has not left: the read waits, for at most
        `coalesce_interval`, and becomes one transaction with those that come meanwhile, as far as
        a message carries them.

        Promises: nothing is changed when it raises, and what waits is not lost.
        Raises: InvalidRequest: a table is not one of this stream, an update is of a table whose
            rows are not known, or a read says `unread`.
            InvalidRow: a row is not `bytes`, or too long for a message.
        Cost: proportional to the rows read; hashing only to the difference.
        """
        self._require_fitting(reads)
        began = now - age
        if self.seq == NO_SEQ:
            return self._absorb(reads, now, dict.fromkeys(reads, began))
        if self._pending.is_full_with(reads):
            self._require_rows(reads)
            effects = self._flush(now)
            self._pending.add(reads, now, began)
            return effects
        if is_busy and now < self._pending.due_with(now):
            self._require_rows(reads)
            self._pending.add(reads, now, began)
            return []
        read_at = {**self._pending.read_at, **dict.fromkeys(reads, began)}
        effects = self._absorb(self._pending.together_with(reads), now, read_at)
        self._pending.clear()
        return effects

    def on_tick(self, now: float) -> list[Effect]:
        """Send the heartbeat that is due; end the first round when its time is over."""
        effects: list[Effect] = []
        if self.seq == NO_SEQ and now >= self._first_round_due:
            effects += self._open(now)
        if now >= self._pending.due:
            effects += self._flush(now)
        self._shelf.expire(now)
        is_burst_over = self._burst_due is not None and now >= self._burst_due
        if now >= self._heartbeat_due or is_burst_over:
            effects += [self._heartbeat(now), *self._look_at_log(now)]
        return effects

    def stop(self, now: float) -> list[Effect]:
        """Publish what waits, and say goodbye."""
        effects = self._flush(now) if self.has_pending else []
        return [*effects, self._heartbeat(now, stopping=True)]

    def on_sync(self, request: SyncRequest, now: float) -> SyncReply:
        """Answer who wants to come to a newer position."""
        self._shelf.release(request.released)
        if self.seq == NO_SEQ or self._is_below(request.floor, self.seq):
            return SyncNotYet(request.service, request.request)
        have = self._replayable(request)
        full, net = self._what_to_send(request, have)
        key = _key_of(request, full, net)
        view = self._shared(request, key)
        if view is None:
            view = self._new_view(request, full, net, key)
            if len(view.pieces) > 1 and not self._shelf.make_room(
                now, abandoned_after=self._options.sync_timeout
            ):
                return SyncBusy(request.service, request.request, self._options.backoff_max)
        token = self._new_token(view.seq)
        if len(view.pieces) > 1:
            self._shelf.begin(token, view, now)
        return SyncAnswer(
            service=request.service,
            request=request.request,
            incarnation=self._me.incarnation,
            epoch=self._me.epoch,
            seq=view.seq,
            tables=view.tables,
            read_age={n: None if at is None else now - at for n, at in view.read_at.items()},
            token=token,
            chunks=len(view.pieces),
            rows=view.pieces[0],
        )

    def on_chunk(self, request: ChunkRequest, now: float) -> SyncReply:
        """Give one more piece of an answer."""
        rows = self._shelf.piece(request.token, request.index, now)
        if rows is None:
            return SnapshotGone(request.service, request.request)
        return Chunk(request.service, request.request, request.token, request.index, rows)

    def check(self) -> None:
        """Assert every invariant; for tests, after each step."""
        assert self.seq >= 0
        assert len(self._shelf) <= self._options.snapshots_kept
        assert self._log.size_bytes <= self._options.log_bytes
        assert self._log.covers(self.seq, self.seq)
        for table in self._tables.values():
            assert table.content.sum == digest_of(table.content.rows)
            assert not (table.is_unread and table.content.rows)

    def status(self, now: float) -> StreamStatus:
        """Give where the stream stands, and what is kept for its subscribers."""
        ages = [age for age in self._read_ages(now).values() if age is not None]
        return StreamStatus(
            position=Position(self._me.epoch, self.seq),
            tables=len(self._tables),
            rows=sum(len(table.content.rows) for table in self._tables.values()),
            read_age=max(ages, default=None),
            log_transactions=len(self._log),
            log_bytes=self._log.size_bytes,
            log_reaches_back=self._log.reaches_back(now),
            snapshots=len(self._shelf),
            slowest_pull=self._shelf.slowest(now),
        )

    def rows(self, name: str) -> frozenset[Row]:
        """Give the rows of a table as published; for tests."""
        return frozenset(self._tables[name].content.rows)

    @property
    def has_pending(self) -> bool:
        """Tell whether reads wait to be published."""
        return self._pending.due != math.inf

    def leads_on_from(self, seq: Seq) -> bool:
        """Tell whether the log leads from a position of this epoch to the present one."""
        return self._log.covers(seq, self.seq)

    def states(self) -> dict[str, TableState]:
        """Give the state of every table."""
        return {name: table.state for name, table in self._tables.items()}

    def has_rows(self, name: str) -> bool:
        """Tell whether the rows of a table are known, so that an update can follow."""
        waiting = self._pending.has_rows(name)
        return self._tables[name].has_rows if waiting is None else waiting

    def _require_fitting(self, reads: Mapping[str, TableRead]) -> None:
        for name, read in reads.items():
            if name not in self._tables:
                raise InvalidRequest(
                    f"stream {self._me.service!r} has no table {name!r}; "
                    f"it was opened with {sorted(self._tables)}",
                    table=name,
                )
            if not isinstance(read, TableUpdate):
                if read.state.kind is StateKind.UNREAD:
                    raise InvalidRequest(
                        f"a read of table {name!r} says 'unread'; leave the table out of it",
                        table=name,
                    )
            elif not self.has_rows(name) or read.state.kind not in WITH_ROWS:
                raise InvalidRequest(
                    f"table {name!r} of stream {self._me.service!r} cannot be updated: its rows "
                    "are not known before and after; publish a whole read of it",
                    table=name,
                )

    def _require_rows(self, reads: Mapping[str, TableRead]) -> None:
        """Refuse rows that are none before they wait: nobody could be told later."""
        for name, read in reads.items():
            rows = read.added if isinstance(read, TableUpdate) else read.rows
            require_rows(name, rows or frozenset())

    def _flush(self, now: float) -> list[Effect]:
        """Publish what waits; when that fails it waits on."""
        self._pending.postpone(now)
        effects = self._absorb(self._pending.together_with({}), now, self._pending.read_at)
        self._pending.clear()
        return effects

    def _absorb(
        self, reads: Mapping[str, TableRead], now: float, read_at: Mapping[str, float]
    ) -> list[Effect]:
        # Ordering: what can fail comes before the first change.
        steps = {name: self._tables[name].plan(read) for name, read in reads.items()}
        self._awaited -= reads.keys()
        changes = {}
        for name, step in steps.items():
            change = self._tables[name].take(step, read_at[name])
            if change is not None:
                changes[name] = change
        if self.seq == NO_SEQ:
            return [] if self._awaited else self._open(now)
        return self._commit(changes, now) if changes else []

    def _look_at_log(self, now: float) -> list[Effect]:
        """Warn when who pulls as slowly as the slowest may find the log too short afterwards."""
        reaches_back = self._log.reaches_back(now)
        slowest = self._shelf.slowest(now)
        if reaches_back >= 2 * slowest:
            return []
        fields = {
            "stream": self._me.service,
            "log_seconds": round(reaches_back, 1),
            "slowest_pull_seconds": round(slowest, 1),
            "remedy": "raise [dse] log_transactions or log_bytes",
        }
        return [Alarm("the log is shorter than twice the slowest pull", fields)]

    def _open(self, now: float) -> list[Effect]:
        """Begin the epoch: transaction 1 is what was read so far; it follows nothing."""
        self.seq = Seq(1)
        self._log.append(self.seq, {}, 0, pinned=None, now=now)
        self._full_due = now
        delta = self._delta({}, now, pull=True)
        return [Send(delta, TABLE_BYTES), self._heartbeat(now)]

    def _commit(self, changes: dict[str, TableChange], now: float) -> list[Effect]:
        self.seq = Seq(self.seq + 1)
        size_bytes = sum(
            size_of(change.removed) + size_of(change.added) + TABLE_BYTES
            for change in changes.values()
        )
        self._log.append(self.seq, changes, size_bytes, pinned=self._shelf.pinned, now=now)
        self._changed_since_heartbeat |= changes.keys()
        self._burst_due = now + self._options.burst_heartbeat_delay
        pull = size_bytes > self._options.max_inline_bytes
        delta = self._delta({} if pull else changes, now, pull=pull)
        return [Send(delta, TABLE_BYTES if pull else size_bytes)]

    def _delta(self, changes: dict[str, TableChange], now: float, *, pull: bool) -> Delta:
        me = self._me
        beat = next(self._beats)
        return Delta(me.service, me.incarnation, beat, now, me.epoch, self.seq, changes, pull)

    def _heartbeat(self, now: float, *, stopping: bool = False) -> Send:
        options = self._options
        starting = self.seq == NO_SEQ
        full = not starting and now >= self._full_due
        listed = set(self._tables) if full else self._changed_since_heartbeat
        if full:
            self._full_due = now + options.full_heartbeat_interval
        heartbeat = Heartbeat(
            service=self._me.service,
            node_id=self._me.node_id,
            incarnation=self._me.incarnation,
            beat=next(self._beats),
            sent=now,
            epoch=self._me.epoch,
            seq=self.seq,
            tables={} if starting else {name: self._tables[name].summary() for name in listed},
            full=full,
            read_age=self._read_ages(now),
            wants=self.wants,
            starting=starting,
            stopping=stopping,
            unrenewed=self.unrenewed,
        )
        self._changed_since_heartbeat = set()
        self._burst_due = None
        spread = options.heartbeat_jitter * self._rng.uniform(-1.0, 1.0)
        self._heartbeat_due = now + options.heartbeat_interval * (1.0 + spread)
        return Send(heartbeat, TABLE_BYTES * (1 + 2 * len(self._tables)))

    def _read_ages(self, now: float) -> dict[str, float | None]:
        return {name: table.age(now) for name, table in self._tables.items()}

    def _replayable(self, request: SyncRequest) -> Seq | None:
        """Give the seq from which the log leads to the present, None when it does not."""
        have = request.have
        if have is None or have.epoch != self._me.epoch or have.seq > self.seq:
            return None
        return have.seq if self._log.covers(have.seq, self.seq) else None

    def _what_to_send(
        self, request: SyncRequest, have: Seq | None
    ) -> tuple[set[str], dict[str, NetChange]]:
        """Give the tables to send in full, and the changes to those that can be led on.

        Shapes: an unread table may be among the full ones; it has no rows.
        """
        known = {name for name in (*request.held, *request.add) if name in self._tables}
        differing = {
            name for name in known if request.held.get(name) != self._tables[name].content.digest
        }
        if have is None:
            return differing, {}
        # Also of a table that is back to what it was at `have`: the asker may stand between the
        # two.
        changed = self._log.net_after(have, request.held)
        net = {name: change for name, change in changed.items() if change is not None}
        return differing - net.keys(), net

    def _is_below(self, floor: Position | None, seq: Seq) -> bool:
        """Tell whether an answer at a seq would lead back who stands at `floor`."""
        return floor is not None and (self._me.epoch, seq) < floor

    def _shared(self, request: SyncRequest, key: ViewKey | None) -> View | None:
        """Give a view made for somebody else that serves this asker as well.

        An older one serves too, while the log leads on from it and that is the smaller part: many
        subscribers who come at once cost one view.
        """
        view = None if key is None else self._shelf.find_shared(key)
        if view is None or not self._log.covers(view.seq, self.seq):
            return None
        is_behind = self._is_below(request.floor or request.have, view.seq)
        if is_behind or self._log.bytes_after(view.seq) > view.size_bytes:
            return None
        return view

    def _new_view(
        self,
        request: SyncRequest,
        full: set[str],
        net: dict[str, NetChange],
        key: ViewKey | None,
    ) -> View:
        names = (*request.held, *request.add)
        removed = {name: change.removed for name, change in net.items()}
        added: dict[str, Set[Row]] = {name: change.added for name, change in net.items()}
        # Sorted: the same answer to the same question, also in a test.
        added |= {name: self._tables[name].content.rows for name in sorted(full)}
        cut_up, size_bytes = cut(removed, added, self._options.chunk_bytes)
        is_shared = key is not None and len(cut_up) > 1 and self._shelf.may_share(size_bytes)
        pieces = [SharedRows(piece) for piece in cut_up] if is_shared else cut_up
        return View(
            seq=self.seq,
            tables={name: self._sync_table(name, full, net) for name in names},
            key=key,
            pieces=pieces,
            size_bytes=size_bytes,
            read_at={name: table.read_at for name, table in self._tables.items()},
        )

    def _new_token(self, seq: Seq) -> str:
        me, random = self._me, self._rng.getrandbits(_RANDOM_BITS)
        return f"{me.incarnation}/{me.epoch}/{seq}/{random:x}"

    def _sync_table(self, name: str, full: set[str], net: dict[str, NetChange]) -> SyncTable:
        table = self._tables.get(name)
        if table is None:
            reason = f"{self._me.service!r} has no table {name!r}"
            return SyncTable("absent", TableSummary(unavailable(reason), 0, b"", ""))
        kind: SyncKind = "same"
        if table.is_unread:
            kind = "unread"
        elif name in full:
            kind = "full"
        elif name in net:
            kind = "net"
        return SyncTable(kind, table.summary())


def _key_of(request: SyncRequest, full: set[str], net: Mapping[str, NetChange]) -> ViewKey | None:
    """Give the tables of an answer that says nothing else than their rows, None of another one."""
    is_pure = not net and len(full) == len(request.held) + len(request.add)
    return tuple(sorted(full)) if is_pure else None
