"""What is held and what listeners were told stay the same, whatever fails within a step."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from congress_dist.clock import new_random
from congress_dist.log_fields import LogFields
from congress_dist.node import delivery as delivery_module
from congress_dist.node.delivery import Delivery
from congress_dist.node.source_feed import FeedTools, SourceFeed, Subscription
from congress_dist.protocol.effects import Effect, RequestSync, Send
from congress_dist.protocol.held_table import HeldTable
from congress_dist.protocol.holding import Holding
from congress_dist.protocol.messages import SyncRequest
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.published_table import Published, TableResult
from congress_dist.protocol.publisher import Identity, Publisher
from congress_dist.protocol.stream import (
    READY,
    UNREAD,
    Epoch,
    Position,
    Seq,
    Transaction,
    unavailable,
)
from congress_dist.protocol.subscriber import Subscriber
from congress_dist.protocol.table import TableRows
from congress_dist.rate_limit import RateLimit
from congress_dist.row import Row, encode_row
from congress_dist.testing.fake_clock import FakeClock

OPTIONS = DseOptions()
PLACES: list[tuple[type, str]] = [
    (Holding, "apply"),
    (Holding, "_touch"),
    (Holding, "_reach"),
    (HeldTable, "_apply"),
    (TableRows, "net_of"),
    (TableRows, "apply"),
    (Delivery, "put"),
    (Subscription, "letter"),
]


def rows_of(*names: str) -> frozenset[Row]:
    return frozenset(encode_row((name,)) for name in names)


def ignore(*_: object) -> None:
    """Hear nothing."""


class Desk:
    """A publisher and a feed with one listener; each message is carried by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.delivery = Delivery(self.clock, ignore, max_bytes=OPTIONS.buffer_bytes)
        # The delivery is not started: the test takes the mail.
        self.requests: list[RequestSync] = []
        self.request: Callable[[SourceFeed, RequestSync], None] = self.keep_request
        tools = FeedTools(
            self.clock,
            self.delivery,
            lambda feed, request: self.request(feed, request),
            wants_changed=ignore,
            stopped=ignore,
            closed=ignore,
            due=ignore,
            log_limit=RateLimit(self.clock),
        )
        now = self.clock.monotonic()
        self.machine = Subscriber("nova", options=OPTIONS, rng=new_random(1), now=now)
        self.feed = SourceFeed(self.machine, tools)
        self.publisher = Publisher(
            Identity("nova", "ds1", "one", Epoch(1)),
            {"servers": Published("v1"), "ports": Published("v1")},
            options=OPTIONS,
            beats=itertools.count(1),
            rng=new_random(2),
            now=now,
        )
        self.mirror: dict[str, set[Row]] = {}
        self.subscription = Subscription(self.feed, self.delivery, self.listen)
        self.feed.add(self.subscription, ["servers", "ports"])

    def keep_request(self, _feed: SourceFeed, request: RequestSync) -> None:
        self.requests.append(request)

    def listen(self, transaction: Transaction) -> None:
        for name, change in transaction.tables.items():
            rows = self.mirror.setdefault(name, set())
            assert change.removed <= rows
            assert not change.added & rows
            rows -= change.removed
            rows |= change.added

    def publish(self, **tables: str) -> list[Effect]:
        now = self.clock.monotonic()
        reads = {n: TableResult(rows_of(*text.split()), READY) for n, text in tables.items()}
        return self.publisher.publish(reads, now)

    def hear(self, *effects: Effect) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                message = effect.message
                self.feed.step(lambda machine, now, m=message: machine.on_message(m, now))

    def answer(self) -> None:
        while self.requests:
            request = self.requests.pop(0).message
            assert isinstance(request, SyncRequest)
            reply = self.publisher.on_sync(request, self.clock.monotonic())
            self.feed.step(lambda machine, now, r=reply: machine.on_answer(r, now))

    def take_mail(self) -> None:
        mailbox = self.subscription._mailbox
        while mailbox.oldest is not None:
            self.delivery._tell(mailbox)

    def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds / 0.5)):
            self.clock.advance(0.5)
            self.hear(*self.publisher.on_tick(self.clock.monotonic()))
            self.feed.tick()
            self.answer()
            self.take_mail()

    def begin(self) -> None:
        self.hear(*self.publish(servers="a", ports="p"))
        self.answer()
        self.take_mail()
        assert self.mirror == {"servers": set(rows_of("a")), "ports": set(rows_of("p"))}

    def assert_same(self) -> None:
        """What is held is what the listener was told."""
        self.take_mail()
        held = self.machine.holding.tables
        assert self.mirror == {name: table.content.rows for name, table in held.items()}
        self.machine.check()

    def assert_right(self) -> None:
        """After a while everybody has what is published."""
        self.pass_time(10.0)
        self.assert_same()
        for name, rows in self.mirror.items():
            assert rows == self.publisher.rows(name)
        status = self.subscription.status()
        assert status.live
        assert not any(table.stale for table in status.tables.values())


def fail_at(monkeypatch: pytest.MonkeyPatch, place: tuple[type, str], call: int) -> Iterator[int]:
    """Let the `call`-th call of a method fail, before or after its work by turns."""
    owner, name = place
    method = getattr(owner, name)
    calls = itertools.count(1)

    def failing(*args: Any, **kwargs: Any) -> Any:
        number = next(calls)
        if number == call and call % 2:
            raise MemoryError
        result = method(*args, **kwargs)
        if number == call and name != "put":  # which has promised by then
            raise MemoryError
        return result

    monkeypatch.setattr(owner, name, failing)
    return calls


@pytest.mark.parametrize("call", range(1, 9))
@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place[0].__name__}.{place[1]}")
def test_step_that_fails_anywhere_loses_no_transaction(
    monkeypatch: pytest.MonkeyPatch, place: tuple[type, str], call: int
) -> None:
    desk = Desk()
    desk.begin()
    first = desk.publish(servers="a b", ports="p q")
    second = desk.publish(servers="b c", ports="q r")
    with monkeypatch.context() as patched:
        fail_at(patched, place, call)
        desk.hear(*second, *first)  # the first closes the hole: both are applied in one step
    desk.assert_same()
    desk.assert_right()


@pytest.mark.parametrize("call", range(1, 7))
@pytest.mark.parametrize("name", ["install", "_touch", "_put", "_reach"])
def test_answer_that_fails_anywhere_loses_no_row(
    monkeypatch: pytest.MonkeyPatch, name: str, call: int
) -> None:
    desk = Desk()
    with monkeypatch.context() as patched:
        fail_at(patched, (Holding, name), call)
        desk.hear(*desk.publish(servers="a", ports="p"))
        desk.answer()
    desk.assert_same()
    desk.assert_right()


def stale_tables(desk: Desk) -> set[str]:
    tables = desk.subscription.status().tables
    return {name for name, table in tables.items() if table.stale}


def test_rows_that_are_on_their_way_make_those_before_them_no_younger() -> None:
    desk = Desk()
    desk.begin()
    assert stale_tables(desk) == set()
    desk.clock.advance(60.0)  # without a word
    desk.hear(*desk.publish(servers="b"))
    status = desk.subscription.status()
    assert status.position == (1, 1)
    assert status.tables["servers"].source_age == pytest.approx(60.0)
    assert stale_tables(desk) == {"servers", "ports"}
    desk.take_mail()
    assert desk.subscription.status().position == (1, 2)
    assert stale_tables(desk) == set()


def test_several_on_their_way_are_as_young_as_what_was_before_the_first() -> None:
    desk = Desk()
    desk.begin()
    desk.clock.advance(60.0)
    desk.hear(*desk.publish(servers="b"))
    desk.hear(*desk.publish(servers="c"))
    desk.subscription._mailbox.merge()
    assert stale_tables(desk) == {"servers", "ports"}
    desk.take_mail()
    assert stale_tables(desk) == set()


def test_what_a_listener_has_is_asked_for_while_nothing_can_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    desk.begin()
    told = desk.delivery.told
    was_held = []

    def look(mailbox: Any) -> Any:
        was_held.append(desk.feed._lock._is_owned())  # type: ignore[attr-defined]
        return told(mailbox)

    monkeypatch.setattr(desk.delivery, "told", look)
    desk.subscription.status()
    assert was_held == [True]


def test_change_that_was_made_in_part_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.begin()

    def half(rows: TableRows, net: Any) -> Any:
        rows.sum = rows.sum_after(net)
        rows.rows -= net.removed
        raise MemoryError

    effects = desk.publish(servers="b")
    with monkeypatch.context() as patched:
        patched.setattr(TableRows, "apply", half)
        desk.hear(*effects)
    desk.assert_same()
    desk.assert_right()


def test_table_is_what_it_was_when_a_step_is_undone() -> None:
    table = HeldTable("servers")
    table.take(rows_of("a", "b"), "v1")
    table.tell(READY, None)
    before = shown(table)
    for step in (
        lambda: table.miss(unavailable("no such table")),
        table.distrust,
        lambda: table.tell(UNREAD, Position(Epoch(1), Seq(1))),
        lambda: (table.take(rows_of("c"), "v2"), table.take(rows_of("a", "d"), "v3")),
    ):
        table.keep()
        step()
        assert shown(table) != before
        table.undo()
        table.undo()
        assert shown(table) == before


def shown(table: HeldTable) -> tuple[object, ...]:
    content, position = table.content, table.read_position
    rows = frozenset(content.rows), content.sum, content.schema_version
    flags = table.was_read, table.is_absent, table.is_diverged
    return *rows, table.said, table.state, *flags, position


def test_step_that_cannot_be_undone_now_is_undone_before_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    desk = Desk()
    desk.begin()
    effects = desk.publish(servers="a b")

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(Delivery, "put", fail)
        patched.setattr(HeldTable, "undo", fail)
        desk.hear(*effects)
        status = desk.subscription.status()
        assert not status.live
        assert all(table.stale for table in status.tables.values())
    desk.assert_right()


def test_step_that_failed_before_it_began_undoes_nothing_that_was_told() -> None:
    desk = Desk()
    desk.begin()
    desk.hear(*desk.publish(servers="a b"))

    def fail(_machine: Subscriber, _now: float) -> list[Effect]:
        raise RuntimeError

    desk.feed.step(fail)
    desk.assert_same()
    assert desk.mirror["servers"] == rows_of("a", "b")


def test_request_that_cannot_be_made_loses_no_transaction_and_is_made_later() -> None:
    desk = Desk()
    desk.begin()

    def no_thread(_feed: SourceFeed, _request: RequestSync) -> None:
        raise RuntimeError("can't start new thread")

    lost, arrived = desk.publish(servers="a b"), desk.publish(servers="a b c")
    assert lost
    desk.request = no_thread
    desk.hear(*arrived)
    desk.clock.advance(OPTIONS.gap_grace)
    desk.feed.tick()
    assert desk.subscription.status().counters["request_failed"] == 1
    desk.request = desk.keep_request
    desk.assert_right()


def test_tables_are_added_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.begin()
    other = Subscription(desk.feed, desk.delivery, ignore)
    with monkeypatch.context() as patched:
        fail_at(patched, (Delivery, "put"), 1)
        with pytest.raises(MemoryError):
            desk.feed.add(other, ["servers"])
    assert other.tables == frozenset()
    desk.feed.add(other, ["servers"])
    (letter,) = other._mailbox.waiting
    assert letter.transaction.tables["servers"].added == rows_of("a")


def test_mail_of_a_table_that_is_dropped_does_not_come_after_it_is_wanted_again() -> None:
    desk = Desk()
    desk.begin()
    desk.hear(*desk.publish(servers="a b", ports="p q"))
    desk.subscription.want(["ports"])
    del desk.mirror["servers"]
    desk.subscription.want(["servers", "ports"])
    desk.answer()
    desk.take_mail()
    desk.assert_same()


def test_refused_mail_of_a_table_that_is_dropped_does_not_come_again() -> None:
    desk = Desk()
    desk.begin()
    desk.hear(*desk.publish(servers="b"))
    assert desk.subscription._mailbox.take() is not None  # which the listener refuses
    desk.subscription.want([])
    desk.mirror.clear()
    desk.subscription.want(["servers"])
    desk.answer()
    desk.take_mail()
    assert desk.mirror["servers"] == set(rows_of("b"))


def test_answer_that_cannot_be_applied_is_asked_for_at_growing_distances(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk()

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Holding, "install", fail)
    desk.hear(*desk.publish(servers="a", ports="p"))
    asked = 0
    for _ in range(6000):
        asked += len(desk.requests)
        desk.answer()
        desk.clock.advance(0.01)
        desk.hear(*desk.publisher.on_tick(desk.clock.monotonic()))
        desk.feed.tick()
    assert 3 <= asked < 40
    broken = [record for record in caplog.records if "broke a stream" in record.message]
    assert len(broken) == 1


# --- what a listener has ------------------------------------------------------------------------


def test_status_tells_what_the_listener_has_and_not_what_waits() -> None:
    desk = Desk()
    assert desk.subscription.status().position is None
    desk.hear(*desk.publish(servers="a", ports="p"))
    desk.answer()
    status = desk.subscription.status()
    assert status.position is None
    assert not status.live
    assert status.tables["servers"].state == UNREAD
    desk.take_mail()
    status = desk.subscription.status()
    assert status.position == (1, 1)
    assert status.live
    assert status.tables["servers"].state == READY


def test_listener_that_stands_still_has_stale_rows() -> None:
    desk = Desk()
    desk.begin()
    desk.hear(*desk.publish(servers="b"))
    for _ in range(8):
        desk.clock.advance(0.5)
        desk.hear(*desk.publisher.on_tick(desk.clock.monotonic()))
    status = desk.subscription.status()
    assert status.position == (1, 1)
    assert not status.live
    assert status.tables["servers"].stale
    assert status.tables["servers"].source_age >= 4.0
    assert desk.machine.status(desk.clock.monotonic()).live
    desk.take_mail()
    assert not desk.subscription.status().tables["servers"].stale


def test_listener_that_raised_is_as_old_as_what_it_refused() -> None:
    desk = Desk()
    desk.begin()
    mailbox = desk.subscription._mailbox

    def refuse(_: Transaction) -> None:
        raise ValueError

    mailbox.listener = refuse
    desk.hear(*desk.publish(servers="b"))
    with pytest.raises(ValueError):  # noqa: PT011 the thread's loop takes it
        desk.delivery._tell(mailbox)
    desk.clock.advance(2.0)
    desk.hear(*desk.publish(servers="c"))
    told = desk.delivery.told(mailbox)
    assert (told.position, told.behind) == ((1, 1), 2.0)
    mailbox.listener = desk.listen
    desk.delivery._tell(mailbox)
    assert desk.delivery.told(mailbox).behind == 0.0
    desk.assert_same()


def test_merge_that_fails_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.begin()
    monkeypatch.setattr(delivery_module, "_MAX_WAITING", 2)
    desk.hear(*desk.publish(servers="b"), *desk.publish(servers="c"))
    with monkeypatch.context() as patched:
        patched.setattr(delivery_module, "merge", lambda _: 1 / 0)
        desk.hear(*desk.publish(servers="d"))
    desk.assert_same()
    desk.assert_right()


# --- what an operator is told -------------------------------------------------------------------


def held_by_another(lock: Any) -> tuple[threading.Thread, threading.Event]:
    """Let another thread hold a lock until the event is set."""
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(20)
    return thread, done


def test_report_tells_what_is_held_and_what_waits_for_the_listener() -> None:
    desk = Desk()
    desk.begin()
    desk.hear(*desk.publish(servers="a b", ports="p q"))
    report = desk.feed.report(OPTIONS)
    assert (report["position"], report["handed_over"]) == ([1, 2], [1, 1])
    assert (report["state"], report["lag"], report["rows"]) == ("live", 0, 4)
    assert report["waiting"] == 1
    assert report["waiting_bytes"] > 0
    assert report["counters"]["applied"] == 2
    desk.take_mail()
    assert desk.feed.report(OPTIONS)["handed_over"] == [1, 2]


def test_report_of_a_source_that_is_worked_on_does_not_wait() -> None:
    desk = Desk()
    desk.begin()
    whole = desk.feed.report(OPTIONS)
    thread, done = held_by_another(desk.feed._lock)
    busy = desk.feed.report(OPTIONS)
    done.set()
    thread.join(20)
    assert busy["state"] == "busy"
    assert busy.keys() == whole.keys()
    assert desk.feed.report(OPTIONS)["state"] == "live"


def test_report_says_that_a_step_is_not_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.begin()
    with monkeypatch.context() as patched:
        patched.setattr(Subscriber, "reset", lambda *_: 1 // 0)
        fail_at(patched, (Holding, "apply"), 1)
        desk.hear(*desk.publish(servers="a b"))
        assert desk.feed.report(OPTIONS)["state"] == "broken"
    desk.assert_right()
    assert desk.feed.report(OPTIONS)["state"] == "live"


def test_lines_about_a_source_name_it_and_the_position_held(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk()
    desk.begin()
    fields = LogFields(node="policy-r1")
    caplog.handler.addFilter(fields)
    try:
        with monkeypatch.context() as patched:
            fail_at(patched, (Holding, "apply"), 1)
            desk.hear(*desk.publish(servers="a b"))
    finally:
        caplog.handler.removeFilter(fields)
    (line,) = [record for record in caplog.records if "broke a stream" in record.message]
    said = {"node": "policy-r1", "stream": "nova", "position": [1, 1]}
    assert line.__dict__["extra"] == said
