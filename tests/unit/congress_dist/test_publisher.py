"""docs/protocol.md section 3."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.protocol.codec import decode, encode
from congress_dist.protocol.effects import Alarm
from congress_dist.protocol.messages import (
    ChunkRequest,
    Delta,
    Heartbeat,
    SnapshotGone,
    SyncAnswer,
    SyncBusy,
    SyncNotYet,
    SyncRequest,
)
from congress_dist.protocol.packed_rows import SharedRows
from congress_dist.protocol.published_table import TableRead, TableResult, TableUpdate
from congress_dist.protocol.stream import (
    READY,
    UNREAD,
    Epoch,
    Position,
    Seq,
    StateKind,
    TableState,
    failing,
    unavailable,
)
from congress_dist.row import MAX_ROW_BYTES, Row, encode_row

from .conftest import Bench


def sync(bench: Any, have: int | None, *add: str, **held: bytes) -> Any:
    position = None if have is None else Position(Epoch(1), Seq(have))
    return bench.publisher.on_sync(SyncRequest("nova", 7, position, held, add), bench.now)


def digests(bench: Any) -> dict[str, bytes]:
    return {name: t.digest for name, t in bench.heartbeat().tables.items()}


def messages(effects: list[Any]) -> list[Any]:
    return [effect.message for effect in effects]


def rows_of(text: str) -> frozenset[Row]:
    return frozenset(encode_row((word,)) for word in text.split())


# --- updates ------------------------------------------------------------------------------------


def update(bench: Any, removed: str, added: str, state: TableState = READY) -> list[Any]:
    read = TableUpdate(rows_of(removed), rows_of(added), state)
    return messages(bench.publisher.publish({"servers": read}, bench.now))


def test_update_names_only_what_it_changed(bench: Any) -> None:
    opened(bench, servers="a b", ports="p")
    (delta,) = update(bench, "b c d", "a d e")
    assert delta.tables["servers"].removed == rows_of("b")
    assert delta.tables["servers"].added == rows_of("d e")
    assert bench.publisher.rows("servers") == rows_of("a d e")
    assert update(bench, "b", "a") == []


@pytest.mark.parametrize("state", [unavailable("no service"), UNREAD])
def test_update_of_a_table_without_rows_changes_nothing(bench: Any, state: TableState) -> None:
    bench.publish(ports="p")
    with pytest.raises(InvalidRequest, match="a whole read"):
        update(bench, "", "a")
    bench.publish(servers="a")
    with pytest.raises(InvalidRequest, match="a whole read"):
        update(bench, "", "b", state)
    assert bench.publisher.rows("servers") == rows_of("a")
    bench.publish_state("servers", unavailable("no service"))
    with pytest.raises(InvalidRequest, match="a whole read"):
        update(bench, "", "b")


def test_update_must_fit_what_waits(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    gone = {"servers": TableResult(None, unavailable("no service"))}
    bench.publisher.publish(gone, bench.now, is_busy=True)
    with pytest.raises(InvalidRequest, match="a whole read"):
        update(bench, "", "b")
    read(bench, "servers", "c", is_busy=True)
    update(bench, "", "d")
    assert bench.publisher.rows("servers") == rows_of("c d")


@pytest.mark.parametrize("said", [failing("timeout"), READY])
@pytest.mark.parametrize("is_busy", [False, True])
def test_unavailable_is_left_only_with_a_read_that_has_rows(
    bench: Any, said: TableState, *, is_busy: bool
) -> None:
    opened(bench, servers="a", ports="p")
    bench.publish_state("servers", unavailable("no service"))
    read_at = bench.now
    bench.now += 5.0
    for state in (unavailable("no service"), said)[not is_busy :]:
        reads = {"servers": TableResult(None, state)}
        bench.publisher.publish(reads, bench.now, is_busy=is_busy)
    with pytest.raises(InvalidRequest, match="a whole read"):
        update(bench, "", "b")
    bench.publisher.publish({}, bench.now)
    state = bench.publisher.states()["servers"]
    assert (state.kind, bool(state.reason)) == (StateKind.UNAVAILABLE, True)
    assert bench.publisher.rows("servers") == frozenset()
    if not is_busy:  # such a read is none
        assert bench.heartbeat().read_age["servers"] == bench.now - read_at
    bench.publish(servers="c")
    assert bench.publisher.states()["servers"] == READY


TEXT_AS_ROW: Any = frozenset({"text"})
TOO_LONG = frozenset({Row(bytes(MAX_ROW_BYTES + 1))})


@pytest.mark.parametrize("rows", [TEXT_AS_ROW, TOO_LONG])
@pytest.mark.parametrize("is_busy", [False, True])
def test_read_that_cannot_be_published_changes_nothing(
    bench: Any, rows: frozenset[Row], *, is_busy: bool
) -> None:
    opened(bench, servers="a", ports="p")
    read(bench, "servers", "b", is_busy=True)  # waits
    reads = {"servers": TableResult(rows_of("c"), READY), "ports": TableResult(rows, READY)}
    pushed = {"ports": TableUpdate(frozenset(), rows)}
    for each in (reads, pushed, reads):
        with pytest.raises(InvalidRow, match="table 'ports'"):
            bench.publisher.publish(each, bench.now, is_busy=is_busy)
    assert (bench.publisher.rows("servers"), bench.publisher.seq) == (rows_of("a"), 1)
    bench.publisher.check()
    bench.now += bench.options.coalesce_interval
    (delta,) = [m for m in bench.due() if isinstance(m, Delta)]
    assert (delta.tables["servers"].added, delta.seq) == (rows_of("b"), 2)


def test_first_round_goes_on_waiting_for_a_table_whose_read_was_refused(bench: Any) -> None:
    bench.publish(servers="a")
    with pytest.raises(InvalidRow):
        bench.publisher.publish({"ports": TableResult(TEXT_AS_ROW, READY)}, bench.now)
    assert bench.publisher.seq == 0


def test_what_waits_is_tried_again_when_it_could_not_be_published(
    bench: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bench, servers="a", ports="p")
    read(bench, "servers", "b", is_busy=True)

    def fail(*_args: object) -> None:
        raise MemoryError

    bench.now += bench.options.coalesce_interval
    with monkeypatch.context() as patch:
        patch.setattr("congress_dist.protocol.published_table.require_rows", fail)
        with pytest.raises(MemoryError):
            bench.publisher.on_tick(bench.now)
    assert bench.publisher.next_tick > bench.now
    bench.now = bench.publisher.next_tick
    assert [m.seq for m in bench.due() if isinstance(m, Delta)] == [2]


def test_read_never_says_unread(bench: Any) -> None:
    with pytest.raises(InvalidRequest, match="leave the table out"):
        bench.publish_state("servers", UNREAD)


ROWS = st.frozensets(st.sampled_from(sorted(rows_of("a b c d"))))
STATES = st.sampled_from([READY, failing("timeout"), unavailable("no service")])
READS = st.lists(
    st.builds(TableResult, st.none() | ROWS, STATES)
    | st.builds(TableUpdate, ROWS, ROWS, st.sampled_from([READY, failing("timeout")]))
)


@given(READS)
def test_reads_that_wait_together_leave_what_they_leave_one_by_one(reads: list[TableRead]) -> None:
    """With a bus that does not keep up, and with one that does."""
    ends = []
    for is_busy in (False, True):
        bench = Bench()
        opened(bench, servers="a b", ports="p")
        for each in reads:
            with suppress(InvalidRequest):
                bench.publisher.publish({"servers": each}, bench.now, is_busy=is_busy)
        bench.now += bench.options.coalesce_interval
        bench.publisher.on_tick(bench.now)
        ends.append((bench.publisher.rows("servers"), bench.publisher.states()["servers"]))
    assert ends[0] == ends[1]


def test_read_is_as_old_as_its_beginning(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    slow = {"servers": TableResult(rows_of("b"), READY)}
    bench.publisher.publish(slow, bench.now, age=5.0)
    assert bench.heartbeat().read_age == {"servers": 5.0, "ports": 0.0}
    bench.publisher.publish(slow, bench.now, age=3.0, is_busy=True)
    bench.now += bench.options.coalesce_interval
    bench.publisher.on_tick(bench.now)
    assert bench.heartbeat().read_age["servers"] == pytest.approx(3.01)


# --- coalescing ---------------------------------------------------------------------------------


def opened(bench: Any, **tables: str) -> None:
    bench.publish(**tables)
    assert bench.publisher.seq == 1


def read(bench: Any, table: str, rows: str, *, is_busy: bool) -> list[Any]:
    result = TableResult(rows_of(rows), READY)
    return messages(bench.publisher.publish({table: result}, bench.now, is_busy=is_busy))


def test_reads_become_one_transaction_while_the_bus_is_busy(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    assert read(bench, "servers", "a b", is_busy=True) == []
    assert read(bench, "servers", "a c", is_busy=True) == []
    assert read(bench, "ports", "", is_busy=True) == []
    assert bench.publisher.next_tick == bench.now + bench.options.coalesce_interval
    bench.now += bench.options.coalesce_interval
    delta = messages(bench.publisher.on_tick(bench.now))[0]
    assert (delta.seq, set(delta.tables)) == (2, {"servers", "ports"})
    assert delta.tables["servers"].added == {encode_row(("c",))}
    assert delta.tables["ports"].removed == {encode_row(("p",))}


def test_what_waits_leaves_with_the_first_read_that_finds_the_bus_free(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    read(bench, "servers", "a b", is_busy=True)
    (delta,) = read(bench, "ports", "p q", is_busy=False)
    assert set(delta.tables) == {"servers", "ports"}


def test_read_that_waits_is_as_old_as_it_is(bench: Any) -> None:
    """Also when its process was stopped meanwhile."""
    opened(bench, servers="a", ports="p")
    read(bench, "servers", "b", is_busy=True)
    bench.now += 30.0
    bench.publisher.on_tick(bench.now)
    assert bench.heartbeat().read_age["servers"] == 30.0
    read(bench, "ports", "q", is_busy=True)
    bench.now += 20.0
    read(bench, "servers", "c", is_busy=False)
    assert bench.heartbeat().read_age == {"servers": 0.0, "ports": 20.0}


def test_updates_wait_together_only_as_far_as_a_message_carries_them(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(max_inline_bytes=400)
    opened(bench, servers="a", ports="p")
    deltas = []
    for number in range(40):
        pushed = {"servers": TableUpdate(frozenset(), rows_of(f"pushed-{number}"))}
        deltas += messages(bench.publisher.publish(pushed, bench.now, is_busy=True))
    deltas += messages(bench.publisher.stop(bench.now))[:-1]
    assert 5 < len(deltas) < 20
    assert not any(delta.pull for delta in deltas)
    assert len(bench.publisher.rows("servers")) == 41


def test_nothing_waits_longer_than_the_interval(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    read(bench, "servers", "a b", is_busy=True)
    bench.now += bench.options.coalesce_interval
    (delta,) = read(bench, "ports", "p q", is_busy=True)
    assert set(delta.tables) == {"servers", "ports"}


def test_read_that_fails_later_keeps_the_rows_of_the_one_before(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    read(bench, "servers", "a b", is_busy=True)
    failed = {"servers": TableResult(None, failing("timeout"))}
    (delta,) = messages(bench.publisher.publish(failed, bench.now))
    assert delta.tables["servers"].added == {encode_row(("b",))}
    assert delta.tables["servers"].state == failing("timeout")


def test_rows_that_came_with_unavailable_are_not_published_by_what_follows(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    rows = frozenset({encode_row(("b",))})
    gone = {"servers": TableResult(rows, unavailable("no service"))}
    assert bench.publisher.publish(gone, bench.now, is_busy=True) == []
    failed = {"servers": TableResult(None, failing("timeout"))}
    bench.publisher.publish(failed, bench.now)
    assert bench.publisher.rows("servers") == frozenset()


def test_sync_in_between_is_answered_without_what_waits(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    read(bench, "servers", "a b", is_busy=True)
    answer = sync(bench, None, "servers")
    assert (answer.seq, answer.tables["servers"].summary.rows) == (1, 1)


def test_what_waits_leaves_before_the_goodbye(bench: Any) -> None:
    opened(bench, servers="a", ports="p")
    read(bench, "servers", "a b", is_busy=True)
    delta, heartbeat = messages(bench.publisher.stop(bench.now))
    assert (delta.seq, heartbeat.seq, heartbeat.stopping) == (2, 2, True)


# --- the first round ----------------------------------------------------------------------------


def test_first_transaction_waits_until_every_table_was_read(bench: Any) -> None:
    assert bench.publish(servers="a") == []
    assert bench.publisher.seq == 0
    delta, heartbeat = bench.publish(ports="p")
    assert (delta.epoch, delta.seq, delta.pull) == (1, 1, True)
    assert (heartbeat.seq, heartbeat.full, heartbeat.starting) == (1, True, False)
    assert set(heartbeat.tables) == {"servers", "ports"}


def test_starting_heartbeat_leaves_at_once(bench: Any) -> None:
    (heartbeat,) = messages(bench.publisher.on_tick(bench.now))
    assert heartbeat.starting
    assert heartbeat.seq == 0
    assert heartbeat.tables == {}


def test_sync_before_the_first_transaction_is_answered_not_yet(bench: Any) -> None:
    bench.publish(servers="a")
    assert isinstance(sync(bench, None, "servers"), SyncNotYet)


def test_table_that_misses_the_first_round_is_unread(bench: Any) -> None:
    bench.publish(servers="a")
    bench.now += bench.options.first_round
    delta = messages(bench.publisher.on_tick(bench.now))[0]
    assert isinstance(delta, Delta)
    assert delta.seq == 1
    answer = sync(bench, None, "servers", "ports")
    assert answer.tables["ports"].kind == "unread"
    assert "ports" not in answer.rows
    assert answer.tables["servers"].kind == "full"


def test_first_round_does_not_wait_for_a_table_that_is_slow_to_read(bench: Any) -> None:
    bench.publisher = bench.make_publisher(2, slow=("ports",))
    delta, heartbeat = bench.publish(servers="a")
    assert (delta.epoch, delta.seq) == (2, 1)
    assert heartbeat.tables["ports"].state.kind is StateKind.UNREAD
    (delta,) = bench.publish(ports="p")
    assert delta.tables["ports"].replace


def test_table_whose_first_read_fails_stays_unread_with_the_reason(bench: Any) -> None:
    bench.publish(ports="p")
    delta, heartbeat = bench.publish_state("servers", failing("401"))
    assert delta.seq == 1
    assert heartbeat.tables["servers"].state.kind is StateKind.UNREAD
    assert heartbeat.tables["servers"].state.reason == "401"


def test_transaction_by_which_a_table_leaves_unread_carries_replace_and_all_rows(
    bench: Any,
) -> None:
    bench.publish(ports="p")
    bench.publish_state("servers", failing("401"))
    (delta,) = bench.publish(servers="a b")
    change = delta.tables["servers"]
    assert change.replace
    assert change.state == READY
    assert len(change.added) == 2


# --- publish ------------------------------------------------------------------------------------


def test_poll_without_change_sends_nothing(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    assert bench.publish(servers="a", ports="p") == []
    assert bench.publisher.seq == 1


def test_one_read_is_one_transaction_over_several_tables(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    (delta,) = bench.publish(servers="b", ports="p q")
    assert delta.seq == 2
    assert set(delta.tables) == {"servers", "ports"}
    assert delta.tables["ports"].removed == frozenset()


def test_changed_state_takes_a_seq_without_rows(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    (delta,) = bench.publish_state("ports", failing("timeout"))
    assert delta.seq == 2
    assert delta.tables["ports"].state == failing("timeout")
    assert not delta.tables["ports"].removed
    assert bench.publish_state("ports", failing("timeout")) == []


def test_unavailable_table_drops_its_rows(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    (delta,) = bench.publish_state("ports", unavailable("no service"))
    assert len(delta.tables["ports"].removed) == 1
    rows = frozenset({encode_row(("p",))})
    reads = {"ports": TableResult(rows, unavailable("no service"))}
    assert bench.publisher.publish(reads, bench.now) == []


def test_unknown_table_is_refused_and_nothing_changes(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    reads = {
        "servers": TableResult(frozenset(), READY),
        "volumes": TableResult(frozenset(), READY),
    }
    with pytest.raises(InvalidRequest, match="no table 'volumes'"):
        bench.publisher.publish(reads, bench.now)
    assert len(bench.publisher.rows("servers")) == 1


def test_digest_does_not_depend_on_the_way_to_the_rows(bench: Any) -> None:
    bench.publish(servers="a b", ports="p")
    before = digests(bench)
    bench.publish(servers="c")
    bench.publish(servers="b a")
    assert digests(bench) == before


def test_digests_of_tables_with_equal_rows_differ_by_name(bench: Any) -> None:
    bench.publish(servers="a", ports="a")
    assert len(set(digests(bench).values())) == 2


def test_large_transaction_is_announced_and_pulled(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(max_inline_bytes=200)
    bench.publish(servers="a", ports="p")
    (delta,) = bench.publish(servers="b" * 300)
    assert delta.pull
    assert delta.tables == {}
    answer = sync(bench, 1, **digests(bench))
    assert answer.seq == 2


# --- heartbeats ---------------------------------------------------------------------------------


def test_heartbeat_follows_the_last_delta_of_a_burst(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    for text in ("b", "c", "d"):
        bench.now += 0.05
        bench.publish(servers=text)
        assert messages(bench.publisher.on_tick(bench.now)) == []
    assert bench.publisher.next_tick == pytest.approx(bench.now + 0.1)
    bench.now += 0.1
    (heartbeat,) = messages(bench.publisher.on_tick(bench.now))
    assert heartbeat.seq == 4
    assert set(heartbeat.tables) == {"servers"}


def test_quiet_stream_sends_a_heartbeat_every_interval_with_jitter(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    waits = []
    for _ in range(50):
        wait = bench.publisher.next_tick - bench.now
        waits.append(wait)
        bench.now = bench.publisher.next_tick
        bench.publisher.on_tick(bench.now)
    assert 0.8 <= min(waits) < 0.9
    assert 1.1 < max(waits) <= 1.2


def test_full_heartbeat_every_ten_seconds_lists_all_tables(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    full = []
    while bench.now < 131.0:
        bench.now = bench.publisher.next_tick
        (heartbeat,) = messages(bench.publisher.on_tick(bench.now))
        if heartbeat.full:
            full.append(bench.now)
            assert set(heartbeat.tables) == {"servers", "ports"}
        else:
            assert heartbeat.tables == {}
    waits = [after - before for before, after in itertools.pairwise(full)]
    assert len(waits) >= 1
    assert all(10.0 <= wait <= 11.2 for wait in waits)


def test_every_heartbeat_says_the_age_of_the_last_good_read(bench: Any) -> None:
    bench.publish(servers="a")
    assert bench.heartbeat().read_age == {"servers": 0.0, "ports": None}
    bench.publish(ports="p")
    bench.now += 4.0
    bench.publish_state("ports", failing("timeout"))
    bench.publish(servers="a")
    assert bench.heartbeat(full=False).read_age == {"servers": 0.0, "ports": 4.0}


def test_beats_grow_over_deltas_and_heartbeats(bench: Any) -> None:
    sent = [*bench.publish(servers="a", ports="p"), *bench.publish(servers="b")]
    sent.append(bench.heartbeat())
    beats = [message.beat for message in sent]
    assert beats == sorted(set(beats))


def test_goodbye_says_stopping(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    (heartbeat,) = messages(bench.publisher.stop(bench.now))
    assert isinstance(heartbeat, Heartbeat)
    assert heartbeat.stopping


# --- sync ---------------------------------------------------------------------------------------


def test_replay_leads_on_with_net_changes_only(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    held = digests(bench)
    bench.publish(servers="a b")
    bench.publish(servers="b c")
    answer = sync(bench, 1, **held)
    assert isinstance(answer, SyncAnswer)
    assert answer.seq == 3
    assert answer.tables["servers"].kind == "net"
    assert answer.tables["ports"].kind == "same"
    assert set(answer.rows["servers"].added) == {encode_row(("b",)), encode_row(("c",))}
    assert set(answer.rows["servers"].removed) == {encode_row(("a",))}


def test_replay_tells_nothing_from_before_the_position(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    bench.publish(servers="b")
    held = digests(bench)
    bench.publish(servers="b c")
    answer = sync(bench, 2, **held)
    assert answer.rows["servers"].added == (encode_row(("c",)),)
    assert answer.rows["servers"].removed == ()


def test_table_that_is_back_to_what_it_was_is_still_told(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    held = digests(bench)
    bench.publish(servers="a b")
    bench.publish(servers="a")
    answer = sync(bench, 1, **held)
    assert answer.rows["servers"].removed == (encode_row(("b",)),)


def test_table_that_was_replaced_since_the_position_comes_in_full(bench: Any) -> None:
    bench.publish(ports="p")
    bench.publish_state("servers", failing("401"))
    bench.publish(servers="a")
    answer = sync(bench, 1, servers=b"rows from before", ports=digests(bench)["ports"])
    assert answer.tables["servers"].kind == "full"


def test_position_of_another_epoch_is_not_led_on_by_this_ones_log(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    bench.publish(servers="b")
    request = SyncRequest("nova", 7, Position(Epoch(9), Seq(1)), {"servers": b"other"})
    answer = bench.publisher.on_sync(request, bench.now)
    assert answer.tables["servers"].kind == "full"


def test_replay_beyond_the_log_is_a_snapshot(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(log_transactions=2)
    bench.publish(servers="a", ports="p")
    held = digests(bench)
    for text in ("b", "c", "d"):
        bench.publish(servers=text)
    assert sync(bench, 1, **held).tables["servers"].kind == "full"
    assert sync(bench, 2, **held).tables["servers"].kind == "net"


def test_log_is_bounded_in_bytes(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(log_bytes=2000)
    bench.publish(servers="a", ports="p")
    for i in range(100):
        bench.publish(servers=f"{i}" * 100)
        bench.publisher.check()


def test_log_is_pinned_while_a_pull_lasts(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(log_transactions=2, chunk_bytes=10)
    bench.publish(servers="a b c d", ports="p")
    answer = sync(bench, None, "servers")
    assert answer.chunks > 1
    for i in range(10):
        bench.publish(servers=f"{i}")
    held = {"servers": answer.tables["servers"].summary.digest}
    assert sync(bench, 1, **held).tables["servers"].kind == "net"


def test_log_that_is_shorter_than_twice_the_slowest_pull_is_told(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(chunk_bytes=1, log_transactions=2)
    bench.publish(servers="a b", ports="p")
    answer = sync(bench, None, "servers")
    assert answer.chunks == 2
    bench.now += 5.0
    for rows in ("a", "b", "c"):
        bench.publish(servers=rows)
        bench.now += 0.5
    bench.publisher.on_chunk(ChunkRequest("nova", 1, answer.token, 1), bench.now)
    bench.publish(servers="d")  # now the pull is over, and the log may be cut
    alarms = [e for e in bench.publisher.on_tick(bench.now) if isinstance(e, Alarm)]
    assert [alarm.fields["slowest_pull_seconds"] for alarm in alarms] == [6.5]
    assert alarms[0].fields["log_seconds"] < 13.0


def test_log_that_forgot_nothing_is_never_too_short(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=1)
    bench.publish(servers="a b", ports="p")
    answer = sync(bench, None, "servers")
    bench.now += 50.0
    bench.publisher.on_chunk(ChunkRequest("nova", 1, answer.token, 1), bench.now)
    assert not any(isinstance(e, Alarm) for e in bench.publisher.on_tick(bench.now))


def test_added_table_comes_in_full_beside_the_changes_of_the_held_one(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    held = digests(bench)
    bench.publish(servers="b", ports="q")
    answer = sync(bench, 1, "ports", servers=held["servers"])
    assert answer.tables["servers"].kind == "net"
    assert answer.tables["ports"].kind == "full"
    assert answer.rows["ports"].added == (encode_row(("q",)),)


def test_position_beyond_the_present_is_answered_by_digests(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    held = digests(bench)
    answer = sync(bench, 9, servers=held["servers"], ports=b"other")
    assert answer.tables["servers"].kind == "same"
    assert answer.tables["ports"].kind == "full"


def test_pieces_hold_every_row_once(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=50)
    bench.publish(servers=" ".join(f"row-{i}" for i in range(100)), ports="p q r")
    answer = sync(bench, None, "servers", "ports")
    rows = [row for changes in answer.rows.values() for row in changes.added]
    for index in range(1, answer.chunks):
        request = ChunkRequest("nova", 7, answer.token, index)
        piece = bench.publisher.on_chunk(request, bench.now)
        rows += [row for changes in piece.rows.values() for row in changes.added]
    assert len(rows) == 103
    assert set(rows) == bench.publisher.rows("servers") | bench.publisher.rows("ports")


@pytest.mark.parametrize("wide", [3, 400, 2000, 30_000])
def test_no_piece_is_larger_than_it_should_be(make_bench: Callable[..., Any], wide: int) -> None:
    """Also of a table with wide rows beside one with many narrow rows."""
    bench = make_bench(chunk_bytes=3000)
    narrow = frozenset(encode_row((i,)) for i in range(5000))
    few = frozenset(encode_row((i, "y" * wide)) for i in range(40))
    reads = {"servers": TableResult(narrow, READY), "ports": TableResult(few, READY)}
    bench.publisher.publish(reads, bench.now)
    answer = sync(bench, None, "servers", "ports")
    pieces = [answer.rows]
    for index in range(1, answer.chunks):
        request = ChunkRequest("nova", 7, answer.token, index)
        pieces.append(bench.publisher.on_chunk(request, bench.now).rows)
    added = [[row for changes in p.values() for row in changes.added] for p in pieces]
    assert sorted(row for rows in added for row in rows) == sorted(narrow | few)
    assert all(sum(map(len, rows)) <= 3000 or len(rows) == 1 for rows in added)
    least = sum(map(len, narrow | few)) / 3000
    assert answer.chunks <= max(2 * least + 1, len(few) + least + 1)


def test_unknown_token_is_answered_snapshot_gone(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    request = ChunkRequest("nova", 7, "unknown", 1)
    assert isinstance(bench.publisher.on_chunk(request, bench.now), SnapshotGone)


def test_pull_that_nobody_continues_is_dropped_after_its_time(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(chunk_bytes=10)
    bench.publish(servers="a b c d", ports="p")
    answer = sync(bench, None, "servers")
    bench.now += bench.options.pull_time + 1.0
    bench.publisher.on_tick(bench.now)
    request = ChunkRequest("nova", 7, answer.token, 1)
    assert isinstance(bench.publisher.on_chunk(request, bench.now), SnapshotGone)


def test_too_many_pulls_are_told_to_come_back(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=5, snapshots_kept=1)
    bench.publish(servers="a b c d", ports="p q r")
    first = sync(bench, None, "servers")
    assert isinstance(sync(bench, None, "ports"), SyncBusy)
    for index in range(1, first.chunks):
        bench.publisher.on_chunk(ChunkRequest("nova", 7, first.token, index), bench.now)
    assert isinstance(sync(bench, None, "ports"), SyncAnswer)


def test_view_that_is_released_makes_room_at_once(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=5, snapshots_kept=1)
    bench.publish(servers="a b c d", ports="p q r")
    first = sync(bench, None, "servers")
    request = SyncRequest("nova", 8, None, {}, ("ports",), released=first.token)
    assert isinstance(bench.publisher.on_sync(request, bench.now), SyncAnswer)


def test_subscribers_who_come_at_once_share_one_view(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=10)
    bench.publish(servers=" ".join(f"row-{i:03}" for i in range(50)), ports="p")
    first = sync(bench, None, "servers")
    bench.publish(ports="q")
    second = sync(bench, None, "servers")
    assert second.rows is first.rows
    assert second.seq == 1


def test_view_that_is_shared_is_encoded_once(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=3000)
    bench.publish(servers=" ".join(f"row-{i:03}" for i in range(1000)), ports="p")
    encoded = []
    for request in (1, 2):
        answer = bench.publisher.on_sync(
            SyncRequest("nova", request, None, {}, ("servers",)), bench.now
        )
        pieces = [answer] + [
            bench.publisher.on_chunk(ChunkRequest("nova", request, answer.token, index), bench.now)
            for index in range(1, answer.chunks)
        ]
        assert [decode(encode(piece)) for piece in pieces] == pieces
        encoded.append([piece.rows.packed for piece in pieces])
    assert len(encoded[0]) > 2
    assert all(one is other for one, other in zip(*encoded, strict=True))


def test_only_so_many_bytes_are_kept_encoded(
    make_bench: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("congress_dist.protocol.pull_shelf._MOST_SHARED_BYTES", 150)
    bench = make_bench(chunk_bytes=10)
    rows = " ".join(f"row-{i:03}" for i in range(12))
    bench.publish(servers=rows, ports=rows)
    first, second = sync(bench, None, "servers"), sync(bench, None, "ports")
    assert [isinstance(answer.rows, SharedRows) for answer in (first, second)] == [True, False]
    assert decode(encode(second)) == second


def test_view_of_an_unread_table_is_shared_too(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=10)
    bench.publish(servers=" ".join(f"row-{i:03}" for i in range(50)))
    bench.publish_state("ports", failing("401"))
    first = sync(bench, None, "servers", ports=b"rows from before")
    second = sync(bench, None, "servers", "ports")
    assert second.rows is first.rows
    assert second.tables["ports"].kind == "unread"


def test_answer_tells_of_no_table_that_was_not_asked_for(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=10)
    bench.publish(servers=" ".join(f"row-{i:03}" for i in range(50)), ports="p")
    sync(bench, None, "servers", ports=digests(bench)["ports"])
    assert sync(bench, None, "servers").tables.keys() == {"servers"}


def shared(bench: Any) -> tuple[Any, Any]:
    """Give the answers to two askers who fetch one view of two pieces."""
    first, second = sync(bench, None, "servers"), sync(bench, None, "servers")
    assert first.rows is second.rows
    assert first.token != second.token
    assert first.chunks == 2
    return first, second


def last_piece(bench: Any, answer: Any) -> Any:
    request = ChunkRequest("nova", 7, answer.token, answer.chunks - 1)
    return bench.publisher.on_chunk(request, bench.now)


def test_log_is_pinned_until_everybody_who_shares_a_view_has_it(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(log_transactions=2, chunk_bytes=1)
    bench.publish(servers="a b", ports="p")
    first, second = shared(bench)
    for _ in range(3):  # the same one, who did not get it
        last_piece(bench, first)
    for i in range(10):
        bench.publish(servers=f"{i}")
    assert bench.publisher.leads_on_from(first.seq)
    last_piece(bench, second)
    bench.publish(servers="c")
    assert not bench.publisher.leads_on_from(first.seq)


def test_view_is_free_when_those_who_fetched_it_are_done_or_gone(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(chunk_bytes=1, snapshots_kept=1)
    bench.publish(servers="a b", ports="p q")
    _, dead = shared(bench)
    for _ in range(3):  # others come and go; one died, who shared the view with the first
        assert isinstance(sync(bench, None, "ports"), SyncBusy)
        bench.now += bench.options.sync_timeout / 3
        last_piece(bench, sync(bench, None, "servers"))
    bench.now += 0.1
    first_free = sync(bench, None, "ports")
    assert isinstance(first_free, SyncAnswer)
    assert isinstance(last_piece(bench, dead), SnapshotGone)


def test_pull_is_timed_from_its_own_first_piece(make_bench: Callable[..., Any]) -> None:
    """Also when it shares the view of one who came long before."""
    bench = make_bench(chunk_bytes=1, log_transactions=2)
    bench.publish(servers="a b", ports="p")
    for _ in range(20):
        last_piece(bench, sync(bench, None, "servers"))
        bench.now += bench.options.pull_time / 2
        assert not [e for e in bench.publisher.on_tick(bench.now) if isinstance(e, Alarm)]
    sync(bench, None, "servers")
    for rows in ("q", "r", "s", "t"):
        bench.publish(ports=rows)
        bench.now += 1.0
    assert not [e for e in bench.publisher.on_tick(bench.now) if isinstance(e, Alarm)]


def test_slow_pull_is_forgotten_after_a_while(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=1, log_transactions=2)
    bench.publish(servers="a b", ports="p")
    slow = sync(bench, None, "servers")
    bench.now += 50.0
    last_piece(bench, slow)
    for rows in ("q", "r", "s", "t"):
        bench.publish(ports=rows)
    assert [e for e in bench.publisher.on_tick(bench.now) if isinstance(e, Alarm)]
    bench.now += 1300.0
    bench.publish(ports="u")
    assert not [e for e in bench.publisher.on_tick(bench.now) if isinstance(e, Alarm)]


def test_ages_of_a_shared_view_are_those_of_its_rows(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=1)
    bench.publish(servers="a b", ports="p")
    shared(bench)
    bench.now += 4.0
    bench.publish(servers="a b", ports="p")
    bench.now += 1.0
    assert sync(bench, None, "servers").read_age["servers"] == 5.0
    assert sync(bench, None, "ports").read_age["ports"] == 1.0


def test_shared_view_never_leads_back(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=10)
    bench.publish(servers=" ".join(f"row-{i:03}" for i in range(50)), ports="p")
    sync(bench, None, "servers")
    bench.publish(ports="q")
    assert sync(bench, 2, "servers").seq == 2


def test_answer_is_never_below_the_askers_position(make_bench: Callable[..., Any]) -> None:
    """Also when the position is one of another incarnation of the epoch."""
    bench = make_bench(chunk_bytes=10)
    rows = " ".join(f"row-{i:03}" for i in range(50))
    bench.publish(servers=rows, ports="p")
    sync(bench, None, "servers")
    floor = Position(Epoch(1), Seq(3))
    request = SyncRequest("nova", 7, None, {"servers": b"other"}, (), floor)
    assert isinstance(bench.publisher.on_sync(request, bench.now), SyncNotYet)
    for other in ("q", "r"):
        bench.publish(ports=other)
    assert bench.publisher.on_sync(request, bench.now).seq == 3
    above = replace(request, floor=Position(Epoch(2), Seq(1)))
    assert isinstance(bench.publisher.on_sync(above, bench.now), SyncNotYet)


def test_shared_view_is_not_used_when_the_log_does_not_lead_on(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(chunk_bytes=10, log_bytes=1)
    bench.publish(servers="a b c d", ports="p")
    first = sync(bench, None, "servers")
    bench.publish(ports="q")
    second = sync(bench, None, "servers")
    assert second.seq == 2
    assert second.rows is not first.rows


def test_request_echoes_its_number(bench: Any) -> None:
    bench.publish(servers="a", ports="p")
    request = SyncRequest("nova", 42, None, {}, ("servers",))
    assert bench.publisher.on_sync(request, bench.now).request == 42
    assert bench.publisher.on_sync(replace(request, request=43), bench.now).request == 43
