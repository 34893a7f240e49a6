"""How the sources of a node reach their publishers, some of which do not answer."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Callable, Iterator

import pytest

from congress_dist.clock import new_random
from congress_dist.errors import DeadlineExceeded
from congress_dist.node.attachments import Attachments
from congress_dist.node.delivery import Delivery
from congress_dist.node.source_feeds import SourceFeeds
from congress_dist.node.sync_calls import SyncCalls
from congress_dist.node.timetable import Job, Timetable
from congress_dist.protocol.codec import Encoder, decode, encode
from congress_dist.protocol.message_reader import MessageReader
from congress_dist.protocol.messages import Heartbeat, SyncNotYet, SyncRequest
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import Epoch, Seq, Transaction
from congress_dist.rate_limit import RateLimit
from congress_dist.testing.fake_clock import FakeClock
from congress_dist.testing.memory_transport import MemoryBus, MemoryTransport

PATIENCE = 10.0
OPTIONS = DseOptions()


class Publishers(MemoryTransport):
    """Those of the sources whose names begin with `stuck` never answer; the others say not yet."""

    def __init__(self) -> None:
        super().__init__(MemoryBus(seed=1), "me")
        self.gate = threading.Event()
        self.changed = threading.Condition()
        self.timeouts: list[float] = []

    def call(
        self,
        topic: str,
        payload: bytes,
        *,
        timeout: float,
        server: str | None = None,  # noqa: ARG002
    ) -> bytes:
        request = decode(payload)
        assert isinstance(request, SyncRequest)
        with self.changed:
            self.timeouts.append(timeout)
            self.changed.notify_all()
        if request.service.startswith("stuck"):
            self.gate.wait(PATIENCE)
            raise DeadlineExceeded("no answer", topic=topic)
        return encode(SyncNotYet(request.service, request.request))

    def wait_for_calls(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.timeouts) >= count, PATIENCE)


class Node:
    """The part of a node that subscribes, its time moved by the test."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.transport = Publishers()
        self.timetable = Timetable(lambda: None)
        self.planned: list[Job] = []
        log_limit = RateLimit(self.clock)
        self.syncs = SyncCalls(self.transport, Encoder(), MessageReader(log_limit), at_once=1)
        self.feeds = SourceFeeds(
            options=OPTIONS,
            clock=self.clock,
            rng=new_random(1),
            delivery=Delivery(self.clock, lambda _source: None, max_bytes=1000),
            new_attachments=lambda: Attachments(
                self.clock, log_limit, self.timetable, lambda job: job()
            ),
            listen=lambda source: (
                lambda: self.transport.listen(f"stream.{source}", "me", lambda _payload: None)
            ),
            later=lambda job: job(),
            request=self.syncs.submit,
            due=self._plan,
            log_limit=log_limit,
        )
        self._beat = 0

    def _plan(self, job: Job, due: float) -> None:
        self.planned.append(job)
        self.timetable.set(job, due)

    def hear(self, source: str) -> None:
        """Let the publisher of a source be heard."""
        self._beat += 1
        heartbeat = Heartbeat(source, "n", "i", self._beat, 0.0, Epoch(1), Seq(1), full=True)
        assert self.feeds.try_hear(source, lambda: heartbeat)

    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for job in self.timetable.take_due(self.clock.monotonic()):
            job()

    def stop(self) -> None:
        self.transport.gate.set()
        self.feeds.stop()
        self.syncs.stop(PATIENCE)
        self.transport.stop()


class Listener:
    def __call__(self, transaction: Transaction) -> None:
        """Hear nothing."""


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.stop()


def test_publishers_that_do_not_answer_hold_up_no_other_source(node: Node) -> None:
    for number in range(40):
        node.feeds.subscribe(f"stuck{number}", ["servers"], Listener())
        node.hear(f"stuck{number}")
    good = node.feeds.subscribe("nova", ["servers"], Listener())
    node.hear("nova")
    node.transport.wait_for_calls(41)
    while "sync_not_yet" not in good.status().counters:
        assert not node.transport.gate.wait(0.001)


def test_call_waits_no_longer_than_the_machine_does(node: Node) -> None:
    busy = threading.Event()
    node.syncs._lanes.submit("nova", lambda: _wait(busy))
    node.feeds.subscribe("nova", ["servers"], Listener())
    node.hear("nova")
    node.clock.advance(OPTIONS.sync_timeout - 2.0)
    busy.set()
    node.transport.wait_for_calls(1)
    assert node.transport.timeouts == [pytest.approx(2.0)]


def test_requests_that_waited_too_long_are_not_made(node: Node) -> None:
    busy = threading.Event()
    node.syncs._lanes.submit("nova", lambda: _wait(busy))
    subscription = node.feeds.subscribe("nova", ["servers"], Listener())
    node.hear("nova")
    while subscription.status().counters["sync"] < 5:
        node.pass_time(OPTIONS.sync_timeout / 2)
    busy.set()
    node.transport.wait_for_calls(1)
    node.syncs.stop(PATIENCE)
    assert len(node.transport.timeouts) == 1


def _wait(event: threading.Event) -> None:
    assert event.wait(PATIENCE)


def test_message_of_one_source_has_no_other_source_looked_at(node: Node) -> None:
    for number in range(50):
        node.feeds.subscribe(f"source{number}", ["servers"], Listener())
    feed = node.feeds._find("source7")
    assert feed is not None
    node.planned.clear()
    for _ in range(3):
        node.hear("source7")
    assert set(node.planned) == {feed.tick}


def test_threads_that_subscribe_one_listener_get_one_subscription(node: Node) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for number in range(100):
            assert len(_subscribe_in_threads(node, f"source{number}")) == 1
    finally:
        sys.setswitchinterval(interval)


def _subscribe_in_threads(node: Node, source: str) -> set[int]:
    listener, begin, ids = Listener(), threading.Barrier(4), set()

    def subscribe() -> None:
        begin.wait(PATIENCE)
        ids.add(id(node.feeds.subscribe(source, ["servers"], listener)))

    _run_together([subscribe] * 4)
    return ids


def _run_together(jobs: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=job) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)


def test_listener_of_a_stopped_subscription_is_forgotten(node: Node) -> None:
    node.feeds.subscribe("nova", ["servers"], Listener())
    listener = Listener()
    kept = weakref.ref(listener)
    node.feeds.subscribe("nova", ["servers"], listener).stop()
    del listener
    gc.collect()
    assert kept() is None


def test_source_that_another_thread_works_on_is_not_waited_for(node: Node) -> None:
    node.feeds.subscribe("nova", ["servers"], Listener())
    feed = node.feeds._find("nova")
    assert feed is not None
    heard: list[bool] = []
    heartbeat = Heartbeat("nova", "n", "i", 1, 0.0, Epoch(1), Seq(1), full=True)
    with feed._lock:
        _run_together([lambda: heard.append(feed.try_hear(lambda: heartbeat)), feed.tick])
    assert heard == [False]
    assert node.timetable.next_due > node.clock.monotonic()
    assert feed.try_hear(lambda: heartbeat)
