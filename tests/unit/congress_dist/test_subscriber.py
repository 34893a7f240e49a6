"""One test or more for each row of docs/protocol.md section 4's tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from congress_dist.protocol.messages import Delta, Heartbeat, SyncRequest, TableSummary
from congress_dist.protocol.published_table import TableResult
from congress_dist.protocol.stream import READY, Seq, StateKind, failing, unavailable

from .conftest import rows_of, sent

# --- LIVE at (e, s) -----------------------------------------------------------------------------


def test_delta_of_an_older_epoch_is_ignored_and_counted(bench: Any) -> None:
    old = bench.publisher
    bench.begin()
    bench.restart(2)
    bench.deliver(*bench.publish(servers="a", ports="p"))
    bench.answer()
    zombie = bench
    zombie.publisher = old
    bench.deliver(*zombie.publish(servers="a b"))
    assert bench.position == (2, 1)
    assert bench.held("servers") == "a"
    assert bench.counts["outdated"] == 1


def test_heartbeat_of_an_older_epoch_is_ignored_and_counted(bench: Any) -> None:
    old = bench.publisher
    bench.begin()
    bench.restart(2)
    bench.deliver(*bench.publish(servers="a", ports="p"))
    bench.answer()
    bench.now += 2.0
    bench.publisher = old
    bench.deliver(replace(bench.heartbeat(), seq=Seq(9)))
    bench.pass_time(bench.options.heartbeat_grace)
    assert bench.position == (2, 1)
    assert bench.counts["outdated"] == 1
    assert not bench.requests
    assert bench.subscriber.status(bench.now).link_age == bench.now - 100.0


def test_equal_epoch_of_another_incarnation_alarms_and_fetches_everything(bench: Any) -> None:
    bench.begin()
    bench.restart(1, incarnation="twin")
    bench.publish(servers="x", ports="p")
    bench.deliver(*bench.publish(servers="x y"))
    assert len(bench.alarms) == 1
    assert bench.counts["conflict"] == 1
    assert bench.requests[0].incarnation == "twin"
    assert bench.request().have is None
    bench.answer()
    assert bench.position == (1, 2)
    assert bench.held("servers") == "x y"


def test_answer_of_a_twin_below_the_position_is_not_taken(bench: Any) -> None:
    bench.begin()
    bench.deliver(*bench.publish(servers="a b"))
    bench.restart(1, incarnation="twin")
    bench.deliver(*bench.publish(servers="x", ports="p"))
    bench.answer()
    assert bench.position == (1, 2)
    assert bench.held("servers") == "a b"


def test_view_of_a_twin_below_the_position_is_not_shared(make_bench: Callable[..., Any]) -> None:
    """Else who stands above it would get it again and again, and keep it on the shelf so."""
    bench = make_bench(chunk_bytes=10)
    rows = " ".join(f"row-{i:03}" for i in range(50))
    bench.begin(servers=rows)
    for other in ("q", "r", "s"):
        bench.deliver(*bench.publish(ports=other))
    position = bench.position
    bench.restart(1, incarnation="twin")
    bench.publish(servers=rows + " x", ports="p")
    early = SyncRequest("nova", 1, None, {}, ("servers", "ports"))
    assert bench.publisher.on_sync(early, bench.now).chunks > 1
    for other in ("t", "u", "v", "w"):
        bench.deliver(*bench.publish(ports=other))
    assert bench.request().floor == position
    bench.answer()
    assert bench.position == (1, 5)
    assert bench.subscriber.is_live


def test_deltas_of_a_twin_do_not_follow_what_the_first_published(bench: Any) -> None:
    bench.begin(servers="a")
    bench.restart(1, incarnation="twin")
    bench.deliver(*bench.publish(servers="x", ports="p"))
    bench.deliver(*bench.publish(servers="x y"))
    assert bench.held("servers") == "a"
    assert not bench.subscriber.is_live
    assert bench.subscriber.status(bench.now).tables["servers"].stale
    bench.answer()
    assert bench.held("servers") == "x y"


def test_twin_that_is_starting_is_no_sign_of_life_of_the_first(bench: Any) -> None:
    bench.begin()
    bench.now += 10.0
    bench.restart(1, incarnation="twin")
    bench.deliver(*bench.due())
    assert bench.counts["rival"] == 1
    assert bench.subscriber.status(bench.now).link_age == 10.0


def test_duplicate_is_ignored_and_counted(bench: Any) -> None:
    bench.begin()
    (delta,) = bench.publish(servers="a b")
    bench.deliver(delta, delta)
    assert len(bench.applied) == 1
    assert bench.counts["duplicate"] == 1


def test_next_delta_is_applied(bench: Any) -> None:
    bench.begin()
    bench.deliver(*bench.publish(servers="b"))
    (transaction,) = bench.applied
    assert transaction.position == (1, 2)
    assert len(transaction.tables["servers"].removed) == 1
    assert len(transaction.tables["servers"].added) == 1
    assert "ports" not in transaction.tables
    assert bench.held("servers") == "b"
    assert not bench.requests


def test_tables_that_nobody_wants_are_not_held(make_bench: Callable[..., Any]) -> None:
    bench = make_bench("servers ports users")
    bench.want("servers")
    bench.deliver(*bench.publish(servers="a", ports="p", users="u"))
    bench.answer()
    bench.deliver(*bench.publish(users="u v", ports="q"))
    assert bench.position == (1, 2)
    assert bench.subscriber.rows("users") is None
    assert bench.applied[-1].tables == {}


def test_next_delta_with_pull_syncs_at_once(make_bench: Callable[..., Any]) -> None:
    bench = make_bench(max_inline_bytes=100)
    bench.begin()
    (delta,) = bench.publish(servers="a " + "b" * 200)
    assert delta.pull
    assert not delta.tables
    bench.deliver(delta)
    assert bench.request().have == (1, 1)
    bench.answer()
    assert bench.position == (1, 2)
    assert bench.held("servers") == "a " + "b" * 200


def test_gap_asks_for_resync_once_after_gap_grace(bench: Any) -> None:
    bench.begin()
    bench.publish(servers="a b")
    bench.deliver(*bench.publish(servers="a b c"))
    bench.deliver(*bench.publish(servers="a b c d"))
    assert not bench.requests
    bench.pass_time(bench.options.gap_grace)
    bench.pass_time(bench.options.gap_grace)
    assert bench.request().have == (1, 1)
    bench.answer()
    assert bench.position == (1, 4)
    assert bench.held("servers") == "a b c d"
    assert len(bench.applied) == 1
    assert (bench.counts["gap"], bench.counts["replay"]) == (1, 1)
    assert "snapshot" not in bench.counts


def test_gap_that_closes_within_gap_grace_asks_for_nothing(bench: Any) -> None:
    bench.begin()
    (late,) = bench.publish(servers="a b")
    (early,) = bench.publish(servers="b")
    bench.deliver(early)
    bench.pass_time(bench.options.gap_grace / 2)
    bench.deliver(late)
    bench.pass_time(bench.options.gap_grace)
    assert bench.position == (1, 3)
    assert bench.held("servers") == "b"
    assert not bench.requests


def test_two_thousand_deltas_before_a_missing_one_are_applied_in_order(bench: Any) -> None:
    bench.begin()
    deltas = [bench.publish(servers=f"r{i}")[0] for i in range(2001)]
    bench.deliver(*deltas[1:])
    bench.deliver(deltas[0])
    assert bench.position == (1, 2002)
    assert bench.held("servers") == "r2000"


def test_delta_with_another_schema_version_is_treated_as_a_gap(bench: Any) -> None:
    bench.begin()
    (delta,) = bench.publish(servers="a b")
    change = replace(delta.tables["servers"], schema_version="v2")
    bench.deliver(replace(delta, tables={"servers": change}))
    assert bench.position == (1, 1)
    bench.pass_time(bench.options.gap_grace)
    bench.answer()
    assert bench.held("servers") == "a b"


def test_delta_with_replace_may_change_the_schema(bench: Any) -> None:
    bench.begin()
    (delta,) = bench.publish(servers="b")
    whole = replace(
        delta.tables["servers"], schema_version="v2", replace=True, removed=frozenset()
    )
    bench.deliver(replace(delta, tables={"servers": whole}))
    assert bench.position == (1, 2)
    (transaction,) = bench.applied
    assert transaction.tables["servers"].schema_version == "v2"
    assert len(transaction.tables["servers"].removed) == 1
    assert not transaction.tables["servers"].replace


def test_delta_of_a_newer_epoch_syncs(bench: Any) -> None:
    bench.begin()
    bench.restart(3)
    first, _heartbeat = bench.publish(servers="a z", ports="p")
    bench.deliver(first)
    assert bench.requests[0].incarnation == "incarnation-3"
    assert bench.request().have is None
    assert bench.held("servers") == "a"
    bench.answer()
    assert bench.position == (3, 1)
    assert bench.held("servers") == "a z"


def test_restart_without_changes_transfers_no_rows(bench: Any) -> None:
    bench.begin()
    bench.restart(2)
    first, _heartbeat = bench.publish(servers="a", ports="p")
    bench.deliver(first)
    reply = bench.publisher.on_sync(bench.request(), bench.now)
    assert {entry.kind for entry in reply.tables.values()} == {"same"}
    assert reply.rows == {}
    bench.answer()
    (transaction,) = bench.applied
    assert transaction.position == (2, 1)
    assert not transaction.tables


def test_heartbeat_of_a_newer_epoch_with_equal_digests_is_adopted_without_a_transfer(
    bench: Any,
) -> None:
    bench.begin()
    bench.restart(2)
    _first, heartbeat = bench.publish(servers="a", ports="p")
    bench.deliver(heartbeat)
    assert bench.position == (2, 1)
    assert bench.counts["adopted"] == 1
    assert not bench.requests
    assert bench.subscriber.is_live


def test_heartbeat_of_a_newer_epoch_with_one_different_digest_syncs(bench: Any) -> None:
    bench.begin()
    bench.restart(2)
    _first, heartbeat = bench.publish(servers="a", ports="q")
    bench.deliver(heartbeat)
    assert bench.position == (1, 1)
    bench.answer()
    assert bench.held("ports") == "q"


def test_heartbeat_of_a_newer_epoch_with_another_schema_syncs(bench: Any) -> None:
    bench.begin()
    bench.restart(2, version="v2")
    _first, heartbeat = bench.publish(servers="a", ports="p")
    bench.deliver(heartbeat)
    assert bench.position == (1, 1)
    assert len(bench.requests) == 1


def test_heartbeat_of_a_newer_epoch_with_another_state_syncs(bench: Any) -> None:
    bench.begin()
    bench.restart(2)
    bench.publish(servers="a", ports="p")
    bench.publish_state("ports", failing("timeout"))
    bench.deliver(bench.heartbeat())
    assert bench.position == (1, 1)
    bench.answer()
    assert bench.applied[-1].states == {"ports": failing("timeout")}


def test_first_message_after_a_restart_lost_does_not_hide_the_new_epoch(bench: Any) -> None:
    bench.begin()
    for text in ("a b", "a b c", "a b"):
        bench.deliver(*bench.publish(servers=text))
    bench.restart(2)
    bench.publish(servers="x", ports="p")  # lost, with its heartbeat
    bench.deliver(*bench.publish(servers="x y"))
    bench.answer()
    assert bench.position == (2, 2)
    assert bench.held("servers") == "x y"


def test_starting_heartbeat_keeps_everything_and_makes_it_stale(bench: Any) -> None:
    bench.begin()
    bench.deliver(bench.heartbeat())
    assert not bench.subscriber.status(bench.now).tables["servers"].stale
    bench.restart(2)
    starting = bench.heartbeat()
    assert (starting.epoch, starting.seq, starting.starting) == (2, 0, True)
    bench.deliver(starting)
    assert bench.position == (1, 1)
    assert bench.held("servers") == "a"
    assert bench.subscriber.heard_epoch == 2
    assert not bench.requests
    assert bench.subscriber.status(bench.now).tables["servers"].stale


def test_heartbeat_ahead_waits_for_heartbeat_grace_and_then_syncs(bench: Any) -> None:
    bench.begin()
    bench.publish(servers="a b")  # the last delta is lost
    bench.deliver(bench.heartbeat())
    bench.pass_time(bench.options.heartbeat_grace - 0.01)
    assert not bench.requests
    bench.pass_time(0.01)
    bench.answer()
    assert bench.position == (1, 2)
    assert bench.held("servers") == "a b"


def test_heartbeat_ahead_of_a_delta_on_its_way_asks_for_nothing(bench: Any) -> None:
    bench.begin()
    (delta,) = bench.publish(servers="a b")
    bench.deliver(bench.heartbeat())
    bench.pass_time(bench.options.heartbeat_grace / 2)
    bench.deliver(delta)
    bench.pass_time(bench.options.heartbeat_grace)
    assert bench.position == (1, 2)
    assert not bench.requests


def test_different_digest_at_an_equal_position_alarms_and_repairs_that_table(bench: Any) -> None:
    bench.begin()
    corrupt(bench, "servers")
    bench.deliver(bench.heartbeat())
    assert len(bench.alarms) == 1
    assert bench.request().add == ("servers",)
    assert set(bench.request().held) == {"ports"}
    bench.answer()
    assert bench.held("servers") == "a"
    bench.deliver(bench.heartbeat())
    assert bench.counts["divergence"] == 1
    assert bench.subscriber.is_live


def test_different_state_alone_at_an_equal_position_is_repaired(bench: Any) -> None:
    bench.begin()
    table = bench.subscriber.holding.tables["servers"]
    table.said = table.state = failing("a fault")
    bench.deliver(bench.heartbeat())
    assert len(bench.alarms) == 1
    assert bench.request().add == ("servers",)
    bench.answer()
    assert bench.applied[-1].states == {"servers": READY}
    assert not bench.applied[-1].tables


def test_table_that_stays_different_after_two_repairs_is_unavailable(bench: Any) -> None:
    bench.begin()
    for _ in range(2):
        corrupt(bench, "servers")
        bench.deliver(bench.heartbeat())
        bench.answer()
        bench.applied.clear()
    corrupt(bench, "servers")
    bench.deliver(bench.heartbeat())
    assert not bench.requests
    (transaction,) = bench.applied
    assert transaction.states["servers"].kind is StateKind.UNAVAILABLE
    assert bench.held("servers") == ""
    assert bench.held("ports") == "p"


def test_table_given_up_is_repaired_again_after_a_while(bench: Any) -> None:
    test_table_that_stays_different_after_two_repairs_is_unavailable(bench)
    bench.pass_time(60.0)
    bench.answer()
    assert bench.held("servers") == "a"
    assert bench.applied[-1].states == {"servers": READY}


def test_equal_digests_change_nothing(bench: Any) -> None:
    bench.begin()
    bench.deliver(bench.heartbeat(), bench.heartbeat())
    assert not bench.applied
    assert not bench.requests
    assert not bench.alarms


def test_beat_that_is_not_higher_is_no_sign_of_life(bench: Any) -> None:
    bench.begin()
    heartbeat = bench.heartbeat()
    bench.deliver(heartbeat)
    bench.pass_time(10.0)
    bench.deliver(heartbeat)
    status = bench.subscriber.status(bench.now)
    assert status.link_age == 10.0
    assert status.tables["servers"].stale


# --- first contact, wants -----------------------------------------------------------------------


def test_nothing_is_asked_before_anything_was_heard(bench: Any) -> None:
    bench.want("servers")
    bench.pass_time(100.0)
    assert not bench.requests
    assert bench.position is None


def test_source_never_heard_is_unread_and_then_has_no_publisher(bench: Any) -> None:
    bench.want("servers")
    status = bench.subscriber.status(bench.now)
    assert status.tables["servers"].state.kind is StateKind.UNREAD
    bench.pass_time(bench.options.source_wait)
    status = bench.subscriber.status(bench.now)
    assert status.tables["servers"].state == unavailable("no publisher")


def test_table_that_a_full_heartbeat_does_not_list_is_asked_for_and_kept(bench: Any) -> None:
    bench.begin()
    heartbeat = bench.heartbeat()
    listed = {"ports": heartbeat.tables["ports"]}
    bench.deliver(replace(heartbeat, tables=listed))
    assert bench.request().add == ("servers",)
    assert bench.held("servers") == "a"


def test_table_that_the_publisher_does_not_have_is_unavailable(bench: Any) -> None:
    bench.begin()
    bench.want("servers", "ports", "volumes")
    bench.answer()
    (transaction,) = bench.applied
    assert transaction.states["volumes"].kind is StateKind.UNAVAILABLE
    assert "volumes" in transaction.states["volumes"].reason
    assert bench.subscriber.is_live


def test_table_that_there_is_again_and_that_was_not_read_yet_is_unread(bench: Any) -> None:
    bench.begin()
    bench.want("servers", "ports", "volumes")
    bench.answer()
    bench.tables.append("volumes")
    bench.restart(2)
    bench.publish(servers="a", ports="p")
    bench.now += bench.options.first_round
    bench.deliver(*bench.due())
    bench.answer()
    assert bench.position == (2, 1)
    assert bench.subscriber.status(bench.now).tables["volumes"].state.kind is StateKind.UNREAD


def test_table_that_is_no_longer_wanted_is_dropped(bench: Any) -> None:
    bench.begin()
    bench.want("ports")
    bench.deliver(*bench.publish(servers="b"))
    assert bench.subscriber.rows("servers") is None
    assert bench.position == (1, 2)


# --- unread tables ------------------------------------------------------------------------------


def test_table_that_misses_the_first_round_keeps_its_rows_stale_at_their_old_position(
    bench: Any,
) -> None:
    bench.begin()
    bench.restart(2)
    bench.publish(ports="p")
    bench.now += bench.options.first_round
    messages = [effect.message for effect in bench.publisher.on_tick(bench.now)]
    bench.deliver(*(m for m in messages if isinstance(m, Delta)))
    bench.answer()
    assert bench.position == (2, 1)
    assert bench.held("servers") == "a"
    bench.deliver(bench.heartbeat())
    status = bench.subscriber.status(bench.now)
    assert status.tables["servers"].stale
    assert status.tables["servers"].state == READY
    assert status.tables["servers"].position == (1, 1)
    assert not status.tables["ports"].stale
    assert not bench.applied[-1].states


def test_table_that_leaves_unread_is_replaced_by_the_difference(bench: Any) -> None:
    test_table_that_misses_the_first_round_keeps_its_rows_stale_at_their_old_position(bench)
    bench.applied.clear()
    (delta,) = bench.publish(servers="a b")
    assert delta.tables["servers"].replace
    bench.deliver(delta)
    (transaction,) = bench.applied
    assert not transaction.tables["servers"].removed
    assert len(transaction.tables["servers"].added) == 1
    assert bench.held("servers") == "a b"
    assert not bench.subscriber.status(bench.now).tables["servers"].stale


def test_unread_table_does_not_hinder_adoption(bench: Any) -> None:
    bench.begin()
    bench.restart(2)
    bench.publish(ports="p")
    bench.now += bench.options.first_round
    messages = [effect.message for effect in bench.publisher.on_tick(bench.now)]
    bench.deliver(*(m for m in messages if isinstance(m, Heartbeat) and m.full))
    assert bench.position == (2, 1)
    assert bench.held("servers") == "a"
    assert bench.subscriber.status(bench.now).tables["servers"].stale


def test_table_that_was_never_read_is_unread_and_not_empty(bench: Any) -> None:
    bench.want("servers", "ports")
    bench.publish(ports="p")
    bench.now += bench.options.first_round
    bench.deliver(*(effect.message for effect in bench.publisher.on_tick(bench.now)))
    bench.answer()
    (transaction,) = bench.applied
    assert transaction.states["servers"].kind is StateKind.UNREAD
    assert transaction.states["ports"] == READY


# --- ages ---------------------------------------------------------------------------------------


def test_link_age_includes_the_delay_of_the_newest_message(bench: Any) -> None:
    bench.begin()
    bench.deliver(bench.heartbeat())
    late = bench.heartbeat()
    bench.pass_time(33.0)
    bench.deliver(late)
    assert bench.subscriber.status(bench.now).link_age == 33.0


def test_tables_that_nobody_wants_are_told_as_heard(bench: Any) -> None:
    bench.want("servers")
    bench.publish(servers="a", ports="p q")
    bench.deliver(bench.heartbeat())
    status = bench.subscriber.status(bench.now)
    assert {name: (t.state, t.rows, t.stale) for name, t in status.heard.items()} == {
        "servers": (READY, 1, False),
        "ports": (READY, 2, False),
    }
    bench.deliver(*bench.publish(ports="p"), bench.heartbeat(full=False))
    assert bench.subscriber.status(bench.now).heard["ports"].rows == 1
    assert bench.subscriber.status(bench.now).tables.keys() == {"servers"}
    bench.now += bench.options.stale_after + 1
    assert bench.subscriber.status(bench.now).heard["ports"].stale


def test_source_age_grows_while_the_link_is_alive(bench: Any) -> None:
    bench.begin()
    for _ in range(7):
        bench.now += 1.0
        bench.deliver(bench.heartbeat())
    status = bench.subscriber.status(bench.now)
    assert status.link_age == 0.0
    assert status.tables["servers"].source_age == 7.0
    assert status.tables["servers"].stale


def test_poll_without_change_refreshes_the_source_age_and_sends_no_rows(bench: Any) -> None:
    bench.begin()
    bench.now += 5.0
    assert bench.publish(servers="a", ports="p") == []
    bench.deliver(bench.heartbeat())
    status = bench.subscriber.status(bench.now)
    assert status.tables["servers"].source_age == 0.0
    assert bench.position == (1, 1)


def test_publisher_that_cannot_renew_is_stale_beyond_the_lease_time(bench: Any) -> None:
    bench.begin()
    heartbeat = bench.heartbeat()
    bench.deliver(replace(heartbeat, unrenewed=bench.options.lease_time + 0.1))
    assert bench.subscriber.status(bench.now).tables["servers"].stale


def behind(bench: Any, seconds: int) -> None:
    """Let heartbeats arrive while each delta is lost and each request gets no reply."""
    for number in range(seconds):
        bench.publish(servers=f"r{number}", ports="p")
        bench.now += 1.0
        bench.deliver(bench.heartbeat())
        bench.pass_time(0.0)
        while bench.requests:
            bench.fail()


def test_rows_that_are_left_behind_are_stale_though_heartbeats_arrive(bench: Any) -> None:
    bench.begin()
    bench.deliver(bench.heartbeat())
    behind(bench, 3)
    assert not bench.subscriber.status(bench.now).tables["servers"].stale
    behind(bench, 3597)
    status = bench.subscriber.status(bench.now)
    assert (status.position, status.link_age) == ((1, 1), 0.0)
    assert status.tables["servers"].stale
    assert status.tables["servers"].source_age == 3600.0
    assert status.heard["servers"].source_age == 1.0
    bench.pass_time(bench.options.backoff_max)
    bench.answer()
    status = bench.subscriber.status(bench.now)
    assert not status.tables["servers"].stale
    assert status.tables["servers"].source_age == 1.0 + bench.options.backoff_max


def test_rows_that_always_follow_a_little_later_are_not_stale(bench: Any) -> None:
    bench.begin()
    late = []
    for number in range(400):
        late += bench.publish(servers=f"r{number}", ports="p")
        bench.now += 0.05
        bench.deliver(bench.heartbeat())
        if len(late) > 5:
            bench.deliver(late.pop(0))
    assert bench.position == (1, 396)
    assert not bench.subscriber.status(bench.now).tables["servers"].stale


def test_table_that_differs_is_stale_until_it_is_repaired(bench: Any) -> None:
    bench.begin()
    corrupt(bench, "servers")
    bench.deliver(bench.heartbeat())
    tables = bench.subscriber.status(bench.now).tables
    assert (tables["servers"].stale, tables["ports"].stale) == (True, False)
    bench.answer()
    assert not bench.subscriber.status(bench.now).tables["servers"].stale


def test_ages_of_an_answer_do_not_make_rows_younger(bench: Any) -> None:
    bench.want("servers", "ports")
    bench.deliver(*bench.publish(servers="a", ports="p"))
    bench.now += 4.0
    bench.publish(servers="a", ports="p")  # read again, and nothing heard of it
    reply = bench.publisher.on_sync(bench.request(), bench.now)
    bench.now += 1.0
    bench.take(bench.subscriber.on_answer(reply, bench.now))
    assert bench.subscriber.status(bench.now).tables["servers"].source_age == 5.0


def test_rows_of_another_publisher_have_the_age_of_its_reads(bench: Any) -> None:
    bench.begin()
    bench.deliver(bench.heartbeat())
    bench.restart(2)
    reads = {name: TableResult(rows_of("z"), READY) for name in ("servers", "ports")}
    opening, _heartbeat = sent(bench.publisher.publish(reads, bench.now, age=3.0))
    bench.deliver(opening)
    bench.answer()
    assert bench.position == (2, 1)
    assert bench.subscriber.status(bench.now).tables["servers"].source_age == 3.0


def test_rows_that_another_publisher_has_left_long_ago_are_stale(
    make_bench: Callable[..., Any],
) -> None:
    """A view that is shared is older than what is heard of its publisher."""
    bench = make_bench(chunk_bytes=5)
    bench.begin()
    old = bench.publisher
    bench.restart(2)
    bench.publish(servers=" ".join(f"row-{i:03}" for i in range(50)), ports="q")
    bench.publisher.on_sync(SyncRequest("nova", 1, None, {}, ("ports", "servers")), bench.now)
    bench.publish(ports="r")
    bench.now += bench.options.stale_after + 1.0
    (word,) = sent(old.on_tick(bench.now))
    bench.deliver(word, bench.heartbeat())
    bench.answer()
    assert bench.position == (2, 1)
    assert bench.subscriber.status(bench.now).tables["servers"].stale


def test_rows_whose_source_age_nobody_has_told_are_stale(bench: Any) -> None:
    bench.want("servers", "ports")
    bench.publish(ports="p")
    bench.now += bench.options.first_round
    bench.deliver(*sent(bench.publisher.on_tick(bench.now)))
    bench.answer()
    bench.deliver(*bench.publish(servers="a"))
    assert bench.subscriber.status(bench.now).tables["servers"].stale
    bench.deliver(bench.heartbeat())
    assert not bench.subscriber.status(bench.now).tables["servers"].stale


def test_lag_of_a_listener_is_added_to_all_ages(bench: Any) -> None:
    bench.begin()
    bench.deliver(bench.heartbeat())
    status = bench.subscriber.status(bench.now, 1.0)
    assert (status.live, status.link_age, status.tables["servers"].source_age) == (True, 1.0, 1.0)
    assert not status.tables["servers"].stale
    status = bench.subscriber.status(bench.now, bench.options.stale_after + 0.1)
    assert not status.live
    assert status.tables["servers"].stale


def test_newest_word_of_the_publisher_counts_and_not_the_highest(bench: Any) -> None:
    bench.begin()
    (delta,) = bench.publish(servers="a b")
    bench.deliver(replace(delta, seq=Seq(2**40)))
    bench.deliver(delta, bench.heartbeat())
    bench.pass_time(bench.options.heartbeat_grace)
    assert bench.position == (1, 2)
    assert bench.subscriber.status(bench.now).live
    assert not bench.requests


def test_old_word_of_the_publisher_does_not_hide_a_gap(bench: Any) -> None:
    bench.begin()
    old = bench.heartbeat()
    bench.publish(servers="a b")
    bench.deliver(*bench.publish(servers="a b c"), old)
    bench.pass_time(bench.options.gap_grace)
    assert bench.request().have == (1, 1)


def test_publisher_that_has_nothing_newer_is_not_asked_again(bench: Any) -> None:
    bench.begin()
    bench.deliver(replace(bench.heartbeat(), seq=Seq(2**40)))
    bench.pass_time(bench.options.heartbeat_grace)
    bench.answer()
    bench.pass_time(bench.options.heartbeat_grace)
    assert not bench.requests
    assert bench.subscriber.status(bench.now).live


def test_two_publishers_of_one_epoch_are_asked_at_growing_distances(bench: Any) -> None:
    bench.begin()
    voices = [bench.make_publisher(1, name) for name in ("one", "two")]
    asked = 0
    for number in range(1000):
        bench.publisher = voices[number % 2]
        bench.deliver(*bench.publish(servers=f"r{number}", ports="p"))
        bench.pass_time(0.005)
        asked += len(bench.requests)
        bench.requests.clear()
    assert 2 <= asked < 30
    bench.publisher = voices[1]
    for _ in range(10):
        bench.pass_time(0.5)
        bench.deliver(bench.heartbeat())
        bench.answer()
    assert bench.held("servers") == "r999"
    assert bench.subscriber.is_live


def corrupt(bench: Any, table: str) -> None:
    content = bench.subscriber.holding.tables[table].content
    content.apply(content.net_of(set(), {b"\x91\xa7unknown"}))


def test_summary_of_an_unread_table_has_no_digest(bench: Any) -> None:
    bench.publish(ports="p")
    bench.now += bench.options.first_round
    bench.publisher.on_tick(bench.now)
    summary = bench.heartbeat().tables["servers"]
    assert isinstance(summary, TableSummary)
    assert summary.digest == b""
    assert bench.publisher.seq == Seq(1)
