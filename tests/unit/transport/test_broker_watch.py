"""The watch over a broker: what it tells senders, and that it never makes them wait."""

from __future__ import annotations

import queue
import threading

from congress_dist.transports.broker_watch import BrokerWatch

PATIENCE = 30.0


class Broker:
    """Connections that a test lets succeed, and end."""

    def __init__(self) -> None:
        self.is_there = True
        self.attempts: queue.Queue[bool] = queue.Queue()
        self.ended = threading.Event()
        self.closed = 0

    def connect(self) -> Broker:
        self.attempts.put(self.is_there)
        if not self.is_there:
            raise ConnectionRefusedError("nobody there")
        self.ended.clear()
        return self

    def probe(self) -> None:
        if self.ended.is_set():
            raise ConnectionResetError("gone")

    def wait_for_end(self, seconds: float) -> None:
        if self.ended.wait(seconds):
            raise ConnectionResetError("gone")

    def close(self) -> None:
        self.closed += 1
        if self.ended.is_set():
            raise ConnectionResetError("a lost connection cannot be closed in order")

    def go_away(self) -> None:
        self.is_there = False
        self.ended.set()

    def wait_for_attempt(self, outcome: bool) -> None:
        while self.attempts.get(timeout=PATIENCE) is not outcome:
            pass


def test_who_asks_first_learns_whether_the_broker_is_there() -> None:
    broker = Broker()
    watch = BrokerWatch(broker.connect, (OSError,))
    assert watch.why_away() is None
    watch.stop()
    assert watch.outages == 0
    assert broker.closed == 1


def test_an_absent_broker_is_told_with_the_reason_and_looked_for_until_it_is_there() -> None:
    broker = Broker()
    broker.is_there = False
    watch = BrokerWatch(broker.connect, (OSError,))
    assert watch.why_away() == "nobody there"
    broker.is_there = True
    broker.wait_for_attempt(True)
    watch.stop()
    assert watch.why_away() is None
    assert watch.outages == 1


def test_a_broker_that_ends_is_noticed_without_a_sender() -> None:
    broker = Broker()
    watch = BrokerWatch(broker.connect, (OSError,))
    assert watch.why_away() is None
    broker.go_away()
    broker.wait_for_attempt(False)
    assert watch.why_away() == "nobody there"
    watch.stop()
    assert watch.outages == 1


def test_stopping_is_idempotent_and_nothing_starts_afterwards() -> None:
    broker = Broker()
    watch = BrokerWatch(broker.connect, (OSError,))
    watch.stop()
    watch.stop()
    assert watch.why_away() is None
    assert broker.attempts.empty()
