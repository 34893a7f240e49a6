"""One source on one node: its state machine, and the subscriptions that share it.

Any thread may step the machine, under the feed's lock; effects are carried out before the lock is
given back, so that listeners see transactions in the order of the machine.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from ..clock import Clock
from ..log_fields import WORKED_ON
from ..protocol.effects import Alarm, Apply, Count, Effect, RequestSync
from ..protocol.held_age import HeldAge
from ..protocol.messages import Delta, Heartbeat
from ..protocol.options import DseOptions
from ..protocol.source_status import SourceStatus, TableStatus
from ..protocol.stream import UNREAD, Transaction
from ..protocol.subscriber import Subscriber
from ..rate_limit import RateLimit
from .delivery import Delivery, Listener, Mailbox, Told
from .source_report import busy_report, source_report
from .timetable import BUSY_AGAIN, LOCK_PATIENCE, REPORT_PATIENCE, Job

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeedTools:
    """What a feed carries its effects out with."""

    clock: Clock
    delivery: Delivery
    request: Callable[[SourceFeed, RequestSync], None]
    wants_changed: Callable[[SourceFeed, tuple[str, ...]], None]
    stopped: Callable[[Subscription], None]
    closed: Callable[[SourceFeed], None]
    due: Callable[[Job, float], None]
    log_limit: RateLimit


class SourceFeed:
    """Drives one subscriber machine for all subscriptions of a node to one source."""

    def __init__(self, machine: Subscriber, tools: FeedTools) -> None:
        self.source = machine.source
        self._machine = machine
        self._tools = tools
        self._lock = threading.RLock()
        self._subscriptions: list[Subscription] = []
        self._wanted: tuple[str, ...] = ()
        self._counters: Counter[str] = Counter()
        self._is_closed = False
        self._is_broken = False
        """Whether the newest step failed and is not undone yet."""

    def heard_epoch(self, besides: str | None) -> int:
        """Give the newest epoch heard of the source from others than one incarnation."""
        return self._machine.heard.newest(besides)

    def tick(self) -> None:
        """Let the machine do what is due, now or when the feed is not busy any more."""
        if not self._lock.acquire(timeout=LOCK_PATIENCE):
            self._tools.due(self.tick, self._tools.clock.monotonic() + BUSY_AGAIN)
            return
        try:
            self.step(
                lambda machine, now: machine.on_tick(now) if now >= machine.next_tick else []
            )
        finally:
            self._lock.release()

    def try_hear(self, read: Callable[[], Delta | Heartbeat | None]) -> bool:
        """Hand the machine a message; False, and nothing done, while the feed is busy.

        Promises: does not wait for another thread's work on this source, which may be a table of a
            million rows. `read` is called once, when the feed is free.
        """
        if not self._lock.acquire(timeout=LOCK_PATIENCE):
            return False
        try:
            message = read()
            if message is not None:
                self.step(lambda machine, now: machine.on_message(message, now))
        finally:
            self._lock.release()
        return True

    def step(self, stimulus: Callable[[Subscriber, float], list[Effect]]) -> None:
        """Hand the machine a stimulus and carry out what it says.

        Promises: what is held and what listeners are told change together or not at all: a
            stimulus that fails, wherever it does, is undone, sets this stream aside and resyncs
            it; nothing else is harmed.
        """
        token = WORKED_ON.set(self)
        try:
            self._step(stimulus)
        finally:
            WORKED_ON.reset(token)

    def _step(self, stimulus: Callable[[Subscriber, float], list[Effect]]) -> None:
        with self._lock:
            now = self._tools.clock.monotonic()
            try:
                self._mend(now)
                before = self._machine.ages_held()
                effects = stimulus(self._machine, now)
                self._hand_over(effects, before)
                self._machine.commit()
            except Exception:
                self._is_broken = True
                self._counters["poison"] += 1
                if self._tools.log_limit.allows(f"{self.source} poison"):
                    LOG.exception(
                        "a stimulus broke a stream; it is synced anew source=%s", self.source
                    )
                with suppress(Exception):  # it is tried again before anything else is done
                    self._mend(now)
                self._plan()
                return
            for effect in effects:
                self._carry_out(effect, now)
            self._plan()

    def add(self, subscription: Subscription, tables: Iterable[str]) -> bool:
        """Let a subscription have these tables from now on, and what is held of them already.

        Promises: False, and nothing done, when the feed was closed because nobody subscribed to
            it; nothing is done when it raises.
        """
        with self._lock:
            if self._is_closed:
                return False
            self._mend(self._tools.clock.monotonic())
            chosen = frozenset(tables)
            new = chosen - subscription.tables
            held = [name for name in sorted(new) if self._machine.holds(name)]
            transaction = self._machine.everything(held) if held else None
            if transaction is not None:
                self._tools.delivery.put([subscription.letter(transaction, chosen)])
            subscription.take(chosen)
            if subscription not in self._subscriptions:
                self._subscriptions.append(subscription)
            self._want()
            return True

    def widen(self, subscription: Subscription, tables: Iterable[str]) -> bool:
        """Let a subscription have these tables beside its others; gives what `add` gives."""
        with self._lock:
            return self.add(subscription, subscription.tables | frozenset(tables))

    def remove(self, subscription: Subscription) -> None:
        """Forget a subscription and the rows that only it wanted; the last closes the feed."""
        self._tools.stopped(subscription)
        with self._lock:
            if subscription not in self._subscriptions:
                return
            self._subscriptions.remove(subscription)
            self._is_closed = not self._subscriptions
            self._want()
            if self._is_closed:
                self._tools.closed(self)
                self._plan()

    def time_left(self, request: int) -> float:
        """Give how long the machine still waits for the reply to a request, 0 for not at all."""
        with self._lock:
            return self._machine.time_left(request, self._tools.clock.monotonic())

    def status(self, tables: Iterable[str], find_told: Callable[[], Told]) -> SourceStatus:
        """Give what is known of the source, and these tables as a listener has them."""
        self.step(lambda _machine, _now: [])
        with self._lock:
            # Ordering: here, because before the lock was had the machine may have gone on.
            told = find_told()
            now = self._tools.clock.monotonic()
            status = self._machine.status(now, told.behind, told.before)
            chosen = {
                name: _as_told(name, status.tables[name], told, is_broken=self._is_broken)
                for name in tables
                if name in status.tables
            }
            return replace(
                status,
                position=told.position,
                live=status.live and told.position is not None and not self._is_broken,
                tables=chosen,
                counters=dict(self._counters),
            )

    def report(self, options: DseOptions) -> dict[str, Any]:
        """Give what an operator wants to know of the source, as plain data.

        Promises: does not wait for another thread's work on this source; then it only says so.
        """
        if not self._lock.acquire(timeout=REPORT_PATIENCE):
            return busy_report(self.source)
        try:
            told = [subscription.told() for subscription in self._subscriptions]
            behind = max((each.behind for each in told), default=0.0)
            status = self._machine.status(self._tools.clock.monotonic(), behind)
            return source_report(
                self.source,
                replace(status, counters=dict(self._counters)),
                told,
                options=options,
                is_broken=self._is_broken,
            )
        finally:
            self._lock.release()

    def log_fields(self) -> dict[str, Any]:
        """Give what log lines say of the source: its name, and the position held."""
        position = self._machine.position
        return {"stream": self.source, "position": None if position is None else list(position)}

    def count(self, name: str, amount: int = 1) -> None:
        """Count something that happened outside the machine."""
        with self._lock:
            self._counters[name] += amount

    def _want(self) -> None:
        wanted = tuple(sorted({name for sub in self._subscriptions for name in sub.tables}))
        self._wanted = wanted
        self.step(lambda machine, now: machine.want(wanted, now))
        self._tools.wants_changed(self, wanted)

    def _plan(self) -> None:
        due = math.inf if self._is_closed else self._machine.next_tick
        self._tools.due(self.tick, due)

    def _mend(self, now: float) -> None:
        """Undo the step that failed, if one did; raises again what keeps it from being undone."""
        if self._is_broken:
            self._machine.reset(self._wanted, now)
            self._is_broken = False

    def _hand_over(self, effects: Iterable[Effect], before: HeldAge | None) -> None:
        """Put what was applied into all mailboxes or none; `before` are the ages until then."""
        transactions = [effect.transaction for effect in effects if isinstance(effect, Apply)]
        self._tools.delivery.put(
            [
                subscription.letter(transaction, subscription.tables)
                for transaction in transactions
                for subscription in self._subscriptions
            ],
            before,
        )

    def _carry_out(self, effect: Effect, now: float) -> None:
        if isinstance(effect, RequestSync):
            self._request(effect, now)
        elif isinstance(effect, Count):
            self._counters[effect.name] += 1
        elif isinstance(effect, Apply):
            self._counters["applied"] += 1
        elif isinstance(effect, Alarm) and self._tools.log_limit.allows(
            f"{self.source} {effect.text}"
        ):
            LOG.error("%s", effect)

    def _request(self, effect: RequestSync, now: float) -> None:
        try:
            self._tools.request(self, effect)
        except Exception:
            self._counters["request_failed"] += 1
            if self._tools.log_limit.allows(f"{self.source} request"):
                LOG.exception("a sync could not be asked for source=%s", self.source)
            self._machine.on_failure(effect.message.request, now)  # it asks again later


def _as_told(name: str, table: TableStatus, told: Told, *, is_broken: bool) -> TableStatus:
    is_held = table.position is not None
    # A table that its listener was told nothing of is unread to it, whatever is held.
    state = told.states.get(name, UNREAD) if is_held else table.state
    return replace(table, state=state, stale=table.stale or is_broken)


class Subscription:
    """Tables of one source for one listener; made by `DseNode.subscribe`. Thread safe."""

    def __init__(self, feed: SourceFeed, delivery: Delivery, listener: Listener) -> None:
        self._feed = feed
        self._delivery = delivery
        self._mailbox: Mailbox = delivery.open(feed.source, listener)
        self.source = feed.source
        self.listener = listener
        self.tables: frozenset[str] = frozenset()
        """Guarded by the feed's lock."""

    def want(self, tables: Iterable[str]) -> None:
        """Have exactly these tables from now on; the listener drops others by itself."""
        if not self.is_stopped:
            self._feed.add(self, tables)

    def add(self, tables: Iterable[str]) -> bool:
        """Have these tables too from now on; False, and nothing done, when it is stopped."""
        return not self.is_stopped and self._feed.widen(self, tables)

    @property
    def is_stopped(self) -> bool:
        """Tell whether `stop` was called."""
        return self._mailbox.is_closed

    def status(self) -> SourceStatus:
        """Give what is known of the source, and the tables of this subscription.

        Shapes: `position` is the one last handed over to the listener; what waits for it makes
            all ages higher, and beyond the time after which rows are stale the source not live.
        """
        return self._feed.status(sorted(self.tables), self.told)

    def told(self) -> Told:
        """Give what the listener has."""
        return self._delivery.told(self._mailbox)

    def take(self, tables: frozenset[str]) -> None:
        """Have exactly these tables from now on; of others the listener has nothing any more."""
        self._delivery.forget(self._mailbox, self.tables - tables)
        self.tables = tables

    def letter(
        self, transaction: Transaction, tables: frozenset[str]
    ) -> tuple[Mailbox, Transaction]:
        """Give what the listener is told of a transaction that is about these tables of its."""
        changes = {n: change for n, change in transaction.tables.items() if n in tables}
        states = {n: state for n, state in transaction.states.items() if n in tables}
        mine = Transaction(transaction.source, transaction.position, changes, states)
        return self._mailbox, mine

    def stop(self) -> None:
        """End the subscription; idempotent. A call of the listener may still be under way."""
        self._delivery.close(self._mailbox)
        self._feed.remove(self)
