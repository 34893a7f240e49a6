"""One schedule: faults happen at random, then they end, then everybody must come to the truth."""

# ruff: noqa: S101 - the assertions are the purpose

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from congress_dist.clock import Random, new_random
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import READY, StateKind
from congress_dist.protocol.subscriber import MAX_SETBACK

from .faults import draw_faults
from .publisher_node import SLOWEST_READ, PublisherNode
from .subscriber_node import SubscriberNode
from .world import LATEST, TABLES, World

_STEPS = (8, 16, 32)
_STEP = 0.5
"""Seconds between looks at whether everybody has arrived."""
_REPAIRED = 300.0
"""Seconds until rows that were changed by a fault are right for good: repairs are up to a minute
apart, three more may be spoiled, and the next full heartbeat shows it."""
_WANTS_IN_BURST = 0.1
_IS_PUSHED = 0.5
_MOST_CHANGES = 30
"""Of a source while a table is added."""
_SYNCS_PER_CAUSE = 10
"""Requests that one fault, or one start, may lead to while it lasts."""
_SYNCS_PER_SECOND = 6
"""Requests of a subscriber whose publisher cannot lead it on yet: each heartbeat begins the
back-off anew."""
_CALM_STEPS = 8
_STAYS = 0.1
"""Part of the schedules in which everybody must also stay there."""


def run_schedule(seed: int) -> World:
    """Run one schedule; give the world as it ends.

    Raises: AssertionError: something is not as docs/protocol.md section 5 promises.
    """
    rng = new_random(seed)
    schedule = Schedule(World(rng, draw_faults(rng), draw_options(rng)))
    schedule.start()
    schedule.run(rng.choice(_STEPS))
    return schedule.world


def draw_options(rng: Random) -> DseOptions:
    """Draw the bounds: small ones, so that they are reached."""
    return replace(
        DseOptions(),
        log_transactions=rng.choice((2, 20)),
        log_bytes=rng.choice((1000, DseOptions().log_bytes)),
        buffer_bytes=rng.choice((2000, 100_000)),
        chunk_bytes=rng.choice((6, 10_000)),
        max_inline_bytes=rng.choice((80, 800, 10_000)),
        snapshots_kept=rng.choice((1, 4)),
        pull_time=rng.choice((0.2, 60.0)),
        full_heartbeat_interval=rng.choice((2.0, 10.0)),
        lease_time=rng.choice((3.0, 6.0)),
        lease_renewal=1.0,
    )


class Schedule:
    """What happens to a world, step by step."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._rng = world.rng
        self._began_at = world.now
        self._looks = 0
        self.happenings = self._list_happenings()
        """What can happen in a step, by the name of its fault."""

    def start(self) -> None:
        """Start a publisher and some subscribers."""
        self.world.start_publisher()
        for _ in range(self._rng.choice((1, 2, 2, 3))):
            self.world.start_subscriber(self._draw_wanted())

    def run(self, steps: int) -> None:
        """Let faults happen, end them, and see that everybody comes to the truth."""
        for _ in range(steps):
            self._disturb()
            self.pass_time(self._rng.choice((0.001, 0.02, 0.2, 1.0)))
        self.heal()

    # --- faults ---------------------------------------------------------------------------------

    def _disturb(self) -> None:
        world, rng = self.world, self._rng
        if rng.random() < 0.7:
            world.change_source()
        for owner in world.owners:
            if rng.random() < 0.7:
                tables = rng.sample(TABLES, rng.randint(1, len(TABLES)))
                owner.stimulate(partial(owner.read, tables))
        for fault in world.rates:
            if fault in self.happenings and world.happens(fault):
                self.happenings[fault]()
        self._looks += 1  # at one of them in turn: many looks are more than each step needs
        subscriber = world.subscribers[self._looks % len(world.subscribers)]
        subscriber.check_staleness()
        subscriber.check_ages()

    def _list_happenings(self) -> dict[str, Callable[[], None]]:
        return {
            "lose_last": lambda: self.world.lose_all(self._rng.uniform(0.05, 3.0)),
            "partition": self._partition,
            "publisher_stop": self._stop_publisher,
            "publisher_crash": self._crash_publisher,
            "publisher_pause": lambda: self._any_publisher().pause(self._long()),
            "rival": self._start_rival,
            "subscriber_crash": self._crash_subscriber,
            "subscriber_pause": lambda: self._any_subscriber().pause(self._rng.uniform(0.1, 8.0)),
            "database_away": self._take_database_away,
            "database_slow": self._slow_database,
            "database_restore": self._restore_database,
            "database_lost": self._lose_database,
            "lease_taken": self.world.database.take_away,
            "burst": self._burst,
            "other_wants": lambda: self._any_subscriber().want(self._draw_wanted()),
            "busy_add": self._add_while_busy,
            "corrupt": lambda: self._any_subscriber().corrupt(),
        }

    def _burst(self) -> None:
        for _ in range(self._rng.randint(3, 12)):
            self._change_and_tell()
            if self._rng.random() < _WANTS_IN_BURST:
                self._any_subscriber().want(self._draw_wanted())
            self.pass_time(self._rng.choice((0.0, 0.005, 0.03)))

    def _add_while_busy(self) -> None:
        """Let transactions overtake the answer that adds a table."""
        node = self._any_subscriber()
        if not node.machine.is_live or node.is_paused:
            return
        node.stimulate(partial(node.want, {self._rng.choice(TABLES)}))
        node.stimulate(partial(node.want, set(TABLES)))
        for _ in range(_MOST_CHANGES):
            if node.machine.is_live:
                return
            self._change_and_tell()
            self.pass_time(self._rng.choice((0.0, 0.02, 0.05)))

    def _change_and_tell(self) -> None:
        self.world.change_source()
        for owner in self.world.owners:
            is_pushed = self._rng.random() < _IS_PUSHED
            owner.stimulate(owner.push if is_pushed else partial(owner.read, TABLES))

    def _partition(self) -> None:
        names = [node.name for node in (*self.world.publishers, *self.world.subscribers)]
        sender, receiver = self._rng.sample([*names, "policy"], 2)
        self.world.cut(sender, receiver, self._rng.uniform(0.5, 2 * self.world.options.lease_time))

    def _stop_publisher(self) -> None:
        node = self._any_publisher()
        if not node.is_paused:
            self.world.publishers.remove(node)
            node.stop()
            self.world.start_publisher()

    def _crash_publisher(self) -> None:
        node = self._any_publisher()
        self.world.publishers.remove(node)
        node.die()
        # With a supervisor, who says whom the next one replaces; or started by hand.
        self.world.start_publisher(replaces=self._rng.choice((node.incarnation, None)))

    def _start_rival(self) -> None:
        if len(self.world.publishers) < 3:
            self.world.start_publisher()

    def _crash_subscriber(self) -> None:
        node = self._any_subscriber()
        self.world.subscribers.remove(node)
        node.die()
        self.world.start_subscriber(self._draw_wanted())

    def _take_database_away(self) -> None:
        database = self.world.database
        database.is_away = True
        self.world.timeline.after(self._long(), lambda: setattr(database, "is_away", False))

    def _slow_database(self) -> None:
        database = self.world.database
        database.delay = self._rng.uniform(1.0, 8.0)
        self.world.timeline.after(self._long(), lambda: setattr(database, "delay", 0.0))

    def _restore_database(self) -> None:
        if self._rng.random() < 0.5:
            self.world.database.save()
        else:
            self.world.database.restore()
            self.world.was_restored = True

    def _lose_database(self) -> None:
        for node in self.world.owners[:1]:
            self.world.publishers.remove(node)
            node.die()
            self.world.start_publisher()
        self.world.database.forget_grant()
        self.world.was_restored = True
        self.world.knows_nothing_until = self.world.now + self._rng.uniform(0.1, 3.0)

    def _any_publisher(self) -> PublisherNode:
        return self._rng.choice(self.world.publishers)

    def _any_subscriber(self) -> SubscriberNode:
        return self._rng.choice(self.world.subscribers)

    def _long(self) -> float:
        return self._rng.uniform(0.5, 2 * self.world.options.lease_time)

    def _draw_wanted(self) -> set[str]:
        most = len(TABLES)
        return set(self._rng.sample(TABLES, self._rng.choice((1, 2, most, most))))

    # --- the end --------------------------------------------------------------------------------

    def heal(self) -> None:
        """End all faults, and let everybody come to the truth within the promised time."""
        world, options = self.world, self.world.options
        causes = len(world.subscribers) + world.faults
        self._check_syncs(world.taken["sync"], causes, seconds=world.now - self._began_at)
        is_late = "late" in world.rates
        world.heal()
        world.source_states = dict.fromkeys(TABLES, READY)
        healed_at, syncs = world.now, world.taken["sync"]
        # What is under way may be late; a candidate looks until lease_time is over, and a call
        # whose answer was lost before is noticed by its timeout; then come the first reads.
        settled = 2 * LATEST + options.lease_time + 4 * options.lease_renewal
        settled += 2 * (options.lease_call_timeout + options.backoff_max)
        settled += options.first_round + SLOWEST_READ
        self._pass_until(self._is_settled, settled, "nobody or more than one publishes")
        # Section 5, convergence: two heartbeats, a back-off and a sync, once nothing is under way
        # any more and a request that was lost before the end was noticed by its timeout.
        last_word = healed_at + (LATEST if is_late else 0.0) + options.sync_timeout
        bound = max(0.0, last_word - world.now)
        bound += 2.4 * options.heartbeat_interval + options.backoff_max + _STEP
        if options.snapshots_kept == 1:  # one that was given up half way keeps others waiting
            bound += options.sync_timeout
        is_faulty = world.was_garbled or any(node.is_corrupt for node in world.subscribers)
        if is_faulty:
            bound += _REPAIRED
        if world.taken["fault failed_step"]:
            bound += MAX_SETBACK
        self._pass_until(lambda: not self.differences(), bound, self.differences)
        if is_faulty:
            return
        syncs = world.taken["sync"] - syncs
        self._check_syncs(syncs, len(world.subscribers), seconds=world.now - healed_at)
        if self._rng.random() < _STAYS:
            self._stay()

    def _stay(self) -> None:
        """See that everybody stays there, and that nothing is said to be stale without a cause."""
        self.pass_time(LATEST)  # of what was under way some may be of an earlier publisher
        syncs, epochs = self.world.taken["sync"], self._epochs()
        for _ in range(_CALM_STEPS):
            self.pass_time(_STEP)
            for owner in self.world.owners:
                owner.stimulate(partial(owner.read, TABLES))
        self.pass_time(_STEP)
        assert not self.differences(), self.differences()
        has_all = all(owner.tables.keys() >= set(TABLES) for owner in self.world.owners)
        # A table that its source does not have is asked for with each full heartbeat; and of a
        # lease row from a backup its owner may hear late: then it begins a new epoch.
        has_cause = not has_all or self._epochs() != epochs
        is_calm = self.world.taken["sync"] == syncs
        assert has_cause or is_calm, "asks though nothing is missing"
        max_age, told_every = self.world.max_age, 1.2 * self.world.options.heartbeat_interval
        if max_age is not None and max_age < told_every + 2 * _STEP:
            return  # nobody can know that all is well
        for subscriber in self.world.subscribers:
            stale = subscriber.stale_tables()
            assert not stale, (subscriber.name, stale, "stale though all is well")

    def _epochs(self) -> list[int | None]:
        return [subscriber.machine.epoch for subscriber in self.world.subscribers]

    def _check_syncs(self, syncs: int, causes: int, *, seconds: float) -> None:
        """Assert that nobody asks again and again."""
        while_missed = _SYNCS_PER_SECOND * seconds * len(self.world.subscribers)
        most = _SYNCS_PER_CAUSE * causes + while_missed
        assert syncs <= most, (syncs, most, "syncs are more than the faults explain")

    def _is_settled(self) -> bool:
        """Tell whether one process publishes, and has read every table."""
        owners = self.world.owners
        if len(owners) != 1 or owners[0].stream.machine is None:
            return False
        machine = owners[0].stream.machine
        kinds = {state.kind for state in machine.states().values()}
        return machine.seq > 0 and StateKind.UNREAD not in kinds

    def differences(self) -> list[str]:
        """Give what keeps everybody from having the publisher's rows."""
        owners = self.world.owners
        if len(owners) != 1 or owners[0].stream.machine is None:
            return [f"{len(owners)} publish"]
        publisher = owners[0].stream.machine
        found = []
        for subscriber in self.world.subscribers:
            machine = subscriber.machine
            if not machine.is_live or machine.position != (publisher.epoch, publisher.seq):
                found.append(f"{subscriber.name} is at {machine.position}")
                continue
            states = publisher.states()
            for name in sorted(subscriber.wanted & states.keys()):
                held = machine.holding.tables.get(name)
                if held is None or held.content.rows != publisher.rows(name):
                    found.append(f"{subscriber.name} has other rows of {name}")
                elif held.state != states[name]:
                    found.append(f"{subscriber.name} has another state of {name}")
        found += [
            f"{owners[0].name} has other rows of {name} than the source"
            for name in sorted(publisher.states())
            if publisher.rows(name) != self.world.source[name]
        ]
        return found

    def pass_time(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.world.timeline.pass_until(self.world.now + seconds)

    def _pass_until(self, holds: Callable[[], bool], bound: float, what: object) -> None:
        end = self.world.now + bound
        while not holds():
            if self.world.now >= end:
                raise AssertionError(what() if callable(what) else what)
            self.pass_time(_STEP)
            for owner in self.world.owners:
                owner.stimulate(partial(owner.read, TABLES))
