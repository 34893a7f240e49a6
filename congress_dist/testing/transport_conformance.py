# ruff: noqa: S101 these are tests
"""What every `Transport` must do, as tests: inherit, and give a pair of connected transports.

A module that has a transport to prove says:

    class TestMine(TransportConformance):
        @pytest.fixture
        def pair(self): ...   # two transports on one bus; stops them at the end
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from congress_dist.clock import SystemClock
from congress_dist.errors import (
    Conflict,
    DeadlineExceeded,
    InternalError,
    ServiceUnavailable,
    TransportError,
)
from congress_dist.transports.transport import Transport

PATIENCE = 30.0
"""Seconds after which what should come has not come: a failure, never a pause."""
SHORT = 0.2
"""Seconds that a call waits for an answer that must not come."""


class Pair(NamedTuple):
    """Two nodes on one bus."""

    one: Transport
    other: Transport


class Inbox:
    """A listen handler that a test can wait for."""

    def __init__(self) -> None:
        self._arrived: queue.Queue[bytes] = queue.Queue()

    def __call__(self, payload: bytes) -> None:
        """Take a payload."""
        self._arrived.put(payload)

    def next(self) -> bytes:
        """Wait for the next payload."""
        return self._arrived.get(timeout=PATIENCE)

    def take(self, count: int) -> list[bytes]:
        """Wait for that many payloads."""
        return [self.next() for _ in range(count)]

    def is_empty(self) -> bool:
        """Tell whether nothing waits."""
        return self._arrived.empty()


def echo(payload: bytes) -> bytes:
    """Answer with what was asked."""
    return payload


def check_abandoned_call(one: Transport) -> None:
    """Assert that a call is not carried out for which nobody waits any more.

    Shapes: the transport carries out one call of a topic at a time.
    """
    entered, go_on = threading.Event(), threading.Event()
    seen: list[bytes] = []

    def handler(payload: bytes) -> bytes:
        seen.append(payload)
        entered.set()
        go_on.wait(PATIENCE)
        return payload

    one.serve("t", "a", handler)
    first = threading.Thread(target=lambda: one.call("t", b"first", timeout=PATIENCE))
    first.start()
    assert entered.wait(PATIENCE)
    for question, timeout in ((b"abandoned", SHORT), (b"later", 2 * SHORT)):
        with pytest.raises(DeadlineExceeded):
            one.call("t", question, timeout=timeout)
    go_on.set()
    first.join()

    assert one.call("t", b"last", timeout=PATIENCE) == b"last"
    assert b"abandoned" not in seen
    assert (seen[0], seen[-1]) == (b"first", b"last")


class TransportConformance:
    """The suite."""

    @pytest.fixture
    def pair(self) -> Pair | Iterator[Pair]:
        """Give two nodes on one bus, stopped at the end of the test."""
        raise NotImplementedError

    # Publications.

    def test_published_payload_reaches_every_listener_once(self, pair: Pair) -> None:
        """Also the sender's own ones."""
        inboxes = [Inbox() for _ in range(3)]
        pair.one.listen("t", "a", inboxes[0])
        pair.other.listen("t", "b", inboxes[1])
        pair.other.listen("t", "c", inboxes[2])
        pair.one.publish("t", b"first")
        pair.one.publish("t", b"second")
        assert [inbox.take(2) for inbox in inboxes] == [[b"first", b"second"]] * 3

    def test_order_of_one_sender_is_kept(self, pair: Pair) -> None:
        """Whatever the pace."""
        inbox = Inbox()
        pair.other.listen("t", "b", inbox)
        expected = [b"%d" % number for number in range(2000)]
        for payload in expected:
            pair.one.publish("t", payload)
        assert inbox.take(2000) == expected

    def test_handler_of_a_listener_runs_in_one_thread_at_a_time(self, pair: Pair) -> None:
        """Although many publish at once."""
        running, overlaps, inbox = threading.Semaphore(1), [], Inbox()

        def handler(payload: bytes) -> None:
            if not running.acquire(blocking=False):
                overlaps.append(payload)
            inbox(payload)
            running.release()

        def publish() -> None:
            for _ in range(50):
                pair.one.publish("t", b"x")

        pair.other.listen("t", "b", handler)
        _in_threads(8, publish)
        inbox.take(400)
        assert overlaps == []

    @pytest.mark.parametrize("size", [0, 1, 100, 300_000, 5_000_000])
    def test_payloads_of_any_size_arrive_unchanged(self, pair: Pair, size: int) -> None:
        """Every byte value is carried."""
        payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
        inbox = Inbox()
        pair.other.listen("t", "b", inbox)
        pair.other.serve("t", "b", echo)
        pair.one.publish("t", payload)
        assert inbox.next() == payload
        assert pair.one.call("t", payload, timeout=PATIENCE) == payload

    def test_topics_are_apart(self, pair: Pair) -> None:
        """One may be the beginning of another; names hold anything."""
        names = ["t", "t.u", "t/u", "../t", "t u", "t%2Fu", "é" * 60, "x" * 300, "."]
        inboxes = {name: Inbox() for name in names}
        for name, inbox in inboxes.items():
            pair.other.listen(name, f"server {name}", inbox)
        for name in names:
            pair.one.publish(name, name.encode())
        assert {name: inbox.next() for name, inbox in inboxes.items()} == {
            name: name.encode() for name in names
        }
        assert all(inbox.is_empty() for inbox in inboxes.values())

    def test_publishing_to_nobody_is_harmless(self, pair: Pair) -> None:
        """And nothing is kept for who comes later."""
        pair.one.publish("t", b"lost")
        inbox = Inbox()
        pair.other.listen("t", "b", inbox)
        pair.one.publish("t", b"seen")
        assert inbox.next() == b"seen"

    def test_failing_listen_handler_does_not_end_the_listening(self, pair: Pair) -> None:
        """It is logged, and the next payload follows."""
        inbox = Inbox()

        def handler(payload: bytes) -> None:
            if payload == b"bad":
                raise ValueError("a handler's own fault")
            inbox(payload)

        pair.other.listen("t", "b", handler)
        pair.one.publish("t", b"bad")
        pair.one.publish("t", b"good")
        assert inbox.next() == b"good"

    def test_stopped_listener_receives_nothing_more(self, pair: Pair) -> None:
        """The others do."""
        stopped, other = Inbox(), Inbox()
        listener = pair.other.listen("t", "b", stopped)
        pair.other.listen("t", "c", other)
        pair.one.publish("t", b"before")
        assert stopped.next() == other.next() == b"before"
        listener.stop()
        listener.stop()
        pair.one.publish("t", b"after")
        assert other.next() == b"after"
        assert stopped.is_empty()

    def test_listener_may_be_stopped_by_its_own_handler(self, pair: Pair) -> None:
        """Without waiting for itself."""
        inbox = Inbox()

        def handler(payload: bytes) -> None:
            listener.stop()
            inbox(payload)

        listener = pair.other.listen("t", "b", handler)
        pair.one.publish("t", b"only")
        assert inbox.next() == b"only"

    def test_stopping_waits_for_the_handler(self, pair: Pair) -> None:
        """When it returns, the handler runs no more."""
        entered, go_on, left = threading.Event(), threading.Event(), threading.Event()

        def handler(_payload: bytes) -> None:
            entered.set()
            go_on.wait(PATIENCE)
            left.set()

        listener = pair.other.listen("t", "b", handler)
        pair.one.publish("t", b"")
        assert entered.wait(PATIENCE)
        threading.Timer(0.05, go_on.set).start()
        listener.stop()
        assert left.is_set()

    # Calls.

    def test_call_is_answered(self, pair: Pair) -> None:
        """By topic, and by server."""
        pair.other.serve("t", "b", lambda payload: payload[::-1])
        assert pair.one.call("t", b"abc", timeout=PATIENCE) == b"cba"
        assert pair.one.call("t", b"abc", timeout=PATIENCE, server="b") == b"cba"

    def test_call_to_a_server_reaches_that_one(self, pair: Pair) -> None:
        """Never another of the topic."""
        pair.one.serve("t", "a", lambda _payload: b"a")
        pair.other.serve("t", "b", lambda _payload: b"b")
        asked = ["a", "b", "b", "a"]
        answers = [pair.one.call("t", b"", timeout=PATIENCE, server=name) for name in asked]
        assert answers == [b"a", b"b", b"b", b"a"]

    def test_calls_to_a_topic_are_shared(self, pair: Pair) -> None:
        """Each goes to one of the servers, and none of these gets all."""
        pair.one.serve("t", "a", lambda _payload: b"a")
        pair.other.serve("t", "b", lambda _payload: b"b")
        assert {pair.one.call("t", b"", timeout=PATIENCE) for _ in range(20)} == {b"a", b"b"}

    def test_calls_are_answered_at_the_same_time(self, pair: Pair) -> None:
        """Four that wait for each other all return."""
        together = threading.Barrier(4)

        def handler(payload: bytes) -> bytes:
            together.wait(PATIENCE)
            return payload

        pair.other.serve("t", "b", handler)
        _in_threads(4, lambda: pair.one.call("t", b"", timeout=PATIENCE))

    def test_each_caller_gets_its_own_answer(self, pair: Pair) -> None:
        """Though many share a connection."""
        pair.other.serve("t", "b", echo)
        wrong: list[bytes] = []

        def ask() -> None:
            for number in range(50):
                question = b"%d %d" % (threading.get_ident(), number)
                if pair.one.call("t", question, timeout=PATIENCE) != question:
                    wrong.append(question)

        _in_threads(8, ask)
        assert wrong == []

    def test_handler_may_call_in_turn(self, pair: Pair) -> None:
        """Back to where the call came from."""
        pair.one.serve("inner", "a", lambda payload: payload + b"!")
        pair.other.serve(
            "outer", "b", lambda payload: pair.other.call("inner", payload, timeout=PATIENCE)
        )
        assert pair.one.call("outer", b"hi", timeout=PATIENCE) == b"hi!"

    def test_nobody_there_is_said_at_once(self, pair: Pair) -> None:
        """And that nothing was done."""
        pair.other.serve("t", "b", echo)
        for topic, server in (("nobody", None), ("t", "another")):
            with pytest.raises(ServiceUnavailable) as failure:
                pair.one.call(topic, b"", timeout=PATIENCE, server=server)
            assert failure.value.fields["outcome"] == "not_written"

    def test_late_answer_is_a_deadline_exceeded(self, pair: Pair) -> None:
        """And does not become the answer of the next call."""
        go_on = threading.Event()

        def handler(payload: bytes) -> bytes:
            if payload == b"slow":
                go_on.wait(PATIENCE)
            return payload

        pair.other.serve("t", "b", handler)
        with pytest.raises(DeadlineExceeded) as failure:
            pair.one.call("t", b"slow", timeout=SHORT)
        assert failure.value.fields["outcome"] == "unknown"
        go_on.set()
        assert pair.one.call("t", b"quick", timeout=PATIENCE) == b"quick"

    def test_error_of_a_handler_reaches_the_caller_typed(self, pair: Pair) -> None:
        """With message and fields."""

        def handler(_payload: bytes) -> bytes:
            raise Conflict("policy 'p' exists", name="p", numbers=[1, 2])

        pair.other.serve("t", "b", handler)
        with pytest.raises(Conflict, match="policy 'p' exists") as failure:
            pair.one.call("t", b"", timeout=PATIENCE)
        assert failure.value.fields == {"name": "p", "numbers": [1, 2]}

    def test_fault_of_a_handler_is_an_internal_error_without_its_text(self, pair: Pair) -> None:
        """Internals do not travel."""

        def handler(_payload: bytes) -> bytes:
            raise ValueError("a secret")

        pair.other.serve("t", "b", handler)
        with pytest.raises(InternalError) as failure:
            pair.one.call("t", b"", timeout=PATIENCE)
        assert "secret" not in str(failure.value)

    def test_publications_and_calls_of_one_topic_do_not_meet(self, pair: Pair) -> None:
        """Each reaches its own handlers only."""
        inbox = Inbox()
        pair.other.listen("t", "b", inbox)
        with pytest.raises(ServiceUnavailable):
            pair.one.call("t", b"call", timeout=PATIENCE)
        pair.other.serve("t", "b", echo)
        pair.one.publish("t", b"publication")
        assert pair.one.call("t", b"call", timeout=PATIENCE) == b"call"
        assert inbox.next() == b"publication"
        assert inbox.is_empty()

    def test_stopped_server_is_not_asked_any_more(self, pair: Pair) -> None:
        """Another one of the topic is."""
        first = pair.other.serve("t", "b", lambda _payload: b"first")
        assert pair.one.call("t", b"", timeout=PATIENCE) == b"first"
        pair.other.serve("t", "c", lambda _payload: b"second")
        first.stop()
        assert {pair.one.call("t", b"", timeout=PATIENCE) for _ in range(5)} == {b"second"}

    def test_stopping_lets_calls_under_way_be_answered(self, pair: Pair) -> None:
        """A clean stop costs no answer."""
        entered, go_on = threading.Event(), threading.Event()

        def handler(payload: bytes) -> bytes:
            entered.set()
            go_on.wait(PATIENCE)
            return payload

        server = pair.other.serve("t", "b", handler)
        answers: list[bytes] = []
        caller = threading.Thread(
            target=lambda: answers.append(pair.one.call("t", b"answer", timeout=PATIENCE))
        )
        caller.start()
        assert entered.wait(PATIENCE)
        threading.Timer(0.05, go_on.set).start()
        server.stop()
        caller.join()
        assert answers == [b"answer"]

    # Ends.

    def test_stop_is_idempotent_quick_and_final(self, pair: Pair) -> None:
        """Whatever was attached."""
        for number in range(5):
            pair.one.listen("t", f"listener {number}", Inbox())
            pair.one.serve("t", f"server {number}", echo)
        clock = SystemClock()
        before = clock.monotonic()
        pair.one.stop()
        pair.one.stop()
        assert clock.monotonic() - before < 2.0
        operations: list[Callable[[], object]] = [
            lambda: pair.one.publish("t", b""),
            lambda: pair.one.call("t", b"", timeout=PATIENCE),
            lambda: pair.one.listen("t", "late", Inbox()),
            lambda: pair.one.serve("t", "late", echo),
        ]
        for operation in operations:
            with pytest.raises(TransportError):
                operation()

    def test_stopping_leaves_no_thread(self, pair: Pair) -> None:
        """Nor does a transport that was used in every way."""
        before = set(threading.enumerate())
        pair.other.listen("t", "b", Inbox())
        pair.other.serve("t", "b", echo)
        pair.one.publish("t", b"")
        pair.one.call("t", b"", timeout=PATIENCE)
        pair.one.stop()
        pair.other.stop()
        assert set(threading.enumerate()) <= before

    def test_counters_start_empty(self, pair: Pair) -> None:
        """Nothing was dropped yet."""
        assert not any(pair.one.counters().values())


def _in_threads(count: int, work: Callable[[], object]) -> None:
    """Run the work in several threads at once; fail when one of them does."""
    failures: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as failure:  # noqa: BLE001 a thread's top: told below
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [], failures
