"""One stream from one seed: a publisher that restarts, subscribers, and a network that loses,
repeats, delays and reorders.

The machines are the ones that run in production. Time is virtual. After each step everything that
docs/protocol.md section 5 promises is compared with the truth; when the faults end, everybody must
have the publisher's rows within a bound.

As a program it runs many seeds, and says how many a second and which one fails:
`python -m congress_dist.testing.stream_simulation --seed 1 --count 2000`.
"""

# ruff: noqa: S101 - the assertions are the purpose

from __future__ import annotations

import argparse
import heapq
import itertools
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from congress_dist.clock import Random, SystemClock, new_random
from congress_dist.codec import decode, encode
from congress_dist.effects import Alarm, Apply, Count, Effect, RequestSync, Send
from congress_dist.messages import ChunkRequest, Message, SyncReply, SyncRequest
from congress_dist.options import DseOptions
from congress_dist.publisher import Identity, Published, Publisher, TableResult
from congress_dist.row import Row, encode_row
from congress_dist.stream import (
    READY,
    Epoch,
    Position,
    StateKind,
    TableState,
    Transaction,
    failing,
    unavailable,
)
from congress_dist.subscriber import Subscriber

TABLES = ("servers", "ports", "users")
SOURCE = "nova"
STEPS = 60
"""Disturbances of one schedule."""
_VERSION = "v1"
_STATES = (READY, READY, READY, failing("timeout"), unavailable("no service"))
_M = TypeVar("_M")


@dataclass(frozen=True, slots=True)
class Mix:
    """The faults of one run: probabilities per message or per step, times in seconds."""

    drop: float
    duplicate: float
    slow: float
    restart: float
    crash: float
    zombie: float
    corrupt: float

    @classmethod
    def draw(cls, rng: Random) -> Mix:
        """Draw a mix; swarm testing: many of them lack a fault altogether."""
        return cls(
            drop=rng.choice((0.0, 0.05, 0.2, 0.5)),
            duplicate=rng.choice((0.0, 0.1, 0.4)),
            slow=rng.choice((0.01, 0.1, 1.0)),
            restart=rng.choice((0.0, 0.01, 0.05)),
            crash=rng.choice((0.0, 0.01)),
            zombie=rng.choice((0.0, 0.5)),
            corrupt=rng.choice((0.0, 0.0, 0.01)),
        )


CALM = Mix(0.0, 0.0, 0.01, 0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Truth:
    """A table at one position, as its publisher had it."""

    rows: frozenset[Row]
    state: TableState


class SimulatedPublisher:
    """One incarnation, with the source that it reads."""

    def __init__(self, world: StreamWorld, epoch: int) -> None:
        self.world = world
        self.incarnation = f"incarnation-{epoch}"
        self.is_dead = False
        self.reads_late = {name for name in TABLES if world.rng.random() < 0.2}
        self.machine = Publisher(
            Identity(SOURCE, "ds1", self.incarnation, Epoch(epoch)),
            {name: Published(_VERSION) for name in TABLES},
            options=world.options,
            beats=itertools.count(1),
            rng=world.rng,
            now=world.now,
        )

    def read(self, *names: str) -> None:
        """Read some tables of the source and publish what that found."""
        rng = self.world.rng
        reads = {}
        for name in names:
            state = rng.choice(_STATES)
            is_read = state.kind is not StateKind.FAILING
            reads[name] = TableResult(self.world.source[name] if is_read else None, state)
        self.world.sent(self, self.machine.publish(reads, self.world.now))

    def tick(self) -> None:
        """Let time pass."""
        if self.world.now >= self.machine.next_tick:
            self.world.sent(self, self.machine.on_tick(self.world.now))

    def answer(self, request: SyncRequest | ChunkRequest) -> SyncReply:
        """Answer a subscriber."""
        if isinstance(request, SyncRequest):
            return self.machine.on_sync(request, self.world.now)
        return self.machine.on_chunk(request, self.world.now)


class SimulatedSubscriber:
    """One subscriber, and a listener that sees only its transactions."""

    def __init__(self, world: StreamWorld, wanted: set[str]) -> None:
        self.world = world
        self.wanted = wanted
        self.is_corrupt = False
        self.is_dead = False
        self.machine = Subscriber(SOURCE, options=world.options, rng=world.rng, now=world.now)
        self.mirror: dict[str, set[Row]] = {}
        self.states: dict[str, TableState] = {}
        self.position: Position | None = None
        self.step(self.machine.want(wanted, world.now))

    def want(self, wanted: set[str]) -> None:
        """Change what is wanted."""
        self.wanted = wanted
        for name in self.mirror.keys() - wanted:
            del self.mirror[name]
            self.states.pop(name, None)
        self.step(self.machine.want(wanted, self.world.now))

    def tick(self) -> None:
        """Let time pass."""
        if self.world.now >= self.machine.next_tick:
            self.step(self.machine.on_tick(self.world.now))

    def corrupt(self) -> None:
        """Change a row behind the machine's back, as a fault in `apply` would."""
        held = self.machine._holding.tables
        name = self.world.rng.choice(sorted(held)) if held else None
        if name is None or not held[name].is_syncable or held[name].is_unread:
            return
        row = encode_row((99,))
        content = held[name].content
        content.apply(content.net_of(set(), {row}))
        self.mirror.setdefault(name, set()).add(row)
        self.is_corrupt = True

    def step(self, effects: list[Effect]) -> None:
        """Carry effects out and check everything that is promised."""
        for effect in effects:
            if isinstance(effect, Apply):
                self._apply(effect.transaction)
            elif isinstance(effect, RequestSync):
                self.world.request(self, effect)
            elif isinstance(effect, Count):
                self.world.counters[effect.name] += 1
            elif isinstance(effect, Alarm):
                assert self.is_corrupt, effect
        self.machine.check()
        self._check_against_truth()

    def _apply(self, transaction: Transaction) -> None:
        assert self.position is None or transaction.position >= self.position, "went back"
        self.position = transaction.position
        self.states.update(transaction.states)
        for name, change in transaction.tables.items():
            rows = self.mirror.setdefault(name, set())
            assert change.removed <= rows, "removed what was not there"
            assert not change.added & rows, "added what was there"
            rows -= change.removed
            rows |= change.added

    def _check_against_truth(self) -> None:
        position = self.machine.position
        assert position == self.position, "a listener was not told of a position"
        for name, held in self.machine._holding.tables.items():
            assert self.mirror.get(name, set()) == held.content.rows, "a listener missed a row"
            assert self.states.get(name) == held.state, "a listener missed a state"
            if self.is_corrupt or not held.is_syncable:
                continue
            at = held.read_position or position
            assert at is not None
            truth = self.world.history[at][name]
            if held.was_read:
                assert held.content.rows == truth.rows, (name, at, "not what was published")
                assert held.state == truth.state, (name, at, "not the state that was published")
            else:
                assert not held.content.rows, "rows of a table that was never read"


class StreamWorld:
    """Everybody, the network between them, and the clock."""

    def __init__(
        self, seed: int, *, subscribers: int = 2, options: DseOptions | None = None
    ) -> None:
        self.rng = new_random(seed)
        self.now = 1000.0
        self.mix = Mix.draw(self.rng)
        self.options = options or replace(
            DseOptions(),
            log_transactions=self.rng.choice((2, 20)),
            buffer_bytes=self.rng.choice((2000, 100_000)),
            chunk_bytes=self.rng.choice((6, 10_000)),
            max_inline_bytes=self.rng.choice((80, 10_000)),
            full_heartbeat_interval=self.rng.choice((2.0, 10.0)),
        )
        self.uses_codec = self.rng.random() < 0.2
        self.counters: Counter[str] = Counter()
        self.history: dict[Position, dict[str, Truth]] = {}
        self.source = {name: frozenset({encode_row((i,)) for i in range(3)}) for name in TABLES}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._epoch = 0
        self.zombies: list[SimulatedPublisher] = []
        self.publisher = self._start_publisher()
        self.subscribers = [
            SimulatedSubscriber(self, self._draw_wanted()) for _ in range(subscribers)
        ]

    # --- the run --------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Let faults happen, end them, and see that everybody comes to the truth."""
        for _ in range(steps):
            self._disturb()
            self.pass_time(self.rng.choice((0.001, 0.02, 0.2, 1.0)))
        self.heal()

    def heal(self) -> None:
        """End all faults and let the promised time pass."""
        self.mix = CALM
        self.zombies.clear()
        self.publisher.reads_late.clear()
        self._read_all()
        options = self.options
        # Section 5, convergence; a request that was lost before the end is noticed by its timeout,
        # and what
        # differs at an equal position by the next two full heartbeats.
        bound = 2.4 * options.heartbeat_interval + options.backoff_max + options.sync_timeout + 1.0
        if any(subscriber.is_corrupt for subscriber in self.subscribers):
            bound += 90.0
        self.pass_time(bound)
        for subscriber in self.subscribers:
            self._assert_converged(subscriber)

    def pass_time(self, seconds: float) -> None:
        """Deliver what arrives and tick who is due until then."""
        end = self.now + seconds
        while True:
            due = min(self._next_tick(), self._events[0][0] if self._events else end)
            if due > end:
                break
            self.now = max(self.now, due)
            while self._events and self._events[0][0] <= self.now:
                heapq.heappop(self._events)[2]()
            self._tick_all()
            if due >= end:
                break
        self.now = end

    def _tick_all(self) -> None:
        for publisher in (self.publisher, *self.zombies):
            publisher.tick()
        for subscriber in self.subscribers:
            subscriber.tick()

    def _next_tick(self) -> float:
        machines = [p.machine.next_tick for p in (self.publisher, *self.zombies)]
        return min(machines + [s.machine.next_tick for s in self.subscribers])

    def _assert_converged(self, subscriber: SimulatedSubscriber) -> None:
        machine, publisher = subscriber.machine, self.publisher.machine
        assert machine.is_live, "not live"
        assert machine.position == (publisher.epoch, publisher.seq), "not at the newest position"
        for name in subscriber.wanted:
            assert machine.rows(name) == publisher.rows(name), (name, "other rows")
            state = machine.status(self.now).tables[name].state
            assert state == publisher.states()[name], (name, "another state")

    # --- what happens ---------------------------------------------------------------------------

    def _disturb(self) -> None:
        rng, mix = self.rng, self.mix
        if rng.random() < 0.7:
            self._change_source()
            self.publisher.read(*rng.sample(TABLES, rng.randint(1, len(TABLES))))
        for zombie in self.zombies:
            if rng.random() < 0.3:
                zombie.read(rng.choice(TABLES))
        if rng.random() < mix.restart:
            self._restart_publisher()
        if rng.random() < mix.crash:
            index = rng.randrange(len(self.subscribers))
            self.subscribers[index].is_dead = True
            self.subscribers[index] = SimulatedSubscriber(self, self._draw_wanted())
        if rng.random() < 0.05:
            rng.choice(self.subscribers).want(self._draw_wanted())
        if rng.random() < mix.corrupt:
            rng.choice(self.subscribers).corrupt()

    def _change_source(self) -> None:
        name = self.rng.choice(TABLES)
        row = encode_row((self.rng.randrange(8),))
        self.source[name] = self.source[name] ^ {row}

    def _read_all(self) -> None:
        reads = {name: TableResult(rows, READY) for name, rows in self.source.items()}
        self.sent(self.publisher, self.publisher.machine.publish(reads, self.now))

    def _restart_publisher(self) -> None:
        if self.rng.random() < self.mix.zombie:
            self.zombies = [self.publisher]
        else:
            self.publisher.is_dead = True
        self.publisher = self._start_publisher()

    def _start_publisher(self) -> SimulatedPublisher:
        self._epoch += self.rng.choice((1, 1, 3))
        publisher = SimulatedPublisher(self, self._epoch)
        for name in TABLES:
            delay = self.rng.uniform(1.0, 6.0) if name in publisher.reads_late else 0.1
            self._at(self.now + delay, partial(self._first_read, publisher, name))
        return publisher

    def _first_read(self, publisher: SimulatedPublisher, name: str) -> None:
        if not publisher.is_dead:
            publisher.read(name)

    def _draw_wanted(self) -> set[str]:
        return set(self.rng.sample(TABLES, self.rng.randint(1, len(TABLES))))

    # --- the network ----------------------------------------------------------------------------

    def sent(self, publisher: SimulatedPublisher, effects: list[Effect]) -> None:
        """Note the truth and carry casts to everybody."""
        machine = publisher.machine
        if machine.seq:
            states = machine.states()
            self.history[Position(machine.epoch, machine.seq)] = {
                name: Truth(machine.rows(name), states[name]) for name in TABLES
            }
        machine.check()
        for effect in effects:
            assert isinstance(effect, Send)
            for subscriber in self.subscribers:
                self._cast(subscriber, effect)

    def request(self, subscriber: SimulatedSubscriber, effect: RequestSync) -> None:
        """Carry a call to one incarnation, and its reply or failure back."""
        number = effect.message.request
        if self._is_lost():
            return  # nobody says so: the machine's own timeout must notice
        self._at(self._arrival(), partial(self._serve, subscriber, effect, number))

    def _serve(self, subscriber: SimulatedSubscriber, effect: RequestSync, number: int) -> None:
        for publisher in (self.publisher, *self.zombies):
            if publisher.incarnation == effect.incarnation:
                reply = self._carried(publisher.answer(self._carried(effect.message)))
                if not self._is_lost():
                    self._at(self._arrival(), partial(self._reply, subscriber, reply))
                return
        self._at(self._arrival(), partial(self._no_reply, subscriber, number))

    def _reply(self, subscriber: SimulatedSubscriber, reply: SyncReply) -> None:
        if not subscriber.is_dead:
            subscriber.step(subscriber.machine.on_answer(reply, self.now))

    def _no_reply(self, subscriber: SimulatedSubscriber, number: int) -> None:
        if not subscriber.is_dead:
            subscriber.step(subscriber.machine.on_failure(number, self.now))

    def _cast(self, subscriber: SimulatedSubscriber, send: Send) -> None:
        copies = 2 if self.rng.random() < self.mix.duplicate else 1
        for _ in range(copies):
            if not self._is_lost():
                self._at(self._arrival(), partial(self._deliver, subscriber, send))

    def _deliver(self, subscriber: SimulatedSubscriber, send: Send) -> None:
        if not subscriber.is_dead:
            message = self._carried(send.message)
            subscriber.step(subscriber.machine.on_message(message, self.now))

    def _carried(self, message: _M) -> _M:
        """Give a message as it arrives: in some runs through the codec."""
        if not self.uses_codec:
            return message
        assert isinstance(message, Message)
        carried = decode(encode(message))
        assert type(carried) is type(message)
        return carried

    def _is_lost(self) -> bool:
        return self.rng.random() < self.mix.drop

    def _arrival(self) -> float:
        return self.now + self.rng.random() * self.mix.slow

    def _at(self, when: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (when, next(self._numbers), what))


class BrokenPromise(Exception):
    """A schedule showed what must not be; its cause is the assertion that failed."""

    def __init__(self, seed: int, error: Exception) -> None:
        super().__init__(f"seed {seed} breaks a promise: {error!r}")
        self.seed = seed


def run_schedules(seeds: Iterable[int]) -> Counter[str]:
    """Run one schedule for each seed; give how often each path was taken.

    Raises: BrokenPromise: for the first seed that fails.
    """
    taken: Counter[str] = Counter()
    for seed in seeds:
        try:
            world = StreamWorld(seed)
            world.run(STEPS)
        except Exception as error:
            raise BrokenPromise(seed, error) from error
        taken += world.counters
    return taken


def main(argv: list[str] | None = None) -> int:
    """Run schedules and print the outcome; give 1 if one fails."""
    parser = argparse.ArgumentParser(description="Run the stream protocol under drawn faults.")
    parser.add_argument("--seed", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--count", type=int, default=2000, help="schedules (default: 2000)")
    args = parser.parse_args(argv)
    clock = SystemClock()
    began = clock.monotonic()
    try:
        taken = run_schedules(range(args.seed, args.seed + args.count))
    except BrokenPromise as broken:
        traceback.print_exception(broken)
        sys.stdout.write(f"{broken}; replay: make sim SEED={broken.seed} N=1\n")
        return 1
    rate = args.count / max(clock.monotonic() - began, 1e-9)
    for name, times in sorted(taken.items()):
        sys.stdout.write(f"{times:10d} {name}\n")
    sys.stdout.write(f"{args.count} schedules from seed {args.seed} hold, {rate:.0f} a second\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
