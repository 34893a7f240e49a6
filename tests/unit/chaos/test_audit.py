"""The audit of the fault runs: what keeps the promises passes, and each way to break one shows."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.audit import Audit
from tests.chaos.cloud import Cloud, Shape, Truth
from tests.chaos.convergence import Convergence
from tests.chaos.member import Life

SHAPE = Shape(2, 3)
MAX_AGE = 3.0


@dataclass(frozen=True)
class Named:
    name: str


class Bench:
    """An audit, a cloud at version 2 since an hour, and what one subscriber would write."""

    def __init__(self, directory: Path) -> None:
        self.cloud = Cloud(directory / "cloud", SHAPE, rate=1000.0)
        self.truth = Truth(SHAPE)
        self.audit = Audit(self.cloud, max_age=MAX_AGE)
        self.life = Life(1, directory / "s1.journal")
        self.now = time.monotonic()
        self.cloud._begins = [self.now - 7200, self.now - 7100, self.now - 3600]

    def take(self, kind: str, member: str = "s1", **fields: Any) -> None:
        self.audit.take(Named(member), "nova", self.life, {"kind": kind, **fields})

    def read(self, version: int) -> None:
        self.take("read", "publisher", version=version)

    def apply(self, seq: int, version: int | None, *, epoch: int = 1, **other: Any) -> None:
        digest = 0 if version is None else self.truth.digest(version)
        line = {"source": "nova", "epoch": epoch, "seq": seq, "version": version}
        self.take("applied", **{**line, "digest": f"{digest:x}", **other})

    def say(self, version: int, *, stale: bool = False, **counters: int) -> None:
        line = {"t": self.now, "source": "nova", "position": [1, 1], "version": version}
        self.take("status", **line, live=True, stale=stale, counters=counters)

    def answer(self, version: int, **other: Any) -> None:
        about = {"position": [1, 1], "stale": False, **other}
        seen = {"rows": [["nova", version]], "as_of": {"nova": about}, "missing": {}}
        self.take("answer", t=self.now, seen=seen, torn={"rows": []})

    def breaks(self) -> str:
        (what,) = self.audit.broken
        return what


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    for version in (0, 1, 2):
        bench.read(version)
    bench.apply(1, 0)
    yield bench
    bench.audit.broken.clear()


def test_what_keeps_the_promises_breaks_nothing(bench: Bench) -> None:
    bench.apply(2, 1)
    bench.apply(3, 2)
    bench.apply(1, 2, epoch=2)
    bench.say(2)
    bench.say(1, stale=True)
    assert bench.audit.broken == []
    assert bench.audit.checks["what is applied is what the cloud was"] == 4


def test_who_begins_with_tables_that_nobody_has_read_breaks_nothing(bench: Bench) -> None:
    bench.life = Life(2, Path("other"))
    bench.apply(0, None)
    bench.apply(1, 0)
    assert bench.audit.broken == []


def test_rows_without_a_version_show(bench: Bench) -> None:
    bench.apply(2, None)
    assert bench.audit.broken[0].startswith("what is applied is what the cloud was")


def test_rows_that_were_lost_or_invented_show(bench: Bench) -> None:
    bench.apply(2, 1, digest=f"{bench.truth.digest(1) + 1:x}")
    assert bench.breaks().startswith("what is applied is what the cloud was")


def test_a_state_that_nobody_published_shows(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.apply(1, 2)
    assert bench.breaks().startswith("what is applied was published")


def test_a_position_that_goes_back_shows(bench: Bench) -> None:
    bench.apply(5, 1)
    bench.apply(4, 1)
    assert bench.breaks().startswith("the position never goes back")


def test_an_older_state_in_the_same_epoch_shows(bench: Bench) -> None:
    bench.apply(2, 2)
    bench.apply(3, 1)
    assert bench.breaks().startswith("an epoch never goes back in time")


def test_two_states_at_one_position_show(bench: Bench) -> None:
    bench.life = Life(2, Path("other"))
    bench.apply(1, 1)
    assert bench.breaks().startswith("one position is one state")


def test_old_rows_that_are_not_marked_show(bench: Bench) -> None:
    bench.say(1)
    assert bench.breaks().startswith("what is too old is marked stale")


def test_a_state_that_has_just_ended_is_not_too_old(bench: Bench) -> None:
    bench.cloud._begins[2] = bench.now - MAX_AGE
    bench.say(1)
    assert bench.audit.broken == []


def test_a_counter_of_own_faults_shows(bench: Bench) -> None:
    bench.say(2, divergence=1)
    assert bench.breaks().startswith("divergence stays 0")


@pytest.mark.parametrize(
    ("fields", "promise"),
    [
        ({"is_alive": False}, "the loop of a node goes on"),
        ({"memory": 2**40}, "the memory of a node is bounded"),
    ],
)
def test_a_node_that_hangs_or_swells_shows(
    bench: Bench, fields: dict[str, Any], promise: str
) -> None:
    line = {"t": bench.now, "is_alive": True, "memory": 1, "counters": {}}
    bench.take("node", **line)
    bench.take("node", **{**line, **fields})
    assert bench.breaks().startswith(promise)


def test_a_node_that_was_stopped_is_not_held_against_it(bench: Bench) -> None:
    bench.life.pauses.append((bench.now - 10, bench.now - 1))
    bench.take("node", t=bench.now, is_alive=False, memory=1, counters={})
    assert bench.audit.broken == []


def test_an_answer_that_mixes_two_states_shows(bench: Bench) -> None:
    seen = {"rows": [], "as_of": {}, "missing": {}}
    bench.take("answer", t=bench.now, seen=seen, torn={"rows": [["nova", 1, 2]]})
    assert bench.breaks().startswith("the engine never sees half a transaction")


def test_an_answer_that_is_not_what_stands_at_its_position_shows(bench: Bench) -> None:
    bench.answer(2)
    assert bench.breaks().startswith("an answer is what was published")


def test_an_old_answer_that_is_not_marked_shows(bench: Bench) -> None:
    bench.answer(0)
    assert bench.breaks().startswith("an answer that is too old is marked stale")
    bench.audit.broken.clear()
    bench.answer(0, stale=True)
    assert bench.audit.broken == []


def test_all_have_converged_when_each_has_said_so_since(bench: Bench) -> None:
    goal = Convergence(bench.audit, ["s1"], ["nova"], version=2, since=bench.now)
    bench.say(2, stale=True)
    assert not goal.look()
    bench.say(1)
    assert not goal.look()
    bench.audit.broken.clear()
    bench.now += 1.0
    bench.say(2)
    assert not goal.look()
    assert "answer to s1" in goal.lacking()
    bench.apply(2, 2)
    bench.now += 0.5
    bench.answer(2, position=[1, 2])
    assert goal.look()
    assert goal.seconds() == pytest.approx((1.0, 1.5))


def test_counts_are_summed_over_lives(bench: Bench) -> None:
    bench.say(2, stale=True, sync=2)
    bench.say(2, stale=True, sync=3)
    bench.life = Life(2, Path("other"))
    bench.say(2, stale=True, sync=1)
    assert bench.audit.totals()["sync"] == 4
