"""Which faults a schedule has, and how often."""

from __future__ import annotations

from dataclasses import dataclass, fields

from congress_dist.clock import Random


@dataclass(frozen=True, slots=True)
class Faults:
    """Probabilities of the faults of one schedule.

    Units: `drop` and `duplicate` per message; `slow` in seconds that a message takes at most; all
        others per step.
    """

    drop: float = 0.0
    duplicate: float = 0.0
    slow: float = 0.01
    lose_last: float = 0.0
    """Everything that is under way is lost, and it was the last for a while."""
    partition: float = 0.0
    """Nothing goes from one process to another for a while; one way."""
    publisher_stop: float = 0.0
    """The publisher stops cleanly, and another starts."""
    publisher_crash: float = 0.0
    publisher_pause: float = 0.0
    """The publisher is stopped for up to twice the lease time, and goes on."""
    lose_first: float = 0.0
    """What a publisher that starts says first is lost."""
    rival: float = 0.0
    """A second process for the same stream starts."""
    slow_read: float = 0.0
    """A table's first read takes longer than the first round."""
    subscriber_crash: float = 0.0
    subscriber_pause: float = 0.0
    database_away: float = 0.0
    database_slow: float = 0.0
    """Lease calls are carried out long after their caller gave up."""
    database_restore: float = 0.0
    """The lease rows are those of a backup."""
    database_lost: float = 0.0
    """The same, with the owner and the memory of the policy service: an epoch may come twice."""
    lease_taken: float = 0.0
    """An operator takes the lease away from whoever holds it."""
    other_wants: float = 0.0
    busy_add: float = 0.0
    """A table is added while its source changes again and again."""
    other_schema: float = 0.0
    """A publisher that starts has another version of a table's schema, or lacks the table."""
    corrupt: float = 0.0
    """A row that is held is changed by a fault of the subscriber."""
    garble: float = 0.0
    """A row of an answer is another one when it arrives."""
    failed_step: float = 0.0
    """A subscriber runs out of memory in the middle of a step, or after it; per step."""
    late: float = 0.0
    """A message takes up to 8 s."""
    slow_bus: float = 0.0
    """What was sent before has not left when more is published; per read."""
    outbox_full: float = 0.0
    """A message finds no room in its publisher's outbox; per message."""
    burst: float = 0.0
    """The source changes many times at once, and each change is published."""

    @property
    def rates(self) -> dict[str, float]:
        """Give the probabilities of those that can happen, by name."""
        return {name: rate for name in FAULT_NAMES if (rate := getattr(self, name)) > 0.0}


CALM = Faults()
_RATES = {
    "drop": (0.05, 0.2, 0.5),
    "duplicate": (0.1, 0.4),
    "late": (0.02, 0.1),
    "slow_bus": (0.2, 0.8),
    "outbox_full": (0.1, 0.4),
    "failed_step": (0.01, 0.1),
    "garble": (0.05, 0.7),
    "lease_taken": (0.05, 0.3),
    "busy_add": (0.1, 0.3),
}
_RATE = (0.03, 0.1)
_PRESENT = 0.3


def draw_faults(rng: Random) -> Faults:
    """Draw the faults of one schedule; swarm testing: each schedule lacks most of them."""
    drawn: dict[str, float] = {"slow": rng.choice((0.002, 0.05, 0.6))}
    for name in FAULT_NAMES:
        if rng.random() < _PRESENT:
            drawn[name] = rng.choice(_RATES.get(name, _RATE))
    return Faults(**drawn)


FAULT_NAMES = tuple(field.name for field in fields(Faults) if field.name != "slow")
