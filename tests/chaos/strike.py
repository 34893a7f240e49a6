"""Faults injected together, held, healed, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random

from .faults import Fault
from .world import World

EFFECT_SECONDS = 40.0
COUNTED = {
    "losses": ("gap",),
    "syncs": ("sync",),
    "snapshots": ("snapshot",),
    "replays": ("replay",),
    "bytes": ("sync_bytes",),
}
"""What is told of each strike, and which counters of the nodes say it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One strike: what was injected, how long all took to converge, what the nodes counted."""

    faults: tuple[str, ...]
    converged: float
    answered: float
    counts: dict[str, int]

    def __str__(self) -> str:
        words = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        what = " + ".join(self.faults)
        return (
            f"{what}: converged in {self.converged:.2f} s, answers {self.answered:.2f} s; {words}"
        )


def strike(
    world: World, faults: Sequence[Fault], rng: Random, *, versions: int | None = None
) -> Outcome:
    """Inject faults, hold them, heal them, and wait until all converge.

    Shapes: held until each has had its effect, or, with `versions`, until the cloud has moved on
        by so many.
    Raises: NotReached: a fault had no effect, or something does not converge.
    """
    before = world.audit.totals()
    with ExitStack() as healing:
        effects = [healing.enter_context(fault.inject(world, rng)) for fault in faults]
        names = tuple(fault.name for fault in faults)
        if versions is None:
            for name, effect in zip(names, effects, strict=True):
                world.wait(effect, EFFECT_SECONDS, f"{name}: it has its effect")
        else:
            world.pass_versions(versions)
    converged, answered = world.converge()
    return Outcome(names, converged, answered, counts_between(before, world.audit.totals()))


def counts_between(before: Counter[str], after: Counter[str]) -> dict[str, int]:
    """Give what was counted from one look to another."""
    return {
        name: sum(after[counter] - before[counter] for counter in counters)
        for name, counters in COUNTED.items()
    }
