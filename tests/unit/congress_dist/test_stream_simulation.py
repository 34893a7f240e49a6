"""docs/protocol.md section 5 under drawn faults; a failing seed is named and replays exactly."""

from __future__ import annotations

import pytest

from congress_dist.testing import stream_simulation
from congress_dist.testing.stream_simulation import STEPS, StreamWorld, main, run_schedules

SEEDS_PER_TEST = 50


@pytest.mark.parametrize("first", range(0, 300, SEEDS_PER_TEST))
def test_no_schedule_breaks_a_promise(first: int) -> None:
    run_schedules(range(first, first + SEEDS_PER_TEST))


def test_simulation_takes_the_paths_that_it_is_for() -> None:
    taken = run_schedules(range(60))
    for name in (
        "adopted",
        "buffer_overflow",
        "divergence",
        "duplicate",
        "gap",
        "late_answer",
        "outdated",
        "sync_failed",
        "synced",
    ):
        assert taken[name] > 0, name


def test_one_seed_gives_one_run() -> None:
    runs = []
    for _ in range(2):
        world = StreamWorld(17)
        world.run(STEPS)
        positions = [subscriber.position for subscriber in world.subscribers]
        runs.append((world.now, positions, world.counters, world.rng.random()))
    assert runs[0] == runs[1]


def test_command_says_how_many_schedules_held(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seed", "5", "--count", "3"]) == 0

    assert "3 schedules from seed 5 hold" in capsys.readouterr().out


def test_command_names_the_seed_that_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenWorld(StreamWorld):
        def heal(self) -> None:
            assert self.seed != 7, "rows were lost"

        def __init__(self, seed: int) -> None:
            self.seed = seed
            super().__init__(seed)

    monkeypatch.setattr(stream_simulation, "StreamWorld", BrokenWorld)

    assert main(["--seed", "6", "--count", "3"]) == 1
    assert "seed 7 breaks a promise" in capsys.readouterr().out
