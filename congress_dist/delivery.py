"""Hands transactions to listeners: one thread, in order; none harms another.

A listener that raises is told again later: what it missed becomes one net change, so it never
skips a row. One that is slow is told the same way, so that nothing grows without bound: a net
change is at most what the tables held and hold.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from .clock import Clock
from .stream import Epoch, Position, Seq, TableChange, TableState, Transaction
from .table import NO_CHANGE, NetChange, compose, size_of

LOG = logging.getLogger(__name__)
Listener = Callable[[Transaction], None]
_MAX_WAITING = 1000
"""Transactions of one listener that wait as they came; more are made one."""
_FIRST_DELAY, _MAX_DELAY = 0.1, 30.0


class Mailbox:
    """The transactions of one source on their way to one listener.

    Invariant: guarded by the delivery's lock; taken in order, each until the listener returned.
    """

    def __init__(self, name: str, listener: Listener) -> None:
        self.name = name
        self.listener = listener
        self.waiting: deque[Transaction] = deque()
        self.size_bytes = 0
        """What the rows that wait weigh."""
        self.merge_above = 0
        """Bytes above which what waits is made one, at least twice what was left the last time."""
        self.failures = 0
        self.retry_at = 0.0
        self.is_closed = False


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
            if mailbox in self._mailboxes:
                self._mailboxes.remove(mailbox)

    def put(self, mailbox: Mailbox, transaction: Transaction) -> None:
        """Tell a listener of a transaction, after those before it."""
        with self._changed:
            if mailbox.is_closed:
                return
            mailbox.waiting.append(transaction)
            mailbox.size_bytes += _weight(transaction)
            limit = max(self._max_bytes, mailbox.merge_above)
            if len(mailbox.waiting) > _MAX_WAITING or mailbox.size_bytes > limit:
                _merge(mailbox)
            self._changed.notify()

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
        while (found := self._next()) is not None:
            mailbox, transaction = found
            try:
                mailbox.listener(transaction)
            except Exception:
                self._failed(mailbox, transaction)
                LOG.exception(
                    "a listener failed; it is told again in one step source=%s failures=%d",
                    mailbox.name,
                    mailbox.failures,
                )
            else:
                mailbox.failures = 0

    def _next(self) -> tuple[Mailbox, Transaction] | None:
        """Wait for the next transaction to hand over; None at the end."""
        with self._changed:
            while not self._is_stopped:
                now = self._clock.monotonic()
                waiting = [box for box in self._mailboxes if box.waiting]
                for mailbox in waiting:
                    if mailbox.retry_at <= now:
                        # Fairness: the next search begins behind this one.
                        self._mailboxes.remove(mailbox)
                        self._mailboxes.append(mailbox)
                        transaction = mailbox.waiting.popleft()
                        mailbox.size_bytes -= _weight(transaction)
                        return mailbox, transaction
                due = min((box.retry_at for box in waiting), default=None)
                self._changed.wait(None if due is None else due - now)
            return None

    def _failed(self, mailbox: Mailbox, transaction: Transaction) -> None:
        self._on_failure(mailbox.name)
        with self._changed:
            if mailbox.is_closed:
                return
            mailbox.waiting.appendleft(transaction)
            _merge(mailbox)
            delay = min(_MAX_DELAY, _FIRST_DELAY * 2.0 ** min(mailbox.failures, 16))
            mailbox.failures += 1
            mailbox.retry_at = self._clock.monotonic() + delay


def _merge(mailbox: Mailbox) -> None:
    merged = merge(mailbox.waiting)
    mailbox.waiting.clear()
    mailbox.waiting.append(merged)
    mailbox.size_bytes = _weight(merged)
    mailbox.merge_above = 2 * mailbox.size_bytes


def _weight(transaction: Transaction) -> int:
    changes = transaction.tables.values()
    return sum(size_of(change.removed) + size_of(change.added) for change in changes)


def merge(transactions: Iterable[Transaction]) -> Transaction:
    """Make consecutive transactions of one source one, with the net change of each table.

    Shapes: at least one is given.
    """
    nets: dict[str, NetChange] = {}
    tables: dict[str, TableChange] = {}
    states: dict[str, TableState] = {}
    source, position = "", Position(Epoch(0), Seq(0))
    for transaction in transactions:
        source, position = transaction.source, transaction.position
        states.update(transaction.states)
        for name, change in transaction.tables.items():
            net = NetChange(change.removed, change.added)
            nets[name] = compose(nets.get(name, NO_CHANGE), net)
            tables[name] = change
    merged = {
        name: replace(change, removed=nets[name].removed, added=nets[name].added)
        for name, change in tables.items()
    }
    return Transaction(source, position, merged, states)
