"""The simulated world under hypothesis: slower than drawn schedules, but what fails is shrunk."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from congress_dist.clock import new_random
from congress_dist.testing.simulation.faults import CALM
from congress_dist.testing.simulation.schedule import Schedule, draw_options
from congress_dist.testing.simulation.world import TABLES, World

FAULTS = sorted(Schedule(World(new_random(1), CALM, draw_options(new_random(1)))).happenings)
NETWORKS = {
    "calm": CALM,
    "lossy": replace(CALM, drop=0.3),
    "slow": replace(CALM, slow=0.6, duplicate=0.3),
    "late": replace(CALM, late=0.2),
}


class Streams(RuleBasedStateMachine):
    """One stream; every promise is checked at each step, and at the end everybody converges."""

    @initialize(seed=st.integers(0, 1000), network=st.sampled_from(sorted(NETWORKS)))
    def begin(self, seed: int, network: str) -> None:
        rng = new_random(seed)
        self.world = World(rng, NETWORKS[network], draw_options(rng))
        self.schedule = Schedule(self.world)
        self.schedule.start()

    @rule(tables=st.sets(st.sampled_from(TABLES), min_size=1))
    def change_and_read(self, tables: set[str]) -> None:
        self.world.change_source()
        for owner in self.world.owners:
            owner.stimulate(partial(owner.read, sorted(tables)))

    @rule(seconds=st.sampled_from((0.001, 0.02, 0.2, 1.0, 4.0)))
    def let_time_pass(self, seconds: float) -> None:
        self.schedule.pass_time(seconds)

    @rule(fault=st.sampled_from(FAULTS))
    def disturb(self, fault: str) -> None:
        self.schedule.happenings[fault]()

    @rule()
    def look_at_ages(self) -> None:
        for subscriber in self.world.subscribers:
            if not subscriber.is_paused:
                subscriber.check_staleness()

    def teardown(self) -> None:
        if hasattr(self, "schedule"):
            self.schedule.heal()


TestStreams = Streams.TestCase
TestStreams.settings = settings(max_examples=60, stateful_step_count=25)
