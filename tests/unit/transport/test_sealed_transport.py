"""A bus where some have the key and some do not."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest

from congress_dist.clock import SystemClock
from congress_dist.errors import CongressError, UnreadableMessage
from congress_dist.rate_limit import RateLimit
from congress_dist.testing.memory_bus import MemoryBus
from congress_dist.testing.memory_transport import MemoryTransport
from congress_dist.transports.seal import KeyRing, Sealer
from congress_dist.transports.sealed_transport import SealedTransport
from congress_dist.transports.transport import Transport

WAIT = 5.0


class Bus:
    def __init__(self) -> None:
        self._bus = MemoryBus()
        self._all: list[Transport] = []

    def join(self, *keys: str) -> SealedTransport:
        name = f"node-{len(self._all)}"
        sealer = Sealer(KeyRing.parse(keys), name)
        transport = SealedTransport(
            MemoryTransport(self._bus, name), sealer, RateLimit(SystemClock())
        )
        self._all.append(transport)
        return transport

    def close(self) -> None:
        for transport in self._all:
            transport.stop()


@pytest.fixture
def bus() -> Iterator[Bus]:
    opened = Bus()
    yield opened
    opened.close()


KEY, OTHER = "k:0123456789abcdef", "k:fedcba9876543210"


def test_publications_of_others_reach_no_handler_and_are_counted(
    bus: Bus, caplog: pytest.LogCaptureFixture
) -> None:
    receiver, friend, stranger, forger = bus.join(KEY), bus.join(KEY), bus.join(), bus.join(OTHER)
    arrived: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    receiver.listen("stream.nova", "r", arrived.put)
    for sender in (stranger, forger, friend):
        sender.publish("stream.nova", b"secret rows")

    assert arrived.get(timeout=WAIT) == b"secret rows"
    assert arrived.empty()
    assert receiver.counters() == {"unsigned": 1, "forged": 1}
    assert "secret rows" not in caplog.text
    assert caplog.text.count("a message was refused topic=stream.nova") == 2


def test_copy_of_a_call_is_refused_and_counted(bus: Bus) -> None:
    server, friend = bus.join(KEY), bus.join(KEY)
    carried_out: list[bytes] = []

    def answer(payload: bytes) -> bytes:
        carried_out.append(payload)
        return payload.upper()

    server.serve("node", "s", answer)
    eavesdropped = friend._sealer.seal(b"x")
    assert friend._inner.call("node", eavesdropped, timeout=WAIT)
    with pytest.raises(CongressError, match="copy"):
        friend._inner.call("node", eavesdropped, timeout=WAIT)

    assert carried_out == [b"x"]
    assert server.counters()["replayed"] == 1


def test_calls_of_others_are_refused_before_the_handler(bus: Bus) -> None:
    server, friend, stranger = bus.join(KEY), bus.join(KEY), bus.join()
    carried_out: list[bytes] = []

    def answer(payload: bytes) -> bytes:
        carried_out.append(payload)
        return payload.upper()

    server.serve("node", "s", answer)

    assert friend.call("node", b"x", timeout=WAIT) == b"X"
    with pytest.raises(CongressError, match="not signed"):
        stranger.call("node", b"y", timeout=WAIT)
    assert carried_out == [b"x"]


def test_answer_of_somebody_without_the_key_is_not_taken(bus: Bus) -> None:
    bus.join().serve("node", "s", lambda payload: payload)

    with pytest.raises(UnreadableMessage, match="not signed"):
        bus.join(KEY).call("node", b"x", timeout=WAIT)
