"""Schedules that once broke a design of this protocol, each by its name (docs/protocol.md 9)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from congress_dist.clock import new_random
from congress_dist.protocol.messages import Delta, Heartbeat
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import StateKind
from congress_dist.row import Row, encode_row
from congress_dist.testing.simulation.faults import CALM
from congress_dist.testing.simulation.publisher_node import PublisherNode
from congress_dist.testing.simulation.schedule import Schedule
from congress_dist.testing.simulation.subscriber_node import SubscriberNode
from congress_dist.testing.simulation.world import TABLES, World


class Stage:
    """A publisher, a subscriber of all tables, and nothing that goes wrong by itself."""

    def __init__(self, **options: float) -> None:
        settings = replace(DseOptions(), **options)  # type: ignore[arg-type]
        self.world = World(new_random(1), CALM, settings)
        self.publisher = self.world.start_publisher()
        self.subscriber = self.world.start_subscriber(set(TABLES))
        self.pass_time(3.0)
        assert self.subscriber.machine.is_live

    def pass_time(self, seconds: float) -> None:
        self.world.timeline.pass_until(self.world.now + seconds)

    def kill(self, node: PublisherNode) -> None:
        self.world.publishers.remove(node)
        node.die()

    def change(self, table: str, *rows: str) -> None:
        self.world.source[table] = rows_of(*rows)
        (owner,) = self.world.owners
        owner.stimulate(lambda: owner.read((table,)))

    def converge(self) -> None:
        Schedule(self.world).heal()


def rows_of(*rows: str) -> frozenset[Row]:
    return frozenset(encode_row((row,)) for row in rows)


def is_stale(subscriber: SubscriberNode, table: str) -> bool:
    return subscriber.machine.status(subscriber.monotonic()).tables[table].stale


def test_restart_before_the_first_read() -> None:
    stage = Stage()
    rows = stage.subscriber.machine.rows("servers")
    assert rows
    former = stage.publisher
    for _ in range(3):
        stage.kill(former)
        former = stage.world.start_publisher(replaces=former.incarnation)
        stage.pass_time(0.09)  # granted and heard of, and nothing read yet
        assert former.stream.epoch is not None
        assert former.stream.machine is not None
        assert former.stream.machine.seq == 0
        assert stage.subscriber.machine.rows("servers") == rows
        assert is_stale(stage.subscriber, "servers")
    stage.converge()


def test_owner_identity_by_node_id() -> None:
    stage = Stage()
    twin = PublisherNode(stage.world, stage.publisher.name, stage.publisher.tables, replaces=None)
    stage.world.publishers.append(twin)
    stage.pass_time(20.0)
    assert stage.world.owners == [stage.publisher]


def test_adding_a_table_while_a_delta_is_under_way() -> None:
    stage = Stage()
    late = stage.world.start_subscriber({"servers"})
    stage.pass_time(1.0)
    for number in range(4):
        stage.change("ports", f"p{number}")
        if number == 1:
            late.want({"servers", "ports"})
        stage.change("servers", f"s{number}")
        stage.pass_time(0.004)
    stage.pass_time(1.0)
    assert late.machine.rows("ports") == rows_of("p3")
    stage.converge()


def test_derived_table_dropped_by_a_restarted_replica() -> None:
    stage = Stage()
    rows = stage.subscriber.machine.rows("ports")
    stage.kill(stage.publisher)
    others = {table: "v1" for table in TABLES if table != "ports"}
    node = PublisherNode(stage.world, "restarted", others, replaces=stage.publisher.incarnation)
    stage.world.publishers.append(node)
    stage.pass_time(0.09)
    assert stage.subscriber.machine.rows("ports") == rows
    stage.pass_time(5.0)
    status = stage.subscriber.machine.status(stage.subscriber.monotonic())
    assert status.tables["ports"].state.kind is StateKind.UNAVAILABLE
    stage.kill(node)
    stage.world.start_publisher(replaces=node.incarnation)
    stage.converge()
    assert stage.subscriber.machine.rows("ports") == rows


def test_snapshot_of_an_old_epoch_arriving_late() -> None:
    stage = Stage()
    late = stage.world.start_subscriber({"servers"})
    world, former = stage.world, stage.publisher
    world._delay = lambda: 0.01  # type: ignore[method-assign]
    while late.machine.status(late.monotonic()).link_age is None:
        stage.pass_time(0.0005)  # until it asks, and its request is on the way
    assert not late.machine.is_live
    world._delay = lambda: 3.0  # type: ignore[method-assign]
    stage.pass_time(0.02)
    del world._delay  # type: ignore[attr-defined]
    stage.kill(former)
    world.source["servers"] = rows_of("new")
    world.start_publisher(replaces=former.incarnation)
    stage.pass_time(4.0)
    assert world.taken["late_answer"] == 1
    assert late.machine.rows("servers") == rows_of("new")
    stage.converge()


def test_backlog_of_33_seconds_that_still_sends_heartbeats() -> None:
    stage = Stage()
    world = stage.world
    backlog = 33.0
    world._delay = lambda: backlog  # type: ignore[method-assign]
    stage.pass_time(45.0)
    link_age = stage.subscriber.machine.status(stage.subscriber.monotonic()).link_age
    assert link_age is not None
    assert link_age > backlog - 2.0
    assert is_stale(stage.subscriber, "servers")
    del world._delay  # type: ignore[attr-defined]
    stage.converge()


def test_old_heartbeat_duplicated_on_a_quiet_stream() -> None:
    stage = Stage()
    heard: list[Delta | Heartbeat] = []
    hear = stage.subscriber.hear

    def note_and_hear(message: Delta | Heartbeat) -> None:
        heard.append(message)
        hear(message)

    stage.subscriber.hear = note_and_hear  # type: ignore[method-assign]
    stage.pass_time(2.0)
    stage.kill(stage.publisher)
    before = stage.world.taken["a beat not higher"]
    for _ in range(40):
        stage.subscriber.stimulate(partial(hear, heard[-1]))
        stage.pass_time(0.1)
    assert stage.world.taken["a beat not higher"] == before + 40
    assert is_stale(stage.subscriber, "servers")


def test_database_restored_from_a_backup() -> None:
    stage = Stage()
    stage.world.database.save()
    for _ in range(3):
        former = stage.publisher
        stage.kill(former)
        stage.publisher = stage.world.start_publisher(replaces=former.incarnation)
        stage.pass_time(3.0)
    epoch = stage.subscriber.machine.epoch
    assert epoch == 4
    stage.world.was_restored = True
    stage.world.database.restore()
    stage.pass_time(15.0)
    assert stage.subscriber.machine.epoch is not None
    assert stage.subscriber.machine.epoch > 4
    stage.converge()
