"""Many schedules, on several processors, and what they came across."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from .faults import FAULT_NAMES
from .schedule import run_schedule
from .section4 import ROWS

OUTCOMES = frozenset(
    {
        "a beat not higher",
        "adopted",
        "bad_answer",
        "brought_forward",
        "buffer_overflow",
        "conflict",
        "divergence",
        "given_up",
        "gap",
        "late_answer",
        "lease call failed",
        "lease call late",
        "overtaken",
        "pull_mismatch",
        "snapshot_gone",
        "sync_busy",
        "sync_failed",
        "sync_not_yet",
        "synced",
    }
)
"""What a subscriber or a lease holder can meet beside the rows of the table."""
EXPECTED = ROWS | OUTCOMES | {f"fault {name}" for name in FAULT_NAMES}
"""All that a large run must have come across many times."""
_BATCH = 100


class BrokenPromise(Exception):
    """A schedule showed what must not be; its cause is the assertion that failed."""

    def __init__(self, seed: int, error: str) -> None:
        super().__init__(seed, error)
        self.seed = seed
        self.error = error

    def __str__(self) -> str:
        return f"seed {self.seed} breaks a promise: {self.error}"


def run_seeds(seeds: Sequence[int]) -> Counter[str]:
    """Run one schedule for each seed; give how often each path was taken.

    Raises: BrokenPromise: for the first seed that fails.
    """
    taken: Counter[str] = Counter()
    for seed in seeds:
        try:
            world = run_schedule(seed)
        except Exception as error:
            raise BrokenPromise(seed, repr(error)) from error
        taken += world.taken
    return taken


def run_many(seeds: Sequence[int], *, jobs: int) -> Iterator[tuple[int, Counter[str]]]:
    """Run schedules on several processors; give after each batch how many and what they took.

    Raises: BrokenPromise: for the first seed, in their order, that fails; later ones are not run.
    """
    batches = [seeds[start : start + _BATCH] for start in range(0, len(seeds), _BATCH)]
    if jobs == 1:
        for batch in batches:
            yield len(batch), run_seeds(batch)
        return
    with ProcessPoolExecutor(jobs, initializer=_be_quiet) as pool:
        try:
            for batch, taken in zip(batches, pool.map(run_seeds, batches), strict=True):
                yield len(batch), taken
        finally:
            pool.shutdown(cancel_futures=True)


def rare(taken: Counter[str], at_least: int) -> list[str]:
    """Give what was met less often than it should have been."""
    return sorted(name for name in EXPECTED if taken[name] < at_least)


def _be_quiet() -> None:
    logging.disable(logging.CRITICAL)
