"""A process that subscribes to the simulated stream, and a listener that sees its transactions."""

# ruff: noqa: S101 - the assertions are the purpose

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from congress_dist.protocol.effects import Alarm, Apply, Count, Effect, RequestSync
from congress_dist.protocol.held_table import DIVERGED, HeldTable
from congress_dist.protocol.messages import Delta, Heartbeat, SyncReply, SyncRequest
from congress_dist.protocol.stream import Position, StateKind, TableState, Transaction, failing
from congress_dist.protocol.subscriber import Subscriber
from congress_dist.row import Row, encode_row

from .failing_holding import FailingHolding
from .patience import Patience
from .section4 import IGNORED, Before, check_row, row_of
from .signs_of_life import SignsOfLife
from .timeline import Process
from .truth import TableTruth

if TYPE_CHECKING:
    from .world import World

_CORRUPT_SCHEMA, _CORRUPT_STATE = 0.3, 0.5
_STUBBORN = 0.5
_CHECK_EVERY = 4
"""Steps without an effect after which everything is compared all the same."""


class SubscriberNode(Process):
    """One incarnation of a subscriber; everything that it is promised is checked at each step."""

    def __init__(self, world: World, name: str, wanted: set[str]) -> None:
        super().__init__(world.timeline, name, world.rng.uniform(-500.0, 500.0))
        self.world = world
        self.wanted = wanted
        self.is_corrupt = False
        self._corrupts_again = 0
        self._steps = 0
        self._asked = 0
        self._asked_at: Position | None = None
        self._wants_changed = False
        self._corrupted = ""
        self._is_failed = False
        self._held_from = ""
        self._signs = SignsOfLife()
        self._patience = Patience(world.options)
        self._first_delays: dict[str, float] = {}
        now = self.monotonic()
        self.machine = Subscriber(world.source_name, options=world.options, rng=world.rng, now=now)
        self.machine.holding = self._holding = FailingHolding(world.source_name)
        self.mirror: dict[str, set[Row]] = {}
        self.states: dict[str, TableState] = {}
        self.position: Position | None = None
        self._step(self._stimulate(self.machine.want, wanted))
        self.plan_tick()

    def next_due(self) -> float:
        """Give when the machine has something to do."""
        return self.machine.next_tick

    def on_tick(self) -> None:
        """Do what is due."""
        effects = self._stimulate(self.machine.on_tick)
        self._patience.check_request(effects, self.monotonic())
        self._step(effects)

    def _stimulate(self, stimulus: Callable[..., list[Effect]], *what: object) -> list[Effect]:
        """Step the machine; where that fails, or what it says is lost, begin anew as a feed does.

        Shapes: no effects of a step that failed; `_is_failed` tells of it.
        """
        now, holding = self.monotonic(), self._holding
        held_from, self._is_failed = holding.held_from, False
        fails = self.world.happens("failed_step")
        holding.fails_in = self.world.rng.randint(1, 8) if fails else 0
        try:
            effects = stimulus(*what, now)
            if holding.fails_in:
                raise MemoryError  # while it is handed over
        except MemoryError:
            holding.fails_in = 0
            self._is_failed = True
            self.machine.reset(self.wanted, now)
            assert holding.held_from == held_from, "a step that failed has left something"
            return []
        return effects

    # --- stimuli --------------------------------------------------------------------------------

    def want(self, wanted: set[str]) -> None:
        """Change what is wanted."""
        self.wanted = wanted
        self._wants_changed = True
        for name in self.mirror.keys() - wanted:
            del self.mirror[name]
            self.states.pop(name, None)
        self._step(self._stimulate(self.machine.want, wanted))

    def hear(self, message: Delta | Heartbeat) -> None:
        """Take a message, and see that the row of the table that it falls under was followed."""
        machine, taken = self.machine, self.world.taken
        now = self.monotonic()
        is_news = self._signs.is_news(message)
        row = row_of(machine, message, is_news=is_news)
        taken[row] += 1
        before = Before(machine.position, machine.is_live, message)
        is_old = not is_news and message.epoch == machine.epoch
        said = self._said(now) if is_old and isinstance(message, Heartbeat) else None
        taken["a beat not higher"] += not is_news
        effects = self._stimulate(machine.on_message, message)
        assert said is None or said == self._said(now), "what an old beat says is told as news"
        if row not in IGNORED:
            self._signs.hear(message, now)
            delay = now - message.sent - self._offset + self.world.offsets[message.incarnation]
            self._first_delays.setdefault(message.incarnation, delay)
            self._patience.hear(message)
        link_age = machine.news.freshness.link_age(now)
        assert self._signs.are_told(link_age, now), (row, link_age, "another link age")
        if self._is_failed:
            self._step([])
            return
        check_row(row, before, effects, machine.position)
        if row == "live: heartbeat, a table differs":
            self._check_doubt()
        assert Count("adopted") not in effects or machine.is_led_on, "adopted, and not led on"
        self._step(effects)

    def _check_doubt(self) -> None:
        """Assert that a table that was just found to differ is stale, or given up."""
        tables = self.machine.status(self.monotonic()).tables
        doubted = [t for t in tables.values() if t.stale or t.state.kind is StateKind.UNAVAILABLE]
        assert doubted, "known to differ, and not said to be stale"

    def _said(self, now: float) -> tuple[object, ...]:
        """Give what the newest heartbeats said, beside transactions."""
        status = self.machine.status(now)
        return status.unrenewed, status.heard

    def take_answer(self, reply: SyncReply, asked: int) -> None:
        """Take a publisher's reply to the request that was the `asked`-th."""
        is_moved = self._wants_changed or self.machine.position != self._asked_at
        effects = self._stimulate(self.machine.on_answer, reply)
        if Count("pull_mismatch") in effects and not self._may_mismatch:
            assert is_moved, "a publisher answered wrongly"
        is_late = effects == [Count("late_answer")] or self._is_failed
        assert asked == self._asked or is_late, "a late answer is taken"
        self._step(effects)

    @property
    def _may_mismatch(self) -> bool:
        """Whether an answer may be wrong without a fault of its publisher."""
        return self.is_corrupt or self.world.was_restored or self.world.was_garbled

    def take_failure(self, request: int, asked: int) -> None:
        """Take that the `asked`-th request got no reply."""
        effects = self._stimulate(self.machine.on_failure, request)
        assert asked == self._asked or not effects, "a late failure is taken"
        self._step(effects)

    def corrupt(self) -> None:
        """Change a row behind the machine's back, as a fault in `apply` would."""
        held = self.machine.holding.tables
        fit = sorted(n for n, table in held.items() if table.is_syncable and not table.is_unread)
        if not fit:
            return
        if self.world.rng.random() < _STUBBORN:
            self._corrupts_again = 3  # so that repairs do not help
        self._corrupted = self.world.rng.choice(fit)
        self._corrupt_one()

    def _corrupt_one(self) -> None:
        table = self.machine.holding.tables.get(self._corrupted)
        if table is None or not table.is_syncable or table.is_unread:
            return
        content = table.content
        self.is_corrupt = True
        what = self.world.rng.random()
        if what < _CORRUPT_SCHEMA:
            content.schema_version = "v0"
            return
        if what < _CORRUPT_STATE:
            table.said = table.state = self.states[content.name] = failing("a fault")
            return
        row = encode_row((99,))
        content.apply(content.net_of(set(), {row}))
        self.mirror.setdefault(content.name, set()).add(row)

    # --- what is promised -----------------------------------------------------------------------

    def _check_taken_over(self) -> None:
        """Assert that of another publisher's rows it is known how old they are."""
        holding, tables = self.machine.holding, self.machine.status(self.monotonic()).tables
        assert self.position is not None
        for name in self.world.truth.read_at(holding.held_from, self.position).keys() & tables:
            held = holding.tables.get(name)
            # Of one that fails it may be unknown: it was read well, and then not, in one go.
            is_well = held is not None and held.said.kind is StateKind.READY
            is_told = not is_well or tables[name].source_age is not None
            assert is_told, (name, "how old it is was told, and is not known")

    def check_staleness(self) -> None:
        """Assert that rows that are left behind, or read long ago, are said to be so."""
        position, machine, world = self.position, self.machine, self.world
        if position is None:
            return
        tables = machine.status(self.monotonic()).tables
        held = {name: tables[name] for name in machine.holding.tables}
        fresh = {name for name, table in held.items() if not table.stale}
        assert machine.is_led_on or not fresh, (fresh, "another publisher's, and not stale")
        left_at = world.truth.left_at(machine.holding.held_from, position)
        behind = 0.0 if left_at is None else self.timeline.now - left_at
        # How long the first word of an incarnation was under way nobody can know.
        unseen = self._first_delays.get(machine.holding.held_from, 0.0) + 0.001
        told_after = world.options.stale_after + unseen
        assert behind <= told_after or not fresh, (fresh, "behind and not stale", behind)
        read_at = world.truth.read_at(machine.holding.held_from, position)
        unseen += world.options.coalesce_interval
        for name in read_at.keys() & fresh:
            if held[name].state.kind is StateKind.UNAVAILABLE:
                continue  # no rows that have an age: each look at the source counts
            least = self.timeline.now - read_at[name] - unseen
            told = held[name].source_age
            assert told is None or told >= least, (name, told, least, "older than it says")

    def check_ages(self) -> None:
        """Assert that rows are said to be stale whose source or whose lease is old."""
        machine, world = self.machine, self.world
        if world.was_restored:
            return  # two may speak for one epoch, each with ages of its own
        told = self._signs.unrenewed(machine.epoch, machine.incarnation)
        old = {
            name
            for name in machine.holding.tables
            if told > world.options.lease_time or self._is_old(name)
        }
        if not old:
            return
        tables = self.machine.status(self.monotonic()).tables
        for name in old:
            assert tables[name].stale, (name, told, "old and not said to be stale")

    def _is_old(self, name: str) -> bool:
        """Tell whether a table's source was not read for longer than its `max_age`."""
        world = self.world
        read_at = world.read_at.get((self.machine.incarnation, name))
        if world.max_age is None or read_at is None:
            return False
        if self.machine.holding.tables[name].said.kind is StateKind.UNAVAILABLE:
            return False  # no rows that have an age: each look at the source counts
        unseen = self._first_delays.get(self.machine.incarnation, 0.0)
        return self.timeline.now - read_at > world.max_age + unseen + 0.001

    def stale_tables(self) -> list[str]:
        """Give the tables that are said to be stale."""
        tables = self.machine.status(self.monotonic()).tables
        return sorted(name for name, table in tables.items() if table.stale)

    def _step(self, effects: list[Effect]) -> None:
        """Carry effects out and check everything that is promised."""
        is_changed = False
        for effect in effects:
            if isinstance(effect, Apply):
                self._apply(effect.transaction)
                is_changed = True
            elif isinstance(effect, RequestSync):
                self._asked += 1
                if isinstance(effect.message, SyncRequest):
                    self._asked_at = self.machine.position
                    self._wants_changed = False
                self.world.request(self, effect, self._asked)
            elif isinstance(effect, Count):
                self.world.taken[effect.name] += 1
            elif isinstance(effect, Alarm):
                assert self.is_corrupt or self.world.was_restored, effect
        self._steps += 1
        now = self.monotonic()
        self._patience.stand(self.machine.position, now)
        if effects:
            self._patience.check_retry(effects, self.machine, now)
        if is_changed or self._is_failed or self._steps % _CHECK_EVERY == 0:
            self.machine.check()
            self._check_against_truth()
        if self.machine.holding.held_from != self._held_from:
            self._held_from = self.machine.holding.held_from
            self.check_staleness()
            if sum(isinstance(effect, Apply) for effect in effects) == 1:
                self._check_taken_over()
        if is_changed and self._corrupts_again and not self._is_given_up:
            self._corrupts_again -= 1
            self._corrupt_one()

    @property
    def _is_given_up(self) -> bool:
        return any(held.is_diverged for held in self.machine.holding.tables.values())

    def _apply(self, transaction: Transaction) -> None:
        assert self.position is None or transaction.position >= self.position, "went back"
        self.position = transaction.position
        self.states.update(transaction.states)
        for name, change in transaction.tables.items():
            rows = self.mirror.setdefault(name, set())
            assert change.removed <= rows, "removed what was not there"
            assert not change.added & rows, "added what was there"
            self._check_continuity(name, change.removed, transaction.position)
            rows -= change.removed
            rows |= change.added

    def _check_continuity(self, name: str, removed: frozenset[Row], position: Position) -> None:
        """Assert that rows vanish only because a publisher has read the table without them."""
        if not removed or self.is_corrupt:
            return
        if self.states.get(name) == DIVERGED and self._may_mismatch:
            return
        truths = [tables.get(name) for tables in self.world.truth.at(position).values()]
        assert any(
            truth is None or not (truth.state.kind is StateKind.UNREAD or truth.rows & removed)
            for truth in truths
        ), (name, position, "a row vanished that the source has")

    def _check_against_truth(self) -> None:
        position = self.machine.position
        assert position == self.position, "a listener was not told of a position"
        held_at: dict[tuple[Position, str], dict[str, HeldTable]] = {}
        for name, held in self.machine.holding.tables.items():
            assert self.mirror.get(name, set()) == held.content.rows, "a listener missed a row"
            assert self.states.get(name) == held.state, "a listener missed a state"
            if self.is_corrupt or not held.is_syncable:
                continue
            at = held.read_position or position
            assert at is not None
            if not held.was_read:
                assert not held.content.rows, "rows of a table that was never read"
                continue
            kept = "" if held.read_position is None else name
            held_at.setdefault((at, kept), {})[name] = held
        for (at, _), tables in held_at.items():
            # One publisher for all but those that it has unread: two have one position after a
            # restored database.
            published = self.world.truth.at(at).values()
            is_told = any(
                all(_is_as_published(held, truth.get(name)) for name, held in tables.items())
                for truth in published
            )
            assert is_told, (sorted(tables), at, "not what was published")


def _is_as_published(held: HeldTable, truth: TableTruth | None) -> bool:
    return truth is not None and truth.rows == held.content.rows and truth.state == held.state
