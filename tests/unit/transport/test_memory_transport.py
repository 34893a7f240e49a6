"""The transport inside one process: conformance, and the faults that a test can give it."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from congress_dist.errors import DeadlineExceeded, ServiceUnavailable, TransportError
from congress_dist.testing.memory_transport import NO_FAULTS, Faults, MemoryBus, MemoryTransport
from congress_dist.testing.transport_conformance import (
    PATIENCE,
    SHORT,
    Inbox,
    Pair,
    TransportConformance,
    echo,
)


@pytest.fixture
def bus() -> Iterator[MemoryBus]:
    bus = MemoryBus(seed=7)
    yield bus
    bus.stop()


@pytest.fixture
def nodes(bus: MemoryBus) -> Iterator[Pair]:
    one, other = MemoryTransport(bus, "one"), MemoryTransport(bus, "other")
    yield Pair(one, other)
    one.stop()
    other.stop()


class TestMemoryTransport(TransportConformance):
    @pytest.fixture
    def pair(self, nodes: Pair) -> Pair:
        return nodes


def test_loss_follows_the_seed(nodes: Pair, bus: MemoryBus) -> None:
    inbox = Inbox()
    nodes.other.listen("t", "b", inbox)
    bus.set_faults(Faults(loss=0.5))
    for number in range(100):
        nodes.one.publish("t", b"%d" % number)
    bus.set_faults(NO_FAULTS)
    nodes.one.publish("t", b"end")

    lost = nodes.one.counters()["lost"]
    assert 30 < lost < 70
    arrived = inbox.take(101 - lost)
    assert arrived[-1] == b"end"


def test_duplication_delivers_twice(nodes: Pair, bus: MemoryBus) -> None:
    inbox = Inbox()
    nodes.other.listen("t", "b", inbox)
    bus.set_faults(Faults(duplication=1.0))
    nodes.one.publish("t", b"x")

    assert inbox.take(2) == [b"x", b"x"]
    assert nodes.one.counters() == {"duplicated": 1}


def test_reordered_payload_comes_after_a_later_one(nodes: Pair, bus: MemoryBus) -> None:
    inbox = Inbox()
    nodes.other.listen("t", "b", inbox)
    bus.set_faults(Faults(reorder=1.0))
    nodes.one.publish("t", b"first")
    bus.set_faults(NO_FAULTS)
    nodes.one.publish("t", b"second")

    assert inbox.take(2) == [b"second", b"first"]


def test_delayed_payload_comes_later(nodes: Pair, bus: MemoryBus) -> None:
    inbox = Inbox()
    nodes.other.listen("t", "b", inbox)
    bus.set_faults(Faults(delay=(0.02, 0.02)))
    nodes.one.publish("t", b"first")
    bus.set_faults(NO_FAULTS)
    nodes.one.publish("t", b"second")

    assert inbox.take(2) == [b"second", b"first"]


def test_nothing_crosses_a_partition_until_it_heals(nodes: Pair, bus: MemoryBus) -> None:
    inbox = Inbox()
    nodes.other.listen("t", "b", inbox)
    nodes.other.serve("t", "b", echo)
    bus.partition("one", "other")
    nodes.one.publish("t", b"lost")
    with pytest.raises(DeadlineExceeded):
        nodes.one.call("t", b"", timeout=SHORT)
    bus.heal()
    nodes.one.publish("t", b"seen")

    assert inbox.next() == b"seen"
    assert nodes.one.counters() == {"partitioned": 2}


def test_bus_that_is_away_fails_at_once(nodes: Pair, bus: MemoryBus) -> None:
    bus.take_away("one")
    with pytest.raises(TransportError):
        nodes.one.publish("t", b"")
    bus.give_back("one")
    nodes.one.publish("t", b"")


def test_call_to_a_killed_node_fails_at_once(nodes: Pair, bus: MemoryBus) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def handler(payload: bytes) -> bytes:
        entered.set()
        go_on.wait(PATIENCE)
        return payload

    nodes.other.serve("t", "b", handler)

    def kill() -> None:
        entered.wait(PATIENCE)
        bus.kill("other")

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(ServiceUnavailable) as failure:
        nodes.one.call("t", b"", timeout=PATIENCE)
    killer.join()
    go_on.set()

    assert failure.value.fields["outcome"] == "unknown"
    with pytest.raises(ServiceUnavailable) as failure:
        nodes.one.call("t", b"", timeout=PATIENCE)
    assert failure.value.fields["outcome"] == "not_written"
