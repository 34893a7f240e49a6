"""docs/protocol.md section 5 under drawn faults; a failing seed is named and replays exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import pytest

from congress_dist.protocol.holding import Holding
from congress_dist.protocol.messages import Delta
from congress_dist.protocol.published_table import PublishedTable, ReadStep, TableRead, TableResult
from congress_dist.protocol.stream import Transaction
from congress_dist.testing.simulation import __main__ as command
from congress_dist.testing.simulation import runs
from congress_dist.testing.simulation.runs import rare, run_many
from congress_dist.testing.simulation.schedule import run_schedule

SCHEDULES = 20_000
FREQUENT = 100
SHOW_RUNS = """
from congress_dist.testing.simulation.schedule import run_schedule
for seed in [*range(40), 11935]:
    world = run_schedule(seed)
    print(seed, world.now, world.rng.random(), sorted(world.taken.items()))
"""


@pytest.mark.timeout(900)
def test_no_schedule_breaks_a_promise_and_every_row_and_fault_is_met_often() -> None:
    taken: runs.Counter[str] = runs.Counter()
    for _, batch in run_many(range(SCHEDULES), jobs=os.cpu_count() or 1):
        taken += batch
    assert rare(taken, FREQUENT) == []


def test_one_seed_gives_one_run() -> None:
    first, second = run_schedule(17), run_schedule(17)
    assert first.taken == second.taken
    assert (first.now, first.rng.random()) == (second.now, second.rng.random())


def test_one_seed_gives_one_run_whatever_the_order_of_sets() -> None:
    shown = [
        subprocess.run(
            [sys.executable, "-c", SHOW_RUNS],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for hash_seed in ("1", "2", "3")
    ]
    assert shown[0] == shown[1] == shown[2]


def test_command_says_how_many_schedules_held(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--seed", "5", "--count", "3", "--jobs", "1"]) == 0

    assert "3 schedules from seed 5 hold" in capsys.readouterr().out


def test_command_names_the_seed_that_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[int] = []

    def break_the_third(seed: int) -> object:
        ran.append(seed)
        assert seed != 8, "rows were lost"
        return run_schedule(seed)

    monkeypatch.setattr(runs, "run_schedule", break_the_third)

    assert command.main(["--seed", "6", "--count", "4", "--jobs", "1"]) == 1
    assert "seed 8 breaks a promise: AssertionError('rows were lost" in capsys.readouterr().out
    assert ran == [6, 7, 8]


def test_large_run_that_hardly_met_something_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_EXPECTED_FROM", 2)

    assert command.main(["--count", "2", "--jobs", "1"]) == 1
    assert "times: fault drop" in capsys.readouterr().out


def test_listener_that_is_told_less_than_there_is_is_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = Holding.apply

    def tell_less(holding: Holding, delta: Delta) -> Transaction:
        return replace(whole(holding, delta), tables={})

    monkeypatch.setattr(Holding, "apply", tell_less)

    with pytest.raises(AssertionError, match="a listener missed a row"):
        run_schedule(1)


def test_publisher_that_forgets_rows_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is compared with the source, not with what it says of itself."""
    whole = PublishedTable.plan

    def forget(table: PublishedTable, read: TableRead) -> ReadStep:
        if isinstance(read, TableResult) and read.rows:
            read = replace(read, rows=frozenset(sorted(read.rows)[1:]))
        return whole(table, read)

    monkeypatch.setattr(PublishedTable, "plan", forget)

    with pytest.raises(AssertionError, match="not what the source had"):
        run_schedule(1)
