"""What a subscriber holds of one source, and each step from there to the next.

Every method that changes something gives the transaction that listeners must see; they see nothing
else.
"""

# ruff: noqa: S101 - invariants are asserted, here and in check()

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..row import digest_of
from .held_table import HeldTable
from .messages import Delta, Heartbeat
from .pulled_answer import PulledAnswer
from .stream import Epoch, Position, StateKind, TableChange, TableState, Transaction
from .table import NO_CHANGE, NetChange


class Holding:
    """Tables of one source at one position.

    Invariant: `position` never goes back; `tables` holds wanted tables only, each at `position`
    (or, while its publisher has it unread, at its own `read_position`).
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.wanted: frozenset[str] = frozenset()
        self.tables: dict[str, HeldTable] = {}
        self.position: Position | None = None
        self.held_from = ""
        """The incarnation that published what is held."""
        self._position_before: Position | None = None
        self._held_from_before = ""
        self._touched: list[HeldTable] = []
        self._added: list[str] = []

    def begin(self) -> None:
        """Begin a step; what was done before is not undone any more.

        Promises: cannot fail: it needs no memory.
        """
        for held in self._touched:
            held.forget()
        self._touched.clear()
        self._added.clear()
        self._position_before = self.position
        self._held_from_before = self.held_from

    def undo(self) -> None:
        """Make everything but `wanted` what it was at `begin`, wherever the step failed.

        Promises: may be called again when it raises.
        """
        for held in self._touched:
            held.undo()
        for name in self._added:
            self.tables.pop(name, None)
        self.position = self._position_before
        self.held_from = self._held_from_before

    @property
    def lacking(self) -> frozenset[str]:
        """Give the wanted tables of which nothing was ever answered."""
        return self.wanted - self.tables.keys()

    def want(self, tables: Iterable[str]) -> None:
        """Hold exactly these tables; the rows of others are dropped."""
        self.wanted = frozenset(tables)
        for name in self.tables.keys() - self.wanted:
            del self.tables[name]

    def digests(self, besides: Collection[str]) -> dict[str, bytes]:
        """Give the digests of the tables that a publisher can lead on from, besides some."""
        return {
            name: held.content.digest
            for name, held in self.tables.items()
            if held.is_syncable and name not in besides
        }

    def can_apply(self, delta: Delta) -> bool:
        """Tell whether a delta that follows the position fits the tables held."""
        return all(
            held.can_apply(delta.tables[name])
            for name, held in self.tables.items()
            if name in delta.tables and held.is_syncable
        )

    def apply(self, delta: Delta) -> Transaction:
        """Take the step to the next position; `can_apply` holds."""
        step = _Step()
        for name, change in delta.tables.items():
            held = self.tables.get(name)
            if held is not None and held.is_syncable:
                before = self._touch(held)
                step.add(held, held.apply(change), before)
        return self._reach(Position(delta.epoch, delta.seq), step)

    def is_same(self, heartbeat: Heartbeat) -> bool:
        """Tell whether the publisher of a new epoch holds exactly what is held."""
        for name, held in self.tables.items():
            summary = heartbeat.tables.get(name)
            if summary is None or not held.is_syncable:
                return False
            is_unread = summary.state.kind is StateKind.UNREAD
            if not is_unread and not held.equals(summary):
                return False
        return True

    def adopt(self, heartbeat: Heartbeat, epoch: Epoch) -> Transaction:
        """Take the position of a new epoch without a transfer; `is_same` holds."""
        step = _Step()
        for name, held in self.tables.items():
            before = self._touch(held)
            held.tell(heartbeat.tables[name].state, self.position)
            step.add(held, NO_CHANGE, before)
        return self._reach(Position(epoch, heartbeat.seq), step)

    def wrong_tables(self, pull: PulledAnswer) -> set[str]:
        """Give the wanted tables of an answer that would not have the digests it promises."""
        wrong = set()
        for name in pull.answer.tables.keys() & self.wanted:
            held = self.tables.get(name)
            if not pull.is_right(name, None if held is None else held.content):
                wrong.add(name)
        return wrong

    def install(self, pull: PulledAnswer, given_up: Collection[str]) -> Transaction:
        """Take the step to the position of an answer, which is not before the one held.

        Shapes: `given_up` are the wrong tables of the answer; every other one is right.
        """
        step = _Step()
        for name in sorted(pull.answer.tables.keys() & self.wanted):
            held, before = self._get_or_add(name)
            net = held.distrust() if name in given_up else self._install(held, pull)
            step.add(held, net, before)
        return self._reach(pull.position, step)

    def bring_forward(
        self, pull: PulledAnswer, run: Sequence[Delta], names: Collection[str]
    ) -> Transaction | None:
        """Add tables from an answer that deltas have overtaken: its rows, and then those deltas.

        Promises: None, and nothing changed, when they do not lead to the position held.
        """
        assert self.position is not None  # nothing can have been overtaken
        fresh = []
        for name in sorted(names):
            table = HeldTable(name)
            self._install(table, pull)
            for delta in run:
                change = delta.tables.get(name)
                if change is None or table.is_absent:
                    continue
                if not table.can_apply(change):
                    return None
                table.apply(change)
            fresh.append(table)
        step = _Step()
        for table in fresh:
            rows = table.content.rows
            held = self.tables.get(table.content.name)
            if held is None:
                self._put(table)
                step.add(table, NetChange(frozenset(), frozenset(rows)), None)
            else:
                before = self._touch(held)
                net = held.take(rows, table.content.schema_version)
                held.tell(table.said, None)
                step.add(held, net, before)
        return self._reach(self.position, step)

    def give_up(self, name: str) -> Transaction:
        """Drop the rows of a table that repairs did not make right."""
        assert self.position is not None  # only what is held can be given up
        held = self.tables[name]
        before = self._touch(held)
        step = _Step()
        step.add(held, held.distrust(), before)
        return self._reach(self.position, step)

    def everything(self, tables: Iterable[str]) -> Transaction | None:
        """Give what is held of some tables as one step from nothing, None before any position."""
        if self.position is None:
            return None
        step = _Step()
        for name in tables:
            held = self.tables.get(name)
            if held is not None:
                step.add(held, NetChange(frozenset(), frozenset(held.content.rows)), None)
        return self._reach(self.position, step)

    def check(self) -> None:
        """Assert every invariant; for tests, after each step."""
        assert self.position is None or self.position.seq >= 1
        assert self.tables.keys() <= self.wanted
        for held in self.tables.values():
            assert held.content.sum == digest_of(held.content.rows)
            assert held.is_syncable or not held.content.rows
            assert held.read_position is None or held.is_unread

    def _install(self, held: HeldTable, pull: PulledAnswer) -> NetChange:
        name = held.content.name
        entry = pull.answer.tables[name]
        net = NO_CHANGE
        if entry.kind == "absent":
            return held.miss(entry.summary.state)
        content = held.content
        if entry.kind == "full":
            net = held.come_to(content.net_to(pull.added[name]), entry.summary)
        elif entry.kind == "net":
            change = content.net_of(pull.removed[name], pull.added[name])
            net = held.come_to(change, entry.summary)
        held.tell(entry.summary.state, self.position)
        return net

    def _get_or_add(self, name: str) -> tuple[HeldTable, TableState | None]:
        held = self.tables.get(name)
        if held is not None:
            return held, self._touch(held)
        held = HeldTable(name)
        self._put(held)
        return held, None

    def _put(self, table: HeldTable) -> None:
        self._added.append(table.content.name)  # Ordering: before it is there
        self.tables[table.content.name] = table

    def _touch(self, held: HeldTable) -> TableState:
        """Keep in mind how a table is before it changes; give its state."""
        if held not in self._touched:
            held.keep()
            self._touched.append(held)
        return held.state

    def _reach(self, position: Position, step: _Step) -> Transaction:
        assert self.position is None or position >= self.position  # monotonicity
        self.position = position
        return Transaction(self.source, position, step.tables, step.states)


class _Step:
    """The tables and states of one transaction."""

    def __init__(self) -> None:
        self.tables: dict[str, TableChange] = {}
        self.states: dict[str, TableState] = {}

    def add(self, held: HeldTable, net: NetChange, before: TableState | None) -> None:
        """Note what happened to one table; `before` is None when it is new to listeners."""
        name, version = held.content.name, held.content.schema_version
        if net or before is None:
            self.tables[name] = TableChange(net.removed, net.added, schema_version=version)
        if held.state != before:
            self.states[name] = held.state
