"""Streams between real processes on uds: killed and stopped in every phase of a sync."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from congress_dist.clock import SystemClock
from congress_dist.config import load_config
from congress_dist.node.outbox import HEARTBEATS, stream_topic
from congress_dist.protocol.messages import WIRE_VERSION
from congress_dist.transports.transport import OsloTransport
from tests.peer import PATIENCE, Peer
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

SCRIPT = str(Path(__file__).with_name("stream_peer.py"))
FAST = {
    "heartbeat_interval": 0.2,
    "full_heartbeat_interval": 1.0,
    "lease_time": 1.0,
    "lease_renewal": 0.3,
    "lease_call_timeout": 1.0,
    "sync_timeout": 1.0,
    "first_round": 0.5,
    "chunk_bytes": 2000,
}
ROWS = 300


class StreamPeer(Peer):
    """A node in a process of its own."""

    def __init__(self, directory: Path, role: str, **config: Any) -> None:
        known = {"dir": str(directory), "role": role, "name": role, "options": FAST}
        known |= {"incarnation": f"{role}-{next(_numbers)}", **config}
        super().__init__(SCRIPT, known)

    @property
    def incarnation(self) -> str:
        return str(self.config["incarnation"])

    def states(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask(state=True)
        return found


_numbers = itertools.count(1)
Start = Callable[..., StreamPeer]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    peers: list[StreamPeer] = []

    def _start(role: str, *, is_ready: bool = True, **config: Any) -> StreamPeer:
        peers.append(StreamPeer(tmp_path, role, **config))
        if is_ready:
            peers[-1].wait_for("ready")
        return peers[-1]

    yield _start
    for peer in peers:
        peer.end()


def wait_until_equal(publisher: StreamPeer, *subscribers: StreamPeer) -> None:
    """Wait until every subscriber is live and has the publisher's digest."""

    def are_equal() -> bool:
        digest = publisher.states()[0]["digest"]
        states = [state for subscriber in subscribers for state in subscriber.states()]
        return all(state["live"] and state["digest"] == digest for state in states)

    wait_until(are_equal, seconds=PATIENCE, what="the digests are equal")


def stay_beyond_the_lease() -> None:
    """Leave everything as it is for longer than any lease lasts."""
    clock = SystemClock()
    end = clock.monotonic() + 2 * FAST["lease_time"]
    wait_until(lambda: clock.monotonic() >= end, seconds=PATIENCE, what="the lease time is over")


def published(start: Start, rows: int = ROWS, **config: Any) -> StreamPeer:
    """Start a policy service and a publisher with rows."""
    start("policy")
    publisher = start("publisher", **config)
    publisher.ask(rows=rows, version=1)
    wait_until(lambda: publisher.states()[0]["epoch"], seconds=PATIENCE, what="a grant")
    return publisher


PHASES = [
    ("sent", "sync", 1),
    ("received", "sync_answer", 1),
    ("sent", "chunk_request", 2),
    ("received", "chunk", 2),
]
SIGNALS = ["SIGKILL", "SIGSTOP"]


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: " ".join(map(str, phase)))
def test_subscriber_that_is_gone_in_a_phase_of_its_sync(
    start: Start, phase: tuple[str, str, int], number: str
) -> None:
    publisher = published(start)
    subscriber = start("subscriber", fault=fault(phase, number), is_ready=False)
    subscriber.wait_for("fault")
    if number == "SIGKILL":
        subscriber.process.wait(PATIENCE)
        subscriber = start("subscriber")
    else:
        subscriber.wait_until_stopped()
        publisher.ask(rows=ROWS - 1, version=2)
        stay_beyond_the_lease()
        subscriber.process.send_signal(signal.SIGCONT)
    publisher.ask(rows=ROWS, version=3)
    wait_until_equal(publisher, subscriber)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    "phase",
    [
        ("received", "sync", 1),
        ("sent", "sync_answer", 1),
        ("received", "chunk_request", 2),
        ("sent", "chunk", 2),
    ],
    ids=lambda phase: " ".join(map(str, phase)),
)
def test_publisher_that_is_gone_in_a_phase_of_a_sync(
    start: Start, phase: tuple[str, str, int], number: str
) -> None:
    former = published(start, fault=fault(phase, number))
    subscriber = start("subscriber")
    former.wait_for("fault")
    if number == "SIGKILL":
        former.process.wait(PATIENCE)
        publisher = start("publisher", replaces=former.incarnation)
        publisher.ask(rows=ROWS, version=2)
        wait_until_equal(publisher, subscriber)
        return
    former.wait_until_stopped()
    publisher = start("publisher", name="other")  # takes over when the lease time is over
    publisher.ask(rows=ROWS, version=2)
    wait_until_equal(publisher, subscriber)
    former.process.send_signal(signal.SIGCONT)
    wait_until(
        lambda: former.states()[0]["epoch"] is None, seconds=PATIENCE, what="the former one yields"
    )
    publisher.ask(rows=ROWS, version=3)
    wait_until_equal(publisher, subscriber)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("message", ["heartbeat", "call"])
def test_policy_service_that_is_gone(start: Start, message: str, number: str) -> None:
    former = start("policy", fault=fault(("received", message, 8), number), is_ready=False)
    publisher, subscriber = start("publisher"), start("subscriber")
    publisher.ask(rows=ROWS, version=1)
    former.wait_for("fault")
    if number == "SIGKILL":
        former.process.wait(PATIENCE)
        start("policy")
    else:
        former.wait_until_stopped()
        epoch = publisher.states()[0]["epoch"]
        stay_beyond_the_lease()
        publisher.ask(rows=ROWS - 1, version=2)
        wait_until_equal(publisher, subscriber)
        assert publisher.states()[0]["epoch"] == epoch  # it goes on without a renewal
        former.process.send_signal(signal.SIGCONT)
    publisher.ask(rows=ROWS, version=3)
    wait_until_equal(publisher, subscriber)


def fault(phase: tuple[str, str, int], number: str) -> dict[str, Any]:
    when, message, nth = phase
    return {"when": when, "message": message, "nth": nth, "signal": number}


def test_two_publishers_of_one_stream(start: Start) -> None:
    first = published(start)
    second = start("publisher", name="other")
    second.ask(rows=ROWS, version=9)
    subscriber = start("subscriber")
    wait_until_equal(first, subscriber)
    assert second.states()[0]["epoch"] is None
    first.process.kill()
    wait_until_equal(second, subscriber)


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations(["policy", "publisher", "subscriber"])),
    ids=lambda order: "-".join(order),
)
def test_processes_start_in_any_order(start: Start, order: tuple[str, ...]) -> None:
    peers = {role: start(role) for role in order}
    peers["publisher"].ask(rows=ROWS, version=1)
    wait_until_equal(peers["publisher"], peers["subscriber"])


def test_poison_harms_no_stream(start: Start, tmp_path: Path) -> None:
    publisher = published(start)
    subscriber = start("subscriber")
    wait_until_equal(publisher, subscriber)
    transport = OsloTransport(load_config(tmp_path))
    try:
        for payload in (b"", b"\0" * 1000, b"C\1\0\xc1", bytes((67, WIRE_VERSION + 1, 0))):
            for topic in (stream_topic("nova"), HEARTBEATS):
                transport.publish(topic, payload)
    finally:
        transport.stop()
    publisher.ask(rows=ROWS, version=2)
    wait_until_equal(publisher, subscriber)
    counters = subscriber.ask(counters=True)
    assert counters["unreadable_malformed"] == 3
    assert counters["unreadable_newer_version"] == 1
    assert counters["steps_failed"] == 0


def test_two_hundred_subscribers_in_eight_processes(start: Start) -> None:
    publisher = published(start)
    processes = [start("subscriber", name=f"s{n}", count=25) for n in range(8)]
    wait_until_equal(publisher, *processes)
    publisher.ask(rows=ROWS, version=2)
    wait_until_equal(publisher, *processes)
    assert sum(len(process.states()) for process in processes) == 200


def test_table_of_a_million_rows(start: Start) -> None:
    options = FAST | {"chunk_bytes": 256 * 1024, "sync_timeout": 5.0, "heartbeat_interval": 1.0}
    options |= {"lease_time": 6.0, "lease_renewal": 2.0, "lease_call_timeout": 3.0}
    start("policy", options=options)
    publisher = start("publisher", options=options)
    subscriber = start("subscriber", options=options)
    publisher.ask(rows=1_000_000, version=1)
    wait_until(
        lambda: subscriber.states()[0]["rows"] == 1_000_001, seconds=120, what="all rows are here"
    )
    wait_until_equal(publisher, subscriber)
