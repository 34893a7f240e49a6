"""Hands transactions to listeners: one thread, in order; none harms another.

A listener that raises is told again later: what it missed becomes one net change, so it never
skips a row. One that is slow is told the same way, so that nothing grows without bound: a net
change is at most what the tables held and hold.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

from ..clock import Clock
from ..log_fields import WORKED_ON
from ..protocol.held_age import HeldAge
from ..protocol.stream import Epoch, Position, Seq, TableChange, TableState, Transaction
from ..protocol.table import NetSum, size_of

LOG = logging.getLogger(__name__)
Listener = Callable[[Transaction], None]
_MAX_WAITING = 1000
"""Transactions of one listener that wait as they came; more are made one."""
_FIRST_DELAY, _MAX_DELAY = 0.1, 30.0


@dataclass(frozen=True, slots=True)
class Letter:
    """A transaction that waits for a listener since a time of the local clock.

    `before` are the ages of what its listener has until it is told, None when it has nothing.
    """

    transaction: Transaction
    since: float
    size_bytes: int
    before: HeldAge | None


@dataclass(frozen=True, slots=True)
class Told:
    """What a listener has.

    Units: `behind` is the age of the oldest transaction that it has not taken, 0 when there is
        none; `before` the ages of what it has meanwhile.
    """

    position: Position | None
    states: Mapping[str, TableState]
    behind: float
    before: HeldAge | None = None
    waiting: int = 0
    """How many transactions it has not taken."""
    waiting_bytes: int = 0


class Mailbox:
    """The transactions of one source on their way to one listener.

    Invariant: guarded by the delivery's lock; taken in order, each until the listener returned.
    `taken` is the one that it is told now, or again.
    """

    def __init__(self, name: str, listener: Listener) -> None:
        self.name = name
        self.listener = listener
        self.waiting: deque[Letter] = deque()
        self.size_bytes = 0
        """What the rows that wait weigh."""
        self.merge_above = 0
        """Bytes above which what waits is made one, at least twice what was left the last time."""
        self.taken: Letter | None = None
        self.position: Position | None = None
        self.states: dict[str, TableState] = {}
        self.failures = 0
        self.retry_at = 0.0
        self.is_closed = False

    @property
    def oldest(self) -> Letter | None:
        """Give what the listener must be told next."""
        if self.taken is not None:
            return self.taken
        return self.waiting[0] if self.waiting else None

    def log_fields(self) -> dict[str, Any]:
        """Give what log lines say: the source, and the position that is told or was told last."""
        position = self.position if self.taken is None else self.taken.transaction.position
        return {"stream": self.name, "position": None if position is None else list(position)}

    def make_room(self, letter: Letter, max_bytes: int) -> None:
        """Make one what waits, if it is too much with a further letter."""
        limit = max(max_bytes, self.merge_above)
        is_much = self.size_bytes + letter.size_bytes > limit
        if self.waiting and (is_much or len(self.waiting) >= _MAX_WAITING):
            self.merge()

    def merge(self) -> None:
        """Make one what waits, as old as the first; when it raises everything is as it was."""
        merged = merge([letter.transaction for letter in self.waiting])
        first = self.waiting[0]
        letter = Letter(merged, first.since, _weight(merged), first.before)
        self.waiting[0] = letter
        while len(self.waiting) > 1:
            self.waiting.pop()
        self.size_bytes = letter.size_bytes
        self.merge_above = 2 * letter.size_bytes

    def take(self) -> Transaction | None:
        """Take what the listener is told next: what it refused with all that came meanwhile.

        Promises: when it raises, everything still waits.
        """
        if self.taken is not None:
            self.waiting.appendleft(self.taken)
            self.size_bytes += self.taken.size_bytes
            self.taken = None
            self.merge()
        if not self.waiting:
            return None  # closed meanwhile
        self.taken = self.waiting.popleft()
        self.size_bytes -= self.taken.size_bytes
        return self.taken.transaction

    def note_told(self) -> None:
        """Note that the listener has what it was told."""
        if self.taken is None:
            return  # closed meanwhile
        transaction, self.taken = self.taken.transaction, None
        self.failures = 0
        self.position = transaction.position
        self.states.update(transaction.states)

    def forget(self, tables: Set[str]) -> None:
        """Tell nothing of some tables any more: the listener drops them by itself."""
        taken = None if self.taken is None else _without(tables, self.taken)
        waiting = deque(_without(tables, letter) for letter in self.waiting)
        size_bytes = sum(letter.size_bytes for letter in waiting)
        self.taken, self.waiting, self.size_bytes = taken, waiting, size_bytes
        for name in tables:
            self.states.pop(name, None)


class Delivery:
    """The thread that calls listeners."""

    def __init__(self, clock: Clock, on_failure: Callable[[str], None], *, max_bytes: int) -> None:
        self._clock = clock
        self._max_bytes = max_bytes
        self._on_failure = on_failure
        self._changed = threading.Condition()
        self._mailboxes: list[Mailbox] = []
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name="dse-delivery", daemon=True)

    def start(self) -> None:
        """Begin to call listeners."""
        self._thread.start()

    def open(self, name: str, listener: Listener) -> Mailbox:
        """Make a mailbox for a listener."""
        mailbox = Mailbox(name, listener)
        with self._changed:
            self._mailboxes.append(mailbox)
        return mailbox

    def close(self, mailbox: Mailbox) -> None:
        """Drop a mailbox with what is in it."""
        with self._changed:
            mailbox.is_closed = True
            mailbox.waiting.clear()
            mailbox.taken = None
            if mailbox in self._mailboxes:
                self._mailboxes.remove(mailbox)

    def put(
        self, letters: Sequence[tuple[Mailbox, Transaction]], before: HeldAge | None = None
    ) -> None:
        """Tell listeners of transactions, each after those before it.

        Shapes: `before` are the ages of what was held before the first of them, if anything was.
        Promises: when it raises, nobody is told of anything.
        """
        now = self._clock.monotonic()
        sealed = [
            (mailbox, Letter(transaction, now, _weight(transaction), before))
            for mailbox, transaction in letters
        ]
        with self._changed:
            is_open = [(mailbox, letter) for mailbox, letter in sealed if not mailbox.is_closed]
            for mailbox, letter in is_open:
                mailbox.make_room(letter, self._max_bytes)
            _put_all(is_open)
            self._changed.notify()

    def told(self, mailbox: Mailbox) -> Told:
        """Give what a listener has."""
        now = self._clock.monotonic()
        with self._changed:
            oldest = mailbox.oldest
            behind = 0.0 if oldest is None else max(0.0, now - oldest.since)
            waiting = len(mailbox.waiting) + (mailbox.taken is not None)
            before = None if oldest is None else oldest.before
            return Told(
                mailbox.position,
                dict(mailbox.states),
                behind,
                before,
                waiting,
                mailbox.size_bytes,
            )

    def forget(self, mailbox: Mailbox, tables: Set[str]) -> None:
        """Take that a listener drops tables by itself: what waits for it is not about them.

        Promises: nothing is changed when it raises.
        """
        with self._changed:
            if tables:
                mailbox.forget(tables)

    def wake(self) -> None:
        """Look at the clock again."""
        with self._changed:
            self._changed.notify()

    def stop(self, timeout: float) -> None:
        """Call no listener any more; idempotent."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        is_other = threading.current_thread() is not self._thread
        if self._thread.is_alive() and is_other:
            self._thread.join(timeout)

    def _run(self) -> None:
        while (mailbox := self._next()) is not None:
            token = WORKED_ON.set(mailbox)
            try:
                self._tell(mailbox)
            except Exception:
                self._failed(mailbox)
                LOG.exception(
                    "a listener failed; it is told again in one step source=%s failures=%d",
                    mailbox.name,
                    mailbox.failures,
                )
            finally:
                WORKED_ON.reset(token)

    def _tell(self, mailbox: Mailbox) -> None:
        with self._changed:
            transaction = mailbox.take()
        if transaction is None:
            return
        mailbox.listener(transaction)
        with self._changed:
            mailbox.note_told()

    def _next(self) -> Mailbox | None:
        """Wait until a listener is to be told something; None at the end."""
        with self._changed:
            while not self._is_stopped:
                now = self._clock.monotonic()
                waiting = [box for box in self._mailboxes if box.oldest is not None]
                for mailbox in waiting:
                    if mailbox.retry_at <= now:
                        # Fairness: the next search begins behind this one.
                        self._mailboxes.remove(mailbox)
                        self._mailboxes.append(mailbox)
                        return mailbox
                due = min((box.retry_at for box in waiting), default=None)
                self._changed.wait(None if due is None else due - now)
            return None

    def _failed(self, mailbox: Mailbox) -> None:
        self._on_failure(mailbox.name)
        with self._changed:
            delay = min(_MAX_DELAY, _FIRST_DELAY * 2.0 ** min(mailbox.failures, 16))
            mailbox.failures += 1
            mailbox.retry_at = self._clock.monotonic() + delay


def _put_all(letters: Sequence[tuple[Mailbox, Letter]]) -> None:
    """Put letters into mailboxes, all or none."""
    done = 0
    try:
        for mailbox, letter in letters:
            mailbox.waiting.append(letter)
            done += 1
    except BaseException:
        for mailbox, _ in letters[:done]:
            mailbox.waiting.pop()
        raise
    for mailbox, letter in letters:
        mailbox.size_bytes += letter.size_bytes


def _without(tables: Set[str], letter: Letter) -> Letter:
    """Give a letter that says nothing of some tables."""
    transaction = letter.transaction
    if not tables & (transaction.tables.keys() | transaction.states.keys()):
        return letter
    changes = {n: change for n, change in transaction.tables.items() if n not in tables}
    states = {n: state for n, state in transaction.states.items() if n not in tables}
    rest = replace(transaction, tables=changes, states=states)
    return Letter(rest, letter.since, _weight(rest), letter.before)


def _weight(transaction: Transaction) -> int:
    changes = transaction.tables.values()
    return sum(size_of(change.removed) + size_of(change.added) for change in changes)


def merge(transactions: Iterable[Transaction]) -> Transaction:
    """Make consecutive transactions of one source one, with the net change of each table.

    Shapes: at least one is given.
    Cost: proportional to the rows in them.
    """
    nets: dict[str, NetSum] = {}
    tables: dict[str, TableChange] = {}
    states: dict[str, TableState] = {}
    source, position = "", Position(Epoch(0), Seq(0))
    for transaction in transactions:
        source, position = transaction.source, transaction.position
        states.update(transaction.states)
        for name, change in transaction.tables.items():
            nets.setdefault(name, NetSum()).add(change.removed, change.added)
            tables[name] = change
    merged = {
        name: replace(
            change, removed=frozenset(nets[name].removed), added=frozenset(nets[name].added)
        )
        for name, change in tables.items()
    }
    return Transaction(source, position, merged, states)
