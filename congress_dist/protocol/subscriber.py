"""The subscribing end of a stream, without threads, clock or bus (docs/protocol.md section 4).

Stimuli: `want`, `on_message`, `on_answer`, `on_failure`, `on_tick`. Effects: `Apply`,
`RequestSync`, `Alarm`, `Count`.

States: nothing held; LIVE at (epoch, seq), where deltas are applied one by one; SYNCING, where one
request at a time asks the publisher for the way to a newer position. Deltas always pass through
the buffer: what follows the position leaves it at once.

Longer than other files: each row of section 4's tables touches position, request and buffer,
and is read here beside the others. What has a noun of its own is elsewhere: holding, syncing,
buffer, news.
"""

# ruff: noqa: S101 - invariants are asserted, here and in check()

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from ..clock import Random
from ..row import Row
from .backoff import Backoff
from .delta_buffer import DeltaBuffer
from .distrust import Distrust
from .effects import Alarm, Apply, Count, Effect
from .heard_epochs import HeardEpochs
from .held_age import HeldAge
from .holding import Holding
from .messages import (
    NO_SEQ,
    Chunk,
    Delta,
    Heartbeat,
    SnapshotGone,
    SyncAnswer,
    SyncBusy,
    SyncNotYet,
    SyncReply,
)
from .options import DseOptions
from .pulled_answer import PulledAnswer
from .source_news import Behind, SourceNews, later
from .source_status import SourceStatus, TableStatus
from .stream import Epoch, Position, Transaction
from .syncing import Syncing

_COUNT_BY_REPLY = {SyncNotYet: "sync_not_yet", SnapshotGone: "snapshot_gone"}


MAX_SETBACK = 60.0
"""Seconds between two tries, at most, when what the publisher sends cannot be carried out."""


@dataclass(slots=True)
class _Missing:
    """The first transaction that is not here though a later one was heard of."""

    seq: int
    due: float


class Subscriber:
    """Hold the wanted tables of one source exactly as its publisher had them at one position.

    Invariant: the epoch of `position` is at most `epoch`, the newest in which a transaction was
    heard of; `epoch` is at most `heard_epoch`, the newest heard of at all. What is held was
    published by `holding.held_from`; only what `incarnation` says is taken, and nothing of it is
    applied to what another one published.
    """

    def __init__(self, source: str, *, options: DseOptions, rng: Random, now: float) -> None:
        self.source = source
        self._options = options
        self.holding = Holding(source)
        self._syncing = Syncing(source, options, rng)
        self._buffer = DeltaBuffer(options.buffer_bytes)
        self._distrust = Distrust(options.backoff_max)
        self._setbacks = Backoff(options.backoff_max, MAX_SETBACK, rng)
        self._conflicts = Backoff(options.backoff_min, options.backoff_max, rng)
        self._conflict_due = -math.inf
        self.news = SourceNews(options, now)
        self._missing: _Missing | None = None
        self._heard_seq = NO_SEQ
        self._asked_about: tuple[Position, int] | None = None
        self.epoch: Epoch | None = None
        self.heard = HeardEpochs()
        self.incarnation = ""

    # --- stimuli --------------------------------------------------------------------------------

    def want(self, tables: Iterable[str], now: float) -> list[Effect]:
        """Hold exactly these tables from now on; the rows of others are dropped."""
        self.holding.begin()
        self.holding.want(tables)
        return self._settle(now)

    def on_message(self, message: Delta | Heartbeat, now: float) -> list[Effect]:
        """Take a delta or a heartbeat of the stream."""
        self.holding.begin()
        if message.epoch is None:
            return []
        self.heard.hear(message.epoch, message.incarnation)
        if self.epoch is not None and message.epoch < self.epoch:
            return [Count("outdated")]
        is_rival = message.epoch == self.epoch and message.incarnation != self.incarnation
        is_starting = message.seq == NO_SEQ  # which only heartbeats have
        if is_rival and is_starting:
            return [Count("rival")]  # no sign of life of whoever published what is held
        is_news = self.news.hear(message, now)
        if is_starting:
            return []  # everything stays, stale; there is nothing to ask for
        effects: list[Effect] = []
        if self.epoch is None or message.epoch > self.epoch:
            self._enter(message.epoch, message.incarnation)
        elif is_rival:
            return self._conflict(message, now, is_news=is_news)
        self._syncing.encourage(now)
        self._hear_word(message, now, is_news=is_news)
        if isinstance(message, Delta):
            effects += self._on_delta(message)
        else:
            effects += self._on_heartbeat(message, message.epoch, now, is_news=is_news)
        return effects + self._settle(now)

    def on_answer(self, reply: SyncReply, now: float) -> list[Effect]:
        """Take the reply to a request that was sent."""
        self.holding.begin()
        if self._syncing.is_late(reply):
            return [Count("late_answer")]
        effects: list[Effect] = []
        if isinstance(reply, SyncAnswer):
            if reply.incarnation != self.incarnation or reply.epoch < (self.epoch or 0):
                return self._fail("outdated", now)
            if reply.epoch > (self.epoch or 0):
                self._turn_to(reply.epoch, reply.incarnation)
            self.news.hear_answer(reply, self._syncing.asked_at)
        pull = self._syncing.take(reply)
        if pull is None:
            effects += self._refused(reply, now)
        elif pull.is_complete:
            effects += self._complete(pull, now)
        else:
            effects.append(self._syncing.ask_more(pull, now))
        return effects + self._settle(now)

    def on_failure(self, request: int, now: float) -> list[Effect]:
        """Take that a request got no reply."""
        self.holding.begin()
        return self._fail("sync_failed", now) if self._syncing.awaits(request) else []

    def on_tick(self, now: float) -> list[Effect]:
        """Do what has become due."""
        self.holding.begin()
        effects: list[Effect] = []
        if self._syncing.is_overdue(now):
            effects += self._fail("sync_failed", now)
        elif self._syncing.is_retry_due(now):
            effects += self._retry(now)
        if not self._syncing.is_active:
            repair = self._distrust.due(now) & self.holding.wanted
            if self._missing is not None and now >= self._missing.due:
                effects += [Count("gap"), *self._sync(now, repair)]
            elif repair:
                effects += self._sync(now, repair)
        return effects + self._settle(now)

    def commit(self) -> None:
        """Take that listeners have what the last step did: `reset` does not undo it any more.

        Promises: cannot fail. A further stimulus says the same.
        """
        self.holding.begin()

    def reset(self, wanted: Iterable[str], now: float) -> None:
        """Undo a step that failed, also in part, and fetch all rows of these tables anew, later.

        Promises: what is held is as before the step, and stale until the rows are in; may be
            called again when it raises. Resets in a row are further and further apart.
        """
        self.holding.undo()
        self.holding.want(wanted)
        self._buffer.clear()
        self._missing = None
        self._syncing.begin(self.holding.wanted)
        if self.epoch is None:
            self._syncing.stop()
        else:
            self._syncing.retry_later(now, self._setbacks.next_delay())

    # --- what callers may ask -------------------------------------------------------------------

    @property
    def heard_epoch(self) -> int:
        """Give the newest epoch heard of, 0 for none."""
        return self.heard.newest()

    @property
    def position(self) -> Position | None:
        """Give the position of what is held."""
        return self.holding.position

    @property
    def is_live(self) -> bool:
        """Tell whether the rows are the publisher's at `position` and nothing newer is fetched."""
        return self.position is not None and not (self._is_behind or self._syncing.is_active)

    @property
    def is_led_on(self) -> bool:
        """Whether deltas of the present publisher can follow what is held."""
        position = self.holding.position
        is_epoch = position is not None and position.epoch == self.epoch
        return is_epoch and self.holding.held_from == self.incarnation

    @property
    def next_tick(self) -> float:
        """Give when `on_tick` will have something to do, infinity for never."""
        if self._syncing.is_active:
            return self._syncing.next_tick
        missing_due = math.inf if self._missing is None else self._missing.due
        return min(missing_due, self._distrust.next_due)

    def time_left(self, request: int, now: float) -> float:
        """Give how long the reply to a request would still be taken, 0 for not any more."""
        return self._syncing.time_left(request, now)

    def holds(self, table: str) -> bool:
        """Tell whether anything was answered of a table."""
        return table in self.holding.tables

    def rows(self, table: str) -> frozenset[Row] | None:
        """Give the rows held of a table, None when nothing was answered yet."""
        held = self.holding.tables.get(table)
        return None if held is None else frozenset(held.content.rows)

    def everything(self, tables: Iterable[str]) -> Transaction | None:
        """Give what is held of some tables as one transaction on nothing."""
        return self.holding.everything(tables)

    def ages_held(self) -> HeldAge | None:
        """Give the ages of what is held now, None when nothing is."""
        return None if self.position is None else self.news.ages_held()

    def status(self, now: float, lag: float = 0.0, before: HeldAge | None = None) -> SourceStatus:
        """Give positions, states and ages, to who is `lag` seconds behind this machine.

        Shapes: `before` are the ages, if any, of what was held `lag` seconds ago.
        """
        behind = Behind(lag, before)
        wanted = sorted(self.holding.wanted)
        is_left = self.epoch is None or self.heard_epoch > self.epoch
        return SourceStatus(
            position=self.position,
            live=self.is_live and self._missing is None and lag <= self._options.stale_after,
            link_age=later(self.news.freshness.link_age(now), lag),
            tables={name: self._table_status(name, now, behind) for name in wanted},
            unrenewed=self.news.unrenewed,
            heard=self.news.of_heard(now, is_left=is_left),
            heard_epoch=self.heard_epoch,
            lag=self._lag,
            fetching=self._fetching() if self._syncing.is_active else "",
            buffered_bytes=self._buffer.size_bytes,
        )

    def check(self) -> None:
        """Assert every invariant; for tests, after each step."""
        self.holding.check()
        self._syncing.check()
        position = self.position
        epoch = self.epoch or Epoch(0)
        assert (position.epoch if position else 0) <= epoch <= self.heard_epoch
        assert self._buffer.size_bytes <= self._options.buffer_bytes
        assert self._syncing.is_active or not self._is_behind
        if self.is_live and position is not None:
            assert self._buffer.find(position.seq) is None
            has_missing = self._heard_seq > position.seq
            assert has_missing == (self._missing is not None)

    # --- epochs ---------------------------------------------------------------------------------

    @property
    def _is_behind(self) -> bool:
        """Whether nothing is held of the newest epoch with a transaction, or of its publisher."""
        if self.epoch is None or not self.holding.wanted:
            return False
        return not self.is_led_on

    def _enter(self, epoch: Epoch, incarnation: str) -> None:
        """Leave an epoch for a newer one; what is held stays, what is on the way is of no use."""
        self._turn_to(epoch, incarnation)
        self._syncing.stop()
        self._conflicts.reset()

    def _turn_to(self, epoch: Epoch, incarnation: str) -> None:
        self.epoch, self.incarnation = epoch, incarnation
        self.heard.hear(epoch, incarnation)
        self._heard_seq = NO_SEQ
        self._missing = None
        self._buffer.clear()
        self.news.turn(epoch)
        self._distrust.clear()

    def _conflict(self, message: Delta | Heartbeat, now: float, *, is_news: bool) -> list[Effect]:
        """Two incarnations use one epoch: a position says nothing any more, only digests do."""
        assert self.epoch is not None  # a first message enters its epoch
        self._turn_to(self.epoch, message.incarnation)
        self._hear_word(message, now, is_news=is_news)
        fields = {"source": self.source, "epoch": self.epoch, "incarnation": message.incarnation}
        alarm = Alarm("two incarnations publish one epoch of a stream", fields)
        return [Count("conflict"), alarm, *self._sync_by_turns(now)]

    def _sync_by_turns(self, now: float) -> list[Effect]:
        """Ask the newer voice, but not at each change of voice of two that talk at once."""
        if now >= self._conflict_due:
            self._conflict_due = now + self._conflicts.next_delay()
            return self._sync(now)
        self._missing = None
        self._syncing.begin(())
        self._syncing.retry_later(now, self._conflict_due - now)
        return []

    def _hear_word(self, message: Delta | Heartbeat, now: float, *, is_news: bool) -> None:
        """Note where the publisher stands: its newest word counts, also when it is a lower one."""
        self.news.hear_word(message, now, is_news=is_news)
        if is_news or self._heard_seq == NO_SEQ:
            if message.seq < self._heard_seq:
                self._buffer.drop_after(message.seq)  # the publisher takes a seq back: a fault
            self._heard_seq = message.seq

    # --- deltas ---------------------------------------------------------------------------------

    def _on_delta(self, delta: Delta) -> list[Effect]:
        if self.position is not None and (delta.epoch, delta.seq) <= self.position:
            return [Count("duplicate")]
        return [] if self._buffer.put(delta) else [Count("buffer_overflow")]

    def _settle(self, now: float) -> list[Effect]:
        """Apply what can be, then see whether something is missing; ends every stimulus."""
        effects = self._move_on(now)
        position = self.position
        if position is not None and self.is_led_on:
            self.news.reach(position.seq)
        return effects

    def _move_on(self, now: float) -> list[Effect]:
        if self._is_behind:
            return [] if self._syncing.is_active else self._sync(now)
        position = self.position
        if position is None:
            return []
        effects: list[Effect] = []
        follower = self._buffer.find(position.seq + 1)
        while follower is not None and not follower.pull and self.holding.can_apply(follower):
            effects.append(Apply(self.holding.apply(follower)))
            position = Position(follower.epoch, follower.seq)
            follower = self._buffer.find(position.seq + 1)
        if self._syncing.is_active:
            return effects  # what was applied stays buffered: it may overtake an answer
        self._buffer.drop_up_to(position.seq)
        if self.holding.lacking or (follower is not None and follower.pull):
            return effects + self._sync(now)
        self._watch(position, now)
        return effects

    def _watch(self, position: Position, now: float) -> None:
        """Set, keep or clear the time at which a missing transaction is asked for."""
        if self._heard_seq <= position.seq:
            self._missing = None
            return
        options = self._options
        grace = options.gap_grace if len(self._buffer) else options.heartbeat_grace
        if self._missing is None or self._missing.seq != position.seq + 1:
            self._missing = _Missing(position.seq + 1, now + grace)
        self._missing.due = min(self._missing.due, now + grace)

    # --- heartbeats -----------------------------------------------------------------------------

    def _on_heartbeat(
        self, heartbeat: Heartbeat, epoch: Epoch, now: float, *, is_news: bool
    ) -> list[Effect]:
        if self._is_behind:
            is_further = self.position is not None and self.position <= (epoch, heartbeat.seq)
            is_same = is_further and self.holding.is_same(heartbeat)
            return self._adopt(heartbeat, epoch, now) if is_same else []
        if self._syncing.is_active:
            return []
        effects: list[Effect] = []
        repair: set[str] = set()
        if self.position == (epoch, heartbeat.seq):
            repair = self._find_differing(heartbeat, now, effects)
            self._setbacks.reset()
        if heartbeat.full and is_news:
            repair |= self.holding.wanted - heartbeat.tables.keys()
        return effects + (self._sync(now, repair) if repair else [])

    def _adopt(self, heartbeat: Heartbeat, epoch: Epoch, now: float) -> list[Effect]:
        """Go to a new epoch without a transfer: everything in it is as held."""
        self._syncing.succeed()
        self.news.adopt(heartbeat, now)
        self.holding.held_from = self.incarnation
        return [Count("adopted"), Apply(self.holding.adopt(heartbeat, epoch))]

    def _find_differing(self, heartbeat: Heartbeat, now: float, effects: list[Effect]) -> set[str]:
        """Give the tables to repair: they differ though no transaction is missing."""
        repair = set()
        for name, summary in heartbeat.tables.items():
            held = self.holding.tables.get(name)
            if held is None or not held.is_syncable:
                continue
            if held.equals(summary):
                self._distrust.trust(name)
                continue
            fields = {"source": self.source, "table": name, "position": self.position}
            effects += [Count("divergence"), Alarm("a table differs from its source", fields)]
            if self._distrust.note(name, now):
                effects += [Count("given_up"), Apply(self.holding.give_up(name))]
            else:
                repair.add(name)
        return repair

    # --- syncing --------------------------------------------------------------------------------

    def _sync(self, now: float, repair: Iterable[str] = ()) -> list[Effect]:
        """Ask for the way to a newer position; tables in `repair` with all their rows."""
        self._missing = None
        self._syncing.begin(repair)
        return self._ask(now)

    def _ask(self, now: float) -> list[Effect]:
        held = self.holding.digests(self._syncing.repair)
        add = self.holding.wanted - held.keys()
        position = self.position
        have = position if self.is_led_on else None
        self._asked_about = None if have is None else (have, self._heard_seq)
        syncing, incarnation = self._syncing, self.incarnation
        return [
            Count("sync"),
            syncing.ask(incarnation, have, held, add, floor=position, now=now),
        ]

    def _fail(self, why: str, now: float, *, retry_after: float = 0.0) -> list[Effect]:
        self._syncing.retry_later(now, retry_after)
        return [Count(why)]

    def _refused(self, reply: SyncReply, now: float) -> list[Effect]:
        if isinstance(reply, SyncBusy):
            return self._fail("sync_busy", now, retry_after=reply.retry_after)
        if isinstance(reply, SyncAnswer | Chunk):
            # Perhaps more changes than may be kept: rows in full are bounded by their number.
            self._syncing.repair |= self.holding.wanted
        return self._fail(_COUNT_BY_REPLY.get(type(reply), "bad_answer"), now)

    def _retry(self, now: float) -> list[Effect]:
        """Ask again, unless what was missing has come meanwhile."""
        position = self.position
        is_complete = position is not None and self._heard_seq <= position.seq
        if is_complete and not (self._is_behind or self.holding.lacking or self._syncing.repair):
            self._syncing.stop()
            return []
        return self._ask(now)

    def _complete(self, pull: PulledAnswer, now: float) -> list[Effect]:
        """Apply a whole answer as one transaction, or nothing of it."""
        if self.position is not None and pull.position < self.position:
            return self._complete_overtaken(pull, self.position, now)
        wrong = self.holding.wrong_tables(pull)
        given_up = {name for name in wrong if self._distrust.note(name, now)}
        effects: list[Effect] = [Count("pull_mismatch") for _ in wrong]
        if wrong - given_up:
            self._syncing.repair |= wrong
            return effects + self._fail("bad_answer", now)
        if self._asked_about == (pull.position, self._heard_seq):
            # Asked for what follows, it has nothing: what it said before that was a fault.
            self._heard_seq = pull.position.seq
            self._buffer.drop_after(self._heard_seq)
        if not self.is_led_on:
            self.news.take_over(pull.answer, self._syncing.asked_at)
        transaction = self.holding.install(pull, given_up)
        return effects + self._succeed(pull, transaction)

    def _complete_overtaken(
        self, pull: PulledAnswer, position: Position, now: float
    ) -> list[Effect]:
        """Use an answer that deltas have overtaken: bring the tables it adds forward by them."""
        tables = pull.answer.tables
        names = {name for name, entry in tables.items() if entry.kind == "full"}
        names = (names & self.holding.wanted) | (self.holding.lacking & tables.keys())
        run = None
        if pull.position.epoch == position.epoch and not names & self.holding.wrong_tables(pull):
            run = self._buffer.find_run(pull.position.seq, position.seq)
        transaction = None if run is None else self.holding.bring_forward(pull, run, names)
        if transaction is None:
            return self._fail("overtaken", now)
        return [Count("brought_forward"), *self._succeed(pull, transaction)]

    def _succeed(self, pull: PulledAnswer, transaction: Transaction) -> list[Effect]:
        self._heard_seq = max(self._heard_seq, transaction.position.seq)
        self.holding.held_from = self.incarnation
        self._syncing.succeed()
        kind = "snapshot" if pull.has_whole_tables else "replay"
        return [Count("synced"), Count(kind), Apply(transaction)]

    # --- status ---------------------------------------------------------------------------------

    @property
    def _lag(self) -> int | None:
        position = self.position
        if position is None or not self.is_led_on:
            return None
        return max(0, self._heard_seq - position.seq)

    def _fetching(self) -> str:
        """Say what is asked for, and why."""
        position, repair = self.position, self._syncing.repair
        if position is None:
            return "the first rows"
        if self._is_behind:
            return f"epoch {self.epoch}: epoch {position.epoch} is held"
        if self.holding.lacking:
            return f"tables that are new: {', '.join(sorted(self.holding.lacking))}"
        if repair:
            return f"tables that differ or broke: {', '.join(sorted(repair))}"
        return f"transactions after {position.seq}"

    def _table_status(self, name: str, now: float, behind: Behind) -> TableStatus:
        held = self.holding.tables.get(name)
        if held is None:
            return self.news.of_unknown(name, now, behind)
        is_doubtful = self._is_doubtful(name)
        return self.news.of_held(held, self.position, now, behind, is_doubtful=is_doubtful)

    def _is_doubtful(self, name: str) -> bool:
        """Tell whether rows are known to be of another publisher, or to differ from this one's."""
        position = self.position
        if position is None or self.heard_epoch > position.epoch or not self.is_led_on:
            return True
        return name in self._syncing.repair
