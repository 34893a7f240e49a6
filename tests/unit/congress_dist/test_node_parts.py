"""The small parts of a node: queues, the worker, attachments, membership, the called side."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from congress_dist.clock import new_random
from congress_dist.errors import DeadlineExceeded, TransportError
from congress_dist.node.attachments import Attachments
from congress_dist.node.byte_queue import ByteQueue
from congress_dist.node.calls import CallClient, CallServer
from congress_dist.node.node_loop import NodeLoop
from congress_dist.node.outbox import Outbox
from congress_dist.node.timetable import Timetable
from congress_dist.node.worker import Worker
from congress_dist.protocol.codec import Encoder, decode, encode
from congress_dist.protocol.effects import Alarm
from congress_dist.protocol.membership import Membership, Peer
from congress_dist.protocol.message_reader import MessageReader
from congress_dist.protocol.messages import CallAnswer, CallError, CallRequest, Heartbeat, Message
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import Epoch
from congress_dist.rate_limit import RateLimit
from congress_dist.testing.fake_clock import FakeClock
from congress_dist.testing.memory_transport import MemoryBus, MemoryTransport

PATIENCE = 10.0

# --- queues -------------------------------------------------------------------------------------


def test_queue_refuses_what_does_not_fit_and_counts_it() -> None:
    queue: ByteQueue[str] = ByteQueue(10)
    assert queue.put("a", 6)
    assert not queue.put("b", 6)
    assert queue.put("c")
    assert (queue.get(), queue.get()) == ("a", "c")
    assert queue.put("d", 10)
    assert queue.dropped == 1


def test_closed_queue_gives_what_is_in_it_and_then_nothing() -> None:
    queue: ByteQueue[str] = ByteQueue(10)
    queue.put("a", 1)
    queue.close()
    assert not queue.put("b", 1)
    assert queue.get() == "a"
    assert queue.get() is None
    assert queue.is_finished


def test_outbox_keeps_the_order_and_outlives_a_bus_that_is_away() -> None:
    sent: list[tuple[str, int]] = []
    broken = {0: TransportError("away"), 2: ValueError("a fault")}

    def send(topic: str, payload: bytes) -> None:
        message = decode(payload)
        assert isinstance(message, Heartbeat)
        beat = message.beat
        if beat in broken:
            raise broken[beat]
        sent.append((topic, beat))

    outbox = Outbox(send, Encoder(), max_bytes=10_000, log_limit=RateLimit(FakeClock()))
    for beat in range(4):
        outbox.put(Heartbeat("api@a1", "a1", "i", beat, 0.0), 0)
    outbox.start()
    outbox.stop(PATIENCE)
    topics = ("stream.api@a1", "heartbeats")
    assert sent == [(topic, beat) for beat in (1, 3) for topic in topics]
    assert outbox.failed == 4


def test_outbox_outlives_a_message_that_cannot_be_encoded() -> None:
    sent: list[str] = []
    outbox = Outbox(
        lambda topic, _: sent.append(topic),
        Encoder(),
        max_bytes=9999,
        log_limit=RateLimit(FakeClock()),
    )
    outbox.put(Heartbeat("api@a1", "a1", "i", 2**70, 0.0), 0)
    outbox.put(Heartbeat("api@a1", "a1", "i", 1, 0.0), 0)
    outbox.start()
    outbox.stop(PATIENCE)
    assert sent == ["stream.api@a1", "heartbeats"]
    assert outbox.failed == 1


class ShortOfMemory(Encoder):
    """Has none for the first message."""

    def __call__(self, message: Message) -> bytes:
        if isinstance(message, Heartbeat) and message.beat == 1:
            raise MemoryError
        return super().__call__(message)


def test_outbox_outlives_a_message_for_which_there_is_no_memory() -> None:
    sent: list[str] = []
    outbox = Outbox(
        lambda topic, _: sent.append(topic),
        ShortOfMemory(),
        max_bytes=9999,
        log_limit=RateLimit(FakeClock()),
    )
    for beat in (1, 2):
        outbox.put(Heartbeat("api@a1", "a1", "i", beat, 0.0), 0)
    outbox.start()
    outbox.stop(PATIENCE)
    assert sent == ["stream.api@a1", "heartbeats"]
    assert outbox.failed == 1


def test_outbox_that_is_full_drops_and_counts() -> None:
    outbox = Outbox(lambda *_: None, Encoder(), max_bytes=600, log_limit=RateLimit(FakeClock()))
    fates = [outbox.put(Heartbeat("api@a1", "a1", "i", beat, 0.0), 0) for beat in range(3)]
    assert fates == [True, True, False]
    assert outbox.dropped == 1


# --- the worker ---------------------------------------------------------------------------------


def test_worker_runs_jobs_in_order_and_survives_a_failing_one() -> None:
    done: list[int] = []
    worker = Worker("test")

    def job(number: int) -> Callable[[], None]:
        def run() -> None:
            if number == 1:
                raise ValueError("a fault")
            done.append(number)

        return run

    for number in range(4):
        worker.submit(job(number))
    worker.stop(PATIENCE)
    assert done == [0, 2, 3]


def test_loop_outlives_a_job_that_fails_and_runs_it_again_later() -> None:
    failures = [RuntimeError("a fault")]
    done = threading.Event()

    def job() -> None:
        if failures:
            raise failures.pop()
        done.set()

    clock = FakeClock()
    loop = NodeLoop(clock, max_bytes=1000)
    loop.timetable.set(job, clock.monotonic())
    loop.start()
    while not done.wait(0.01):
        clock.advance(0.1)
        loop.wake()
    assert loop.failures == 1
    loop.stop(PATIENCE)


# --- attachments --------------------------------------------------------------------------------


class Handle:
    def __init__(self) -> None:
        self.stops = 0

    def stop(self) -> None:
        self.stops += 1


def test_handler_is_attached_when_the_bus_comes_back() -> None:
    clock = FakeClock()
    timetable = Timetable(lambda: None)
    attachments = Attachments(clock, RateLimit(clock), timetable, lambda job: job())
    handle = Handle()
    answers: list[Any] = [TransportError("away"), TransportError("away"), handle]

    def attach() -> Handle:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Handle)
        return answer

    attachments.add(attach)
    for _ in range(2):
        assert timetable.take_due(clock.monotonic()) == []
        clock.advance(5.0)
        for job in timetable.take_due(clock.monotonic()):
            job()
    assert not answers
    attachments.stop()
    attachments.stop()
    assert handle.stops == 1


def test_retry_that_is_due_is_asked_for_once() -> None:
    clock = FakeClock()
    timetable = Timetable(lambda: None)
    submitted: list[Callable[[], None]] = []
    attachments = Attachments(clock, RateLimit(clock), timetable, submitted.append)

    def attach() -> Handle:
        raise TransportError("away")

    attachments.add(attach)
    clock.advance(5.0)
    now = clock.monotonic()
    for job in timetable.take_due(now):
        job()
    # Nobody has carried it out yet: the loop must neither ask again nor wake for it.
    assert len(submitted) == 1
    assert timetable.next_due == float("inf")
    submitted.pop()()
    assert now < timetable.next_due < now + 5.0


def test_nothing_is_attached_after_the_stop() -> None:
    clock = FakeClock()
    attachments = Attachments(clock, RateLimit(clock), Timetable(lambda: None), lambda job: job())
    attachments.stop()
    attachments.add(lambda: pytest.fail("attached"))
    attachments.retry()


# --- membership ---------------------------------------------------------------------------------


def heartbeat(incarnation: str, **fields: Any) -> Heartbeat:
    return Heartbeat("nova", "ds1", incarnation, 1, 0.0, **fields)


def test_successor_of_a_killed_process_is_no_alarm() -> None:
    membership = Membership(DseOptions())
    membership.on_heartbeat(heartbeat("first"), 0.0)
    assert membership.on_heartbeat(heartbeat("second"), 0.1) == []
    assert membership.on_heartbeat(heartbeat("second"), 1.1) == []


def test_two_incarnations_that_go_on_speaking_are_an_alarm() -> None:
    membership = Membership(DseOptions())
    effects = []
    for tenth in range(40):
        name = "first" if tenth % 2 else "second"
        effects += membership.on_heartbeat(heartbeat(name), tenth / 10)
    assert any(isinstance(effect, Alarm) for effect in effects)


def test_who_is_silent_is_forgotten() -> None:
    membership = Membership(DseOptions())
    membership.on_heartbeat(heartbeat("first", wants={"neutron": ("ports",)}), 0.0)
    assert membership.wanted("neutron") == {"ports"}
    assert membership.alive(4.0) == []
    other = Heartbeat("api@a1", "a1", "other", 1, 0.0)
    membership.on_heartbeat(other, 11.0)
    assert membership.wanted("neutron") == set()
    assert [peer.service for peer in membership.alive(11.0)] == ["api@a1"]


def test_heartbeat_looks_at_no_more_peers_than_have_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = 0
    membership = Membership(DseOptions())
    for number in range(500):
        membership.on_heartbeat(Heartbeat(f"s{number}", "ds1", "i", 1, 0.0), number / 500)

    def count(_peer: Peer) -> str:
        nonlocal looked_at
        looked_at += 1
        return "ds1"

    monkeypatch.setattr(Peer, "node_id", property(count, lambda _peer, _node_id: None))
    membership.on_heartbeat(Heartbeat("s7", "ds1", "i", 2, 0.0), 1.0)
    assert looked_at < 10


def test_node_that_is_named_anew_is_remembered_under_its_new_name_only() -> None:
    membership = Membership(DseOptions())
    membership.on_heartbeat(heartbeat("first"), 0.0)
    membership.on_heartbeat(replace(heartbeat("first"), node_id="ds2"), 0.5)
    membership.on_heartbeat(heartbeat("second"), 1.0)
    assert membership.on_heartbeat(heartbeat("second"), 3.0) == []
    membership.on_heartbeat(heartbeat("second", stopping=True), 4.0)
    membership.on_heartbeat(replace(heartbeat("first"), node_id="ds2", stopping=True), 4.0)
    assert (membership._peers, membership._by_name) == ({}, {})


def test_newest_epoch_of_a_stream_is_remembered_after_its_publisher_went() -> None:
    membership = Membership(DseOptions())
    membership.on_heartbeat(heartbeat("first", epoch=Epoch(7)), 0.0)
    membership.on_heartbeat(heartbeat("late", epoch=Epoch(6)), 0.1)
    membership.on_heartbeat(heartbeat("first", epoch=Epoch(7), stopping=True), 0.2)
    assert membership.heard_epoch("nova") == 7
    assert membership.heard_epoch("nova", besides="first") == 6
    assert membership.heard_epoch("nova", besides="late") == 7
    assert membership.heard_epoch("neutron") == 0


# --- the called side ----------------------------------------------------------------------------


class Counter:
    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.times = 0

    def count(self, seconds: float = 0.0) -> int:
        self.clock.advance(seconds)
        self.times += 1
        return self.times


def ask(request_id: str = "r1", *, repeat: bool = False, **fields: Any) -> CallRequest:
    remaining = fields.pop("remaining", 5.0)
    return CallRequest(request_id, "count", fields, remaining, repeat)


@pytest.fixture
def counter() -> Counter:
    return Counter(FakeClock())


@pytest.fixture
def server(counter: Counter) -> CallServer:
    return CallServer("policy@r1", {"count": counter.count}, counter.clock)


def test_request_that_arrives_twice_is_carried_out_once(
    server: CallServer, counter: Counter
) -> None:
    assert server.handle(ask()) == CallAnswer("r1", 1)
    again = server.handle(ask())
    assert isinstance(again, CallError)
    assert again.error["code"] == "service_unavailable"
    assert again.error["fields"] == {"outcome": "unknown"}
    assert counter.times == 1


def test_request_that_may_be_repeated_is_carried_out_again(server: CallServer) -> None:
    server.handle(ask(repeat=True))
    assert server.handle(ask(repeat=True)) == CallAnswer("r1", 2)


def test_request_without_time_left_is_not_carried_out(
    server: CallServer, counter: Counter
) -> None:
    answer = server.handle(ask(remaining=0.0))
    assert isinstance(answer, CallError)
    assert answer.error["code"] == "deadline_exceeded"
    assert counter.times == 0


def test_answer_that_comes_too_late_says_so(server: CallServer) -> None:
    answer = server.handle(ask(seconds=6.0))
    assert isinstance(answer, CallError)
    assert answer.error["code"] == "deadline_exceeded"


def test_wrong_arguments_are_an_internal_error_without_their_text(server: CallServer) -> None:
    answer = server.handle(ask(colour="red"))
    assert isinstance(answer, CallError)
    assert answer.error["code"] == "internal"
    assert "colour" not in str(answer.error)


def test_remembered_requests_are_bounded(server: CallServer) -> None:
    for number in range(10_100):
        server.handle(ask(f"r{number}"))
    assert len(server._seen) == 10_000


def test_rate_limit_lets_one_line_through_per_interval() -> None:
    clock = FakeClock()
    limit = RateLimit(clock)
    assert limit.allows("a")
    assert not limit.allows("a")
    assert limit.allows("b")
    clock.advance(60.0)
    assert limit.allows("a")


# --- the calling side ---------------------------------------------------------------------------


class LosingTransport(MemoryTransport):
    """Loses the first requests; the last one is answered."""

    def __init__(self, clock: FakeClock, lost: int) -> None:
        super().__init__(MemoryBus(seed=1), "me")
        self.clock = clock
        self.lost = lost
        self.timeouts: list[float] = []
        self.ids: set[str] = set()

    def call(
        self,
        topic: str,
        payload: bytes,
        *,
        timeout: float,
        server: str | None = None,  # noqa: ARG002
    ) -> bytes:
        request = decode(payload)
        assert isinstance(request, CallRequest)
        self.ids.add(request.request_id)
        self.timeouts.append(timeout)
        if len(self.timeouts) <= self.lost:
            self.clock.advance(timeout)
            raise DeadlineExceeded("no answer", topic=topic, outcome="unknown")
        return encode(CallAnswer(request.request_id, "done"))


def call_over(transport: LosingTransport, **how: Any) -> Any:
    options = replace(DseOptions(), backoff_min=0.0, backoff_max=0.0)
    reader = MessageReader(RateLimit(transport.clock))
    clock, rng = transport.clock, new_random(1)
    client = CallClient(transport, Encoder(), reader, options=options, clock=clock, rng=rng)
    return client.call("policy", "lease_renew", {}, timeout=9.0, server=None, **how)


def test_lost_request_that_may_be_repeated_is_asked_again_within_its_time() -> None:
    transport = LosingTransport(FakeClock(), lost=2)
    assert call_over(transport, repeat=True, lost_after=3.0) == "done"
    assert transport.timeouts == pytest.approx([3.0, 3.0, 3.0])
    assert len(transport.ids) == 1


def test_tries_of_a_request_are_bounded() -> None:
    transport = LosingTransport(FakeClock(), lost=9)
    with pytest.raises(DeadlineExceeded):
        call_over(transport, repeat=True, lost_after=1.0)
    assert transport.timeouts == pytest.approx([1.0, 1.0, 7.0])


def test_lost_request_that_may_not_be_repeated_is_made_once() -> None:
    transport = LosingTransport(FakeClock(), lost=1)
    with pytest.raises(DeadlineExceeded):
        call_over(transport, repeat=False, lost_after=3.0)
    assert transport.timeouts == pytest.approx([9.0])


def test_call_that_may_need_all_its_time_has_it() -> None:
    transport = LosingTransport(FakeClock(), lost=1)
    with pytest.raises(DeadlineExceeded):
        call_over(transport, repeat=True)
    assert transport.timeouts == pytest.approx([9.0])
