"""Who is on the roll: everybody heard of lately who did not say goodbye."""

from __future__ import annotations

from congress_dist.protocol.messages import Heartbeat
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.roll import KEPT, Roll
from congress_dist.protocol.stream import Epoch, Seq

OPTIONS = DseOptions()


def beat(number: int, incarnation: str = "i1", service: str = "nova", **more: object) -> Heartbeat:
    return Heartbeat(service, "ds1", incarnation, number, 0.0, **more)  # type: ignore[arg-type]


def incarnations(roll: Roll, now: float) -> list[str]:
    return [node.incarnation for node in roll.nodes(now)]


def test_silent_node_stays_for_a_day() -> None:
    roll = Roll(OPTIONS)
    roll.on_heartbeat(beat(1, epoch=Epoch(3), seq=Seq(9), wants={"s": ("t",)}), 0.0)
    (node,) = roll.nodes(KEPT)
    assert (node.heard_at, node.positions, node.wants) == (0.0, {"nova": (3, 9)}, {"s": ("t",)})
    roll.on_heartbeat(beat(1, incarnation="i2"), KEPT + 1)
    assert incarnations(roll, KEPT + 1) == ["i2"]


def test_node_that_said_goodbye_for_all_services_is_struck_off() -> None:
    roll = Roll(OPTIONS)
    roll.on_heartbeat(beat(1), 0.0)
    roll.on_heartbeat(beat(2, service="glance"), 0.0)
    roll.on_heartbeat(beat(3, stopping=True), 1.0)
    assert incarnations(roll, 1.0) == ["i1"]
    roll.on_heartbeat(beat(4, service="glance", stopping=True), 1.0)
    assert incarnations(roll, 1.0) == []


def test_late_heartbeat_does_not_bring_it_back() -> None:
    roll = Roll(OPTIONS)
    roll.on_heartbeat(beat(5, stopping=True), 1.0)
    roll.on_heartbeat(beat(4), 1.1)
    assert incarnations(roll, 1.1) == []


def test_copy_of_a_heartbeat_makes_nobody_younger() -> None:
    roll = Roll(OPTIONS)
    roll.on_heartbeat(beat(5), 1.0)
    roll.on_heartbeat(beat(5), 9.0)
    assert roll.nodes(9.0)[0].heard_at == 1.0


def test_successor_replaces_who_fell_silent() -> None:
    roll = Roll(OPTIONS)
    roll.on_heartbeat(beat(1, incarnation="old"), 0.0)
    roll.on_heartbeat(beat(1, incarnation="new"), 1.0)
    assert incarnations(roll, 1.0) == ["new", "old"]
    assert incarnations(roll, OPTIONS.stale_after + 0.5) == ["new"]


def test_two_live_incarnations_are_both_shown() -> None:
    roll = Roll(OPTIONS)
    for number in range(20):
        roll.on_heartbeat(beat(number, incarnation="a"), float(number))
        roll.on_heartbeat(beat(number, incarnation="b"), float(number))
    assert incarnations(roll, 19.0) == ["a", "b"]


def test_last_of_all_incarnations_stays_when_none_lives() -> None:
    roll = Roll(OPTIONS)
    roll.on_heartbeat(beat(1), 0.0)
    assert incarnations(roll, 500.0) == ["i1"]


def test_predecessors_that_were_killed_stay_off_the_roll() -> None:
    roll = Roll(OPTIONS)
    for number in range(3):
        roll.on_heartbeat(beat(1, incarnation=f"killed{number}"), number * 10.0)
    assert incarnations(roll, 500.0) == ["killed2"]
    roll.on_heartbeat(beat(1, incarnation="stopped"), 500.0)
    roll.on_heartbeat(beat(2, incarnation="stopped", stopping=True), 501.0)
    assert incarnations(roll, 502.0) == incarnations(roll, 600.0) == []


def test_position_goes_with_the_lease() -> None:
    roll = Roll(OPTIONS)
    roll.on_heartbeat(beat(1, epoch=Epoch(3), seq=Seq(9)), 0.0)
    roll.on_heartbeat(beat(2), 1.0)
    assert roll.nodes(1.0)[0].positions == {}


def test_one_node_does_not_fill_the_memory_with_services() -> None:
    roll = Roll(OPTIONS)
    for number in range(1500):
        roll.on_heartbeat(beat(number + 1, service=f"s{number}"), 0.0)
    assert len(roll.nodes(0.0)[0].services) == 1000
