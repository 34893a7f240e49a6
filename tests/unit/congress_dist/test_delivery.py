from __future__ import annotations

import threading
from collections.abc import Iterator, Set
from dataclasses import replace

import pytest

from congress_dist.node.delivery import Delivery, Mailbox, merge
from congress_dist.protocol.stream import (
    READY,
    UNREAD,
    Epoch,
    Position,
    Seq,
    TableChange,
    Transaction,
)
from congress_dist.row import Row, encode_row
from congress_dist.testing.fake_clock import FakeClock

PATIENCE = 10.0


def rows(*names: str) -> frozenset[Row]:
    return frozenset(encode_row((name,)) for name in names)


def step(seq: int, removed: tuple[str, ...] = (), added: tuple[str, ...] = ()) -> Transaction:
    change = TableChange(rows(*removed), rows(*added), schema_version="v1")
    return Transaction("nova", Position(Epoch(1), Seq(seq)), {"t": change})


class Listener:
    def __init__(self) -> None:
        self.heard: list[Transaction] = []
        self.failures = 0
        self.changed = threading.Condition()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, transaction: Transaction) -> None:
        self.gate.wait(PATIENCE)
        with self.changed:
            self.changed.notify_all()
            if self.failures > 0:
                self.failures -= 1
                raise ValueError("refused")
            self.heard.append(transaction)

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, PATIENCE)

    def wait_for_failures(self) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.failures == 0, PATIENCE)


class Office:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.failed: list[str] = []
        self.has_failed = threading.Semaphore(0)
        self.delivery = Delivery(self.clock, self.on_failure, max_bytes=10_000)
        self.delivery.start()

    def put(self, mailbox: Mailbox, transaction: Transaction) -> None:
        self.delivery.put([(mailbox, transaction)])

    def on_failure(self, source: str) -> None:
        self.failed.append(source)
        self.has_failed.release()


@pytest.fixture
def office() -> Iterator[Office]:
    office = Office()
    yield office
    office.delivery.stop(PATIENCE)


def test_transactions_are_handed_over_in_order(office: Office) -> None:
    listener = Listener()
    mailbox = office.delivery.open("nova", listener)
    for seq in range(1, 6):
        office.put(mailbox, step(seq))
    listener.wait_for(5)
    assert [t.position.seq for t in listener.heard] == [1, 2, 3, 4, 5]


def test_listener_that_raised_hears_the_rest_as_one_change(office: Office) -> None:
    listener = Listener()
    listener.failures = 1
    mailbox = office.delivery.open("nova", listener)
    office.put(mailbox, step(1, added=("a", "b")))
    assert office.has_failed.acquire(timeout=PATIENCE)
    office.put(mailbox, step(2, removed=("a",), added=("c",)))
    office.clock.advance(0.1)
    office.delivery.wake()
    listener.wait_for(1)
    assert office.failed == ["nova"]
    total = merge(listener.heard)
    assert total.position.seq == 2
    assert total.tables["t"].added == rows("b", "c")
    assert not total.tables["t"].removed


def test_failing_listener_does_not_delay_another(office: Office) -> None:
    bad, good = Listener(), Listener()
    bad.failures = 1
    first, second = office.delivery.open("nova", bad), office.delivery.open("nova", good)
    office.put(first, step(1))
    assert office.has_failed.acquire(timeout=PATIENCE)
    office.put(second, step(1))
    good.wait_for(1)
    assert not bad.heard


def test_slow_listener_is_told_many_transactions_as_one(office: Office) -> None:
    listener = Listener()
    listener.gate.clear()
    mailbox = office.delivery.open("nova", listener)
    for seq in range(1, 5001):
        office.put(mailbox, step(seq, removed=(f"r{seq - 1}",), added=(f"r{seq}",)))
    assert len(mailbox.waiting) <= 1000
    listener.gate.set()
    while not listener.heard or listener.heard[-1].position.seq < 5000:
        listener.wait_for(len(listener.heard) + 1)
    assert merge(listener.heard).tables["t"].added == rows("r5000")


def test_slow_listener_keeps_no_more_bytes_than_it_may(office: Office) -> None:
    listener = Listener()
    listener.gate.clear()
    mailbox = office.delivery.open("nova", listener)
    names = [f"{seq:0>1000}" for seq in range(101)]
    for seq in range(1, 101):
        office.put(mailbox, step(seq, (names[seq - 1],), (names[seq],)))
        assert sum(len(r) for x in mailbox.waiting for r in weighed(x.transaction)) <= 10_000
    listener.gate.set()
    while not listener.heard or listener.heard[-1].position.seq < 100:
        listener.wait_for(len(listener.heard) + 1)
    assert merge(listener.heard).tables["t"].added == rows(names[-1])


def weighed(transaction: Transaction) -> frozenset[Row]:
    change = transaction.tables["t"]
    return change.removed | change.added


def test_closed_mailbox_takes_nothing(office: Office) -> None:
    listener, other = Listener(), Listener()
    mailbox = office.delivery.open("nova", listener)
    office.delivery.close(mailbox)
    office.put(mailbox, step(1))
    office.put(office.delivery.open("nova", other), step(1))
    other.wait_for(1)
    assert not listener.heard


def test_stop_from_within_a_listener_does_not_wait_for_itself(office: Office) -> None:
    stopped = threading.Event()

    def listener(_: Transaction) -> None:
        office.delivery.stop(PATIENCE)
        stopped.set()

    office.put(office.delivery.open("nova", listener), step(1))
    assert stopped.wait(PATIENCE)


def test_merged_changes_cancel_out() -> None:
    merged = merge([step(1, added=("a",)), step(2, removed=("a",)), step(3, added=("b",))])
    assert merged.position.seq == 3
    assert merged.tables["t"].added == rows("b")
    assert merged.tables["t"].removed == frozenset()


def test_merging_many_small_steps_with_a_large_one_costs_no_more_than_their_rows() -> None:
    """While it is done nobody else is told of anything."""
    copied = 0

    class Counted(frozenset[Row]):
        def __sub__(self, other: Set[Row]) -> Counted:
            nonlocal copied
            copied += len(self)
            return Counted(frozenset(self) - other)

        def __or__(self, other: Set[Row]) -> Counted:
            nonlocal copied
            copied += len(self) + len(other)
            return Counted(frozenset(self) | other)

        __ror__ = __or__

    large = Counted(rows(*(f"row {i}" for i in range(5000))))
    first = replace(step(1), tables={"t": TableChange(frozenset(), large)})
    merged = merge([first, *(step(i, added=(f"new {i}",)) for i in range(2, 102))])
    assert len(merged.tables["t"].added) == 5100
    assert copied <= 2 * len(large)


def test_merged_states_are_the_newest() -> None:
    first = Transaction("nova", Position(Epoch(1), Seq(1)), {}, {"t": UNREAD, "u": READY})
    second = Transaction("nova", Position(Epoch(1), Seq(2)), {}, {"t": READY})
    assert merge([first, second]).states == {"t": READY, "u": READY}
