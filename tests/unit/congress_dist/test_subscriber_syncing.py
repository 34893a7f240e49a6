"""SYNCING, docs/protocol.md section 4: what may arrive while a request is out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from congress_dist.protocol.messages import ChunkRequest, SnapshotGone, SyncAnswer, SyncBusy


def open_gap(bench: Any) -> None:
    """Lose a delta, so that a request is out at (1, 1) while the publisher is at (1, 3)."""
    bench.begin()
    bench.publish(servers="a b")
    bench.deliver(*bench.publish(servers="a b c"))
    bench.pass_time(bench.options.gap_grace)
    assert bench.request().have == (1, 1)


def test_delta_of_the_target_epoch_is_kept_until_the_answer(bench: Any) -> None:
    open_gap(bench)
    reply = bench.publisher.on_sync(bench.request(), bench.now)
    bench.deliver(*bench.publish(servers="z"))
    assert bench.position == (1, 1)
    bench.take(bench.subscriber.on_answer(reply, bench.now))
    assert [t.position for t in bench.applied] == [(1, 3), (1, 4)]
    assert bench.held("servers") == "z"
    assert bench.subscriber.is_live


def test_next_delta_of_the_held_epoch_is_applied_while_a_request_is_out(bench: Any) -> None:
    bench.begin()
    (late,) = bench.publish(servers="a b")
    (early,) = bench.publish(servers="a b c")
    bench.deliver(early)
    bench.pass_time(bench.options.gap_grace)
    bench.deliver(late)
    assert bench.position == (1, 3)
    bench.answer()
    assert bench.position == (1, 3)
    assert bench.held("servers") == "a b c"


def test_ages_of_an_answer_are_counted_from_its_request(bench: Any) -> None:
    """It may have been under way for long, or its process stopped: nobody measures that."""
    open_gap(bench)
    asked_at = bench.now
    reply = bench.publisher.on_sync(bench.request(), bench.now)
    bench.now += 3.0
    bench.take(bench.subscriber.on_answer(reply, bench.now))
    age = bench.subscriber.status(bench.now).tables["servers"].source_age
    assert age == bench.now - asked_at + reply.read_age["servers"]


def test_answer_that_is_not_fetched_to_its_end_is_released(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(chunk_bytes=5)
    bench.want("servers")
    bench.deliver(*bench.publish(servers="a b c d", ports="p"))
    assert bench.request().released == ""
    bench.answer(pieces=1)
    (piece,) = bench.requests
    bench.fail()
    bench.pass_time(bench.options.backoff_max)
    assert bench.request().released == piece.message.token
    bench.answer()
    bench.want("servers", "ports")
    assert bench.request().released == ""  # the last answer was fetched whole


def test_next_delta_of_the_held_epoch_is_ignored_while_a_newer_one_is_fetched(
    bench: Any,
) -> None:
    old = bench.publisher
    bench.begin()
    bench.restart(2)
    bench.deliver(*bench.publish(servers="x", ports="p"))
    number = bench.request().request
    new, bench.publisher = bench.publisher, old
    bench.deliver(*bench.publish(servers="a b"))
    assert bench.position == (1, 1)
    assert bench.held("servers") == "a"
    assert bench.counts["outdated"] == 1
    bench.publisher = new
    assert bench.request().request == number
    bench.answer()
    assert (bench.position, bench.held("servers")) == ((2, 1), "x")


def test_another_gap_after_an_answer_is_asked_for_again(bench: Any) -> None:
    open_gap(bench)
    reply = bench.publisher.on_sync(bench.request(), bench.now)
    bench.requests.clear()
    bench.publish(servers="lost")
    bench.deliver(*bench.publish(servers="z"))
    bench.take(bench.subscriber.on_answer(reply, bench.now))
    assert bench.position == (1, 3)
    assert not bench.requests
    bench.pass_time(bench.options.gap_grace)
    assert bench.request().have == (1, 3)
    bench.answer()
    assert (bench.position, bench.held("servers")) == ((1, 5), "z")
    assert bench.subscriber.is_live


def test_answer_below_the_position_changes_nothing(bench: Any) -> None:
    bench.begin()
    (late,) = bench.publish(servers="a b")
    (early,) = bench.publish(servers="a b c")
    bench.deliver(early)
    bench.pass_time(bench.options.gap_grace)
    reply = bench.publisher.on_sync(bench.requests.pop().message, bench.now)
    bench.deliver(late, *bench.publish(servers="z"))
    assert bench.position == (1, 4)
    bench.applied.clear()
    bench.take(bench.subscriber.on_answer(reply, bench.now))
    assert (bench.position, bench.held("servers")) == ((1, 4), "z")
    assert not any(transaction.tables for transaction in bench.applied)


def test_newer_epoch_drops_the_buffer_and_the_request(bench: Any) -> None:
    open_gap(bench)
    old = bench.requests.pop()
    late = bench.publisher.on_sync(old.message, bench.now)
    bench.restart(2)
    bench.deliver(*bench.publish(servers="x", ports="p"))
    assert bench.requests[0].incarnation == "incarnation-2"
    bench.take(bench.subscriber.on_answer(late, bench.now))
    assert bench.counts["late_answer"] == 1
    assert bench.position == (1, 1)
    bench.answer()
    assert bench.position == (2, 1)
    assert bench.held("servers") == "x"


def test_buffered_delta_of_a_left_epoch_is_not_applied_to_the_new_one(bench: Any) -> None:
    bench.begin()
    bench.restart(2)
    first, _ = bench.publish(servers="x", ports="p")
    bench.deliver(first)
    second = bench.publish(servers="x y")
    bench.deliver(*second)
    bench.restart(3)
    first, _ = bench.publish(servers="u", ports="p")
    bench.deliver(first)
    bench.requests = bench.requests[-1:]
    bench.answer()
    assert bench.position == (3, 1)
    assert bench.held("servers") == "u"


def test_answer_to_an_earlier_request_is_ignored(bench: Any) -> None:
    open_gap(bench)
    reply = bench.publisher.on_sync(bench.request(), bench.now)
    assert isinstance(reply, SyncAnswer)
    bench.take(bench.subscriber.on_answer(replace(reply, request=0), bench.now))
    assert bench.position == (1, 1)
    assert bench.counts["late_answer"] == 1


def test_answer_of_another_incarnation_is_ignored(bench: Any) -> None:
    open_gap(bench)
    reply = bench.publisher.on_sync(bench.request(), bench.now)
    bench.take(bench.subscriber.on_answer(replace(reply, incarnation="other"), bench.now))
    assert bench.position == (1, 1)
    assert bench.counts["outdated"] == 1


def test_snapshot_of_an_old_epoch_arriving_late_changes_nothing(bench: Any) -> None:
    open_gap(bench)
    snapshot = bench.publisher.on_sync(replace(bench.request(), have=None, held={}), bench.now)
    bench.requests.clear()
    bench.restart(2)
    bench.deliver(*bench.publish(servers="x", ports="p"))
    bench.answer()
    bench.take(bench.subscriber.on_answer(snapshot, bench.now))
    assert bench.position == (2, 1)
    assert bench.held("servers") == "x"


def test_snapshot_is_applied_as_one_difference(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(log_transactions=1)
    bench.begin(servers="a b c")
    bench.publish(servers="b c d")
    bench.deliver(*bench.publish(servers="c d e"))
    bench.pass_time(bench.options.gap_grace)
    bench.answer()
    (transaction,) = bench.applied
    assert len(transaction.tables["servers"].removed) == 2
    assert len(transaction.tables["servers"].added) == 2


def test_nothing_is_applied_before_all_pieces_are_in(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=20)
    bench.want("servers", "ports")
    bench.deliver(*bench.publish(servers=" ".join(f"row-{i:02}" for i in range(20)), ports="p"))
    bench.answer(pieces=3)
    assert bench.position is None
    assert isinstance(bench.requests[0].message, ChunkRequest)
    bench.answer()
    assert bench.position == (1, 1)
    assert len(bench.subscriber.rows("servers")) == 20


def test_answer_stays_one_position_while_the_publisher_goes_on(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(chunk_bytes=20)
    bench.want("servers", "ports")
    bench.deliver(*bench.publish(servers=" ".join(f"row-{i:02}" for i in range(20)), ports="p"))
    bench.answer(pieces=3)
    bench.deliver(*bench.publish(servers="x", ports="q"))
    bench.answer()
    assert [t.position for t in bench.applied] == [(1, 1), (1, 2)]
    assert len(bench.applied[0].tables["servers"].added) == 20
    assert bench.held("servers") == "x"


def test_piece_with_a_wrong_row_is_not_applied(bench: Any) -> None:
    open_gap(bench)
    reply = bench.publisher.on_sync(bench.request(), bench.now)
    changes = replace(reply.rows["servers"], added=(b"\x91\xa1x",))
    bench.take(bench.subscriber.on_answer(replace(reply, rows={"servers": changes}), bench.now))
    assert bench.position == (1, 1)
    assert bench.counts["pull_mismatch"] == 1
    bench.requests.clear()
    bench.pass_time(2.0)
    bench.answer()
    assert bench.held("servers") == "a b c"


def test_piece_that_arrives_twice_is_taken_once(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=20)
    bench.want("servers", "ports")
    bench.deliver(*bench.publish(servers=" ".join(f"row-{i:02}" for i in range(20)), ports="p"))
    bench.answer(pieces=1)
    piece = bench.publisher.on_chunk(bench.requests.pop(0).message, bench.now)
    bench.take(bench.subscriber.on_answer(piece, bench.now))
    bench.take(bench.subscriber.on_answer(piece, bench.now))
    assert bench.position is None
    assert bench.counts["late_answer"] == 1
    bench.answer()
    assert len(bench.subscriber.rows("servers")) == 20


def test_lost_snapshot_begins_again(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(chunk_bytes=20)
    bench.want("servers", "ports")
    bench.deliver(*bench.publish(servers=" ".join(f"row-{i:02}" for i in range(20)), ports="p"))
    bench.answer(pieces=2)
    number = bench.requests.pop().message.request
    bench.take(bench.subscriber.on_answer(SnapshotGone("nova", number), bench.now))
    bench.pass_time(2.0)
    bench.answer()
    assert bench.position == (1, 1)


def test_requests_back_off_up_to_two_seconds(bench: Any) -> None:
    open_gap(bench)
    waits = []
    for _ in range(30):
        bench.fail()
        asked_at = bench.now
        while not bench.requests:
            bench.pass_time(0.01)
        waits.append(bench.now - asked_at)
    assert waits[0] <= bench.options.backoff_min + 0.011
    assert 1.0 < max(waits) <= bench.options.backoff_max + 0.011


def test_word_of_the_publisher_resets_the_back_off(bench: Any) -> None:
    open_gap(bench)
    for _ in range(8):
        bench.fail()
        bench.pass_time(bench.options.backoff_max)
    bench.fail()
    bench.deliver(bench.heartbeat())
    bench.pass_time(bench.options.backoff_min)
    assert len(bench.requests) == 1


def test_answer_without_a_table_that_was_asked_for_is_asked_for_again_with_back_off(
    bench: Any,
) -> None:
    bench.want("servers", "ports")
    bench.deliver(*bench.publish(servers="a", ports="p"))
    for _ in range(5):
        reply = bench.publisher.on_sync(bench.requests.pop().message, bench.now)
        part = {"servers": reply.tables["servers"]}
        rows = {"servers": reply.rows["servers"]}
        bench.take(bench.subscriber.on_answer(replace(reply, tables=part, rows=rows), bench.now))
        assert not bench.requests
        bench.pass_time(bench.options.backoff_max)
    assert bench.counts["bad_answer"] == 5
    assert bench.position is None
    bench.answer()
    assert bench.held("ports") == "p"


def test_busy_publisher_is_asked_again_whatever_it_says(bench: Any) -> None:
    open_gap(bench)
    number = bench.requests.pop().message.request
    bench.take(bench.subscriber.on_answer(SyncBusy("nova", number, 1e9), bench.now))
    bench.pass_time(62.0)
    assert len(bench.requests) == 1


def test_busy_publisher_is_left_alone_for_as_long_as_it_says(bench: Any) -> None:
    open_gap(bench)
    number = bench.requests.pop().message.request
    bench.take(bench.subscriber.on_answer(SyncBusy("nova", number, 1.5), bench.now))
    bench.deliver(bench.heartbeat())
    bench.pass_time(1.4)
    assert not bench.requests
    bench.pass_time(2.0)
    assert len(bench.requests) == 1


def test_request_without_reply_times_out(bench: Any) -> None:
    open_gap(bench)
    bench.requests.clear()
    bench.pass_time(bench.options.sync_timeout)
    bench.pass_time(bench.options.backoff_max)
    bench.answer()
    assert bench.position == (1, 3)


def test_publisher_that_is_starting_answers_not_yet(bench: Any) -> None:
    bench.begin()
    bench.restart(2)
    first, _ = bench.publish(servers="x", ports="p")
    bench.deliver(first)
    bench.restart(2, incarnation="incarnation-2")
    bench.answer()
    assert bench.counts["sync_not_yet"] == 1
    assert bench.held("servers") == "a"


def test_overflow_of_the_buffer_drops_it_and_resyncs(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(buffer_bytes=1200)
    bench.begin()
    bench.publish(servers="lost")
    for i in range(10):
        bench.deliver(*bench.publish(servers=f"row-{i}" * 10))
    assert bench.counts["buffer_overflow"] >= 1
    bench.pass_time(bench.options.heartbeat_grace)
    bench.answer()
    assert bench.held("servers") == "row-9" * 10
    assert bench.subscriber.is_live


# --- adding tables ------------------------------------------------------------------------------


def test_added_table_and_changes_of_the_held_one_are_one_transaction(bench: Any) -> None:
    bench.want("servers")
    bench.deliver(*bench.publish(servers="vm1", ports="p1@vm1"))
    bench.answer()
    (delta,) = bench.publish(servers="vm2", ports="p1@vm2")
    bench.applied.clear()
    bench.want("servers", "ports")
    bench.answer()  # the answer overtakes the delta
    bench.deliver(delta)
    (transaction,) = bench.applied
    assert transaction.position == (1, 2)
    assert set(transaction.tables) == {"servers", "ports"}
    assert bench.counts["duplicate"] == 1
    assert (bench.held("servers"), bench.held("ports")) == ("vm2", "p1@vm2")


def test_added_table_is_brought_forward_by_deltas_that_overtook_the_answer(bench: Any) -> None:
    bench.want("servers")
    bench.deliver(*bench.publish(servers="vm1", ports="p1"))
    bench.answer()
    bench.want("servers", "ports")
    reply = bench.publisher.on_sync(bench.requests.pop().message, bench.now)
    bench.deliver(*bench.publish(servers="vm2", ports="p2"))
    bench.deliver(*bench.publish(ports="p2 p3"))
    assert bench.position == (1, 3)
    assert bench.subscriber.rows("ports") is None
    bench.take(bench.subscriber.on_answer(reply, bench.now))
    assert bench.applied[-1].position == (1, 3)
    assert bench.held("ports") == "p2 p3"
    assert bench.subscriber.is_live


def test_table_added_while_a_request_is_out_is_asked_for_afterwards(bench: Any) -> None:
    bench.want("servers")
    bench.deliver(*bench.publish(servers="a", ports="p"))
    bench.want("servers", "ports")
    bench.answer()
    assert bench.held("ports") == "p"
    assert bench.subscriber.is_live


def test_answer_overtaken_by_rows_that_are_not_here_is_asked_for_again(
    make_bench: Callable[..., Any],
) -> None:
    bench = make_bench(max_inline_bytes=100)
    bench.want("servers")
    bench.deliver(*bench.publish(servers="vm1", ports="p1"))
    bench.answer()
    bench.want("servers", "ports")
    early = bench.publisher.on_sync(bench.requests.pop().message, bench.now)
    bench.deliver(*bench.publish(ports="p" * 200))
    bench.pass_time(bench.options.sync_timeout)
    bench.pass_time(bench.options.backoff_max)
    bench.answer()
    assert bench.position == (1, 2)
    bench.take(bench.subscriber.on_answer(early, bench.now))
    assert bench.held("ports") == "p" * 200
