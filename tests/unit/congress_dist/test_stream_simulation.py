"""docs/protocol.md section 5 under drawn faults; a failing seed is named and replays exactly."""

from __future__ import annotations

from collections import Counter

import pytest

from congress_dist.testing.stream_simulation import StreamWorld

SEEDS_PER_TEST = 50
STEPS = 60


@pytest.mark.parametrize("first", range(0, 300, SEEDS_PER_TEST))
def test_no_schedule_breaks_a_promise(first: int) -> None:
    for seed in range(first, first + SEEDS_PER_TEST):
        try:
            StreamWorld(seed).run(STEPS)
        except Exception as error:
            raise AssertionError(f"seed {seed} breaks a promise: {error!r}") from error


def test_simulation_takes_the_paths_that_it_is_for() -> None:
    taken: Counter[str] = Counter()
    for seed in range(60):
        world = StreamWorld(seed)
        world.run(STEPS)
        taken += world.counters
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
