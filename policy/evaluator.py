"""Keeps every derived table right: settles which rules can run, and has the kernel run them.

It is not thread safe; the engine calls it under its lock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

from congress_dist.errors import InternalError, InvalidRequest
from congress_dist.row import Cell

from .kernel import CellRefused, LimitExceeded, Stopped, TableFull
from .language.ast import Rule
from .language.names import table_name
from .language.printer import print_rule
from .planner.active_rule import ActiveRule, Missing
from .planner.answers import Changes
from .planner.components import Component, EvaluationOrder
from .planner.journal import Journal
from .planner.kernel_face import KernelFace
from .planner.kernel_program import TooManyColumns
from .planner.normal_form import Match, NormalRule, TableKey
from .planner.pending import Pending
from .planner.symbols import Tuple

_MOST_SHOWN = 200
"""Characters of a rule in the reason why its table is not known, which goes along with answers."""


class BaseTable:
    """A table of a datasource; `reason` tells why it is not known, None when it is."""

    __slots__ = ("reason", "width")

    def __init__(self, width: int, reason: str | None) -> None:
        self.width = width
        self.reason = reason


class DerivedTable:
    """A table with the facts and rules that define it."""

    __slots__ = ("facts", "missing", "rules", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.facts: dict[Tuple, tuple[str, Rule]] = {}
        """Each fact's row with its policy and text."""
        self.rules: dict[ActiveRule, None] = {}
        """In the order of their insertion."""
        self.missing: Missing = {}

    @property
    def has_one_rule(self) -> bool:
        """Tell whether its rows are those of one rule."""
        return len(self.rules) == 1 and not self.facts


@dataclass(frozen=True, slots=True)
class FactsKey:
    """The table of the facts of a derived table."""

    table: TableKey


@dataclass(slots=True)
class Agenda:
    """What was touched and is to be followed up.

    Shapes: it can be followed up more than once: what a rule over its limit took back.
    """

    loaded: dict[TableKey, tuple[int, Sequence[Sequence[Cell]]]] = field(default_factory=dict)
    """Base tables with their widths and the rows that they are to hold."""
    added: dict[TableKey, Sequence[Sequence[Cell]]] = field(default_factory=dict)
    removed: dict[TableKey, Sequence[Sequence[Cell]]] = field(default_factory=dict)
    missing: set[TableKey] = field(default_factory=set)
    """Tables with another `missing`."""
    rules: dict[ActiveRule, None] = field(default_factory=dict)
    """Rules that are new or read other columns now."""
    gone: dict[ActiveRule, None] = field(default_factory=dict)
    """Rules that were taken out."""
    facts: dict[TableKey, dict[Tuple, bool]] = field(default_factory=lambda: defaultdict(dict))
    """By table, facts that came (True) or went."""
    parked: dict[ActiveRule, str] = field(default_factory=dict)
    """Rules that were stopped on the way, with the limit that they crossed."""

    def touches_rules(self) -> bool:
        """Tell whether more than rows of base tables was touched."""
        return bool(self.missing or self.rules or self.gone or self.facts)


class Evaluator:
    """Base tables, rules, and the tables that follow from both.

    Invariant: between calls of `refresh` with everything touched in its agenda, each derived table
    holds exactly the rows of its facts and of its rules that are not off.
    """

    def __init__(
        self,
        face: KernelFace,
        why_unknown: Callable[[TableKey], str | None],
        reports: Callable[[Rule], bool],
    ) -> None:
        self.face = face
        self.symbols = face.symbols
        self.journal: Journal = face.journal
        self.base: dict[TableKey, BaseTable] = {}
        self.derived: dict[TableKey, DerivedTable] = {}
        self.readers: defaultdict[TableKey, set[ActiveRule]] = defaultdict(set)
        self.version = 0
        """Grows when something else than rows changes, or was taken back."""
        self._why_unknown = why_unknown
        self._reports = reports
        self._reads: defaultdict[TableKey, Counter[TableKey]] = defaultdict(Counter)
        """How many rules of a table read another one."""
        self._order: EvaluationOrder[TableKey] = EvaluationOrder(
            self.derived.__contains__,
            reads_of=lambda table: self._reads.get(table, ()),
            readers_of=lambda table: [rule.head for rule in self.readers.get(table, ())],
        )

    # --- what there is

    def width(self, table: TableKey) -> int | None:
        """Give the number of a table's columns, None when nothing defines it."""
        known = self.base.get(table) or self.derived.get(table)
        return None if known is None else known.width

    def missing(self, table: TableKey) -> Missing:
        """Give what keeps a table from being known; empty means that it is complete."""
        base = self.base.get(table)
        if base is not None:
            return {} if base.reason is None else {f"{table[0]}:{table[1]}": base.reason}
        derived = self.derived.get(table)
        if derived is not None and (derived.rules or derived.facts):
            return derived.missing
        reason = self._why_unknown(table)
        return {} if reason is None else {f"{table[0]}:{table[1]}": reason}

    def name_rule(self, number: int) -> str | None:
        """Give the text of a rule of the kernel; of one shared by several the first.

        None: it ran for one question and is gone.
        """
        owner = next(iter(self.face.owners_of(number)), None)
        return print_rule(owner.rule) if isinstance(owner, ActiveRule) else None

    def component(self, table: TableKey) -> Component[TableKey] | None:
        """Give the component of a derived table."""
        return self._order.find(table)

    # --- changes; their rows come with `refresh`

    def define_base(self, table: TableKey, width: int, reason: str) -> None:
        """Add an empty base table that is not known yet, in the place of an older one."""
        self.journal.put(self.base, table, BaseTable(width, reason))
        self.face.tables.define(table, width)

    def drop_base(self, table: TableKey, agenda: Agenda) -> None:
        """Forget a base table and its rows."""
        width = self.journal.drop(self.base, table).width
        agenda.loaded[table] = (width, ())

    def mark_base(self, table: TableKey, reason: str | None) -> None:
        """Tell why a base table is not known, None when it is."""
        base = self.base[table]
        self.journal.note(partial(setattr, base, "reason", base.reason))
        base.reason = reason

    def add_rule(self, rule: ActiveRule) -> None:
        """Take in a rule that is resolved or waits."""
        self.journal.put(self._table(rule.head, rule.width).rules, rule, None)
        self._connect(rule)

    def remove_rule(self, rule: ActiveRule, agenda: Agenda) -> None:
        """Take a rule out."""
        self.disconnect(rule)
        self.journal.drop(self.derived[rule.head].rules, rule)
        agenda.rules.pop(rule, None)
        agenda.gone[rule] = None

    def reconnect(self, rule: ActiveRule) -> None:
        """Take that a rule, disconnected before, reads other tables now."""
        self._connect(rule)

    def disconnect(self, rule: ActiveRule) -> None:
        """Forget which tables a rule reads."""
        reads = rule.reads
        self.journal.change(
            lambda: self._forget_reader(rule, reads), lambda: self._note_reader(rule, reads)
        )

    def add_fact(
        self, table: TableKey, row: Tuple, origin: tuple[str, Rule], agenda: Agenda
    ) -> None:
        """Take in a fact that is not there yet."""
        self.journal.put(self._table(table, len(row)).facts, row, origin)
        agenda.facts[table][row] = True

    def remove_fact(self, table: TableKey, row: Tuple, agenda: Agenda) -> None:
        """Take out a fact that is there."""
        self.journal.drop(self.derived[table].facts, row)
        agenda.facts[table][row] = False

    def derive(self, alternatives: Sequence[NormalRule]) -> list[Tuple]:
        """Give the rows that would follow from a rule now; keep nothing of it.

        Raises: LimitExceeded: too many. TooManyColumns.
        """
        mark = self.journal.mark()
        head: TableKey = ("?", "?")
        try:
            self.face.program.put(
                head, [replace(rule, head=head) for rule in alternatives], reports=False
            )
            self.face.program.carry_out()
            return self.face.propagate_for(head)
        except Stopped as error:
            raise type(error)(error.args[0], None) from error  # its rules are gone in a moment
        finally:
            self.journal.rollback(mark)
            self.face.program.forget_staged()

    def derives(self, rule: ActiveRule) -> bool:
        """Tell whether any row of its table follows from a rule. Raises: as `derive`."""
        table = self.derived[rule.head]
        if rule.is_off or not self.face.size(rule.head, table.width):
            return False
        return table.has_one_rule or bool(self.derive(rule.alternatives))

    # --- following up

    def change(
        self,
        added: dict[TableKey, Sequence[Sequence[Cell]]],
        removed: dict[TableKey, Sequence[Sequence[Cell]]],
    ) -> Changes:
        """Add and remove rows of base tables and do what `refresh` does: in one call, when nothing
        goes wrong.
        """
        try:
            return self.face.step(added, removed, self.base)
        except CellRefused:
            agenda = Agenda(added=added, removed=removed)  # tells which row of which table it is
        except LimitExceeded as error:
            reason, blamed = self.face.blame(error)
            agenda = Agenda(added=added, removed=removed)
            self._park(blamed, reason, agenda)
        except TableFull as error:
            raise self._told(error) from error
        return self.refresh(agenda)

    def refresh(self, agenda: Agenda) -> Changes:
        """Bring derived tables up to date with what was touched; give those that changed.

        Promises: a rule over its limit is parked and its rows withdrawn; everything else is as if
            it were not there.
        Raises: InvalidRequest: a table has no room for what it is to hold.
        Cost: the rows touched, in the kernel; rules that came, went or were switched.
        """
        while True:
            mark = self.journal.mark()
            try:
                return self._follow_up(agenda)
            except LimitExceeded as error:
                reason, blamed = self.face.blame(error)
            except TooManyColumns as error:
                reason, owner = error.args
                blamed = [owner]
            except TableFull as error:
                raise self._told(error) from error
            self.journal.rollback(mark)
            self.face.program.forget_staged()
            if all(owner in agenda.parked for owner in blamed):
                raise InternalError(f"rules that were stopped were run again: {reason}")
            self._park(blamed, reason, agenda)

    def _told(self, error: TableFull) -> InvalidRequest:
        reason, number = error.args
        key = self.face.tables.key(number)
        name = table_name(key) if isinstance(key, tuple) else "that a rule needs on the way"
        return InvalidRequest(f"the table {name} is full: {reason}; let it have fewer")

    def _follow_up(self, agenda: Agenda) -> Changes:
        if agenda.touches_rules():
            self.version += 1
            self._follow_up_rules(agenda)
        self._change_base(agenda)
        self._change_facts(agenda)
        changes = self.face.finish_step(self.derived)
        self._drop_empty_tables(agenda)
        return changes

    def _follow_up_rules(self, agenda: Agenda) -> None:
        """Tell the kernel which rules it is to run from now on."""
        reput = self._settle_reached(agenda)
        program = self.face.program
        for rule in agenda.gone:
            program.take(rule)
        for rule in {**reput, **agenda.rules}:
            program.take(rule)
        for rule in {**reput, **agenda.rules}:
            if not rule.is_off:
                self._put(rule)
        self._put_facts(agenda)
        program.carry_out()

    def _put(self, rule: ActiveRule) -> None:
        component = self._order.find(rule.head)
        tables = component.tables if component is not None and component.is_recursive else ()
        reports = self._reports(rule.rule)
        self.face.program.put(rule, rule.alternatives, reports=reports, recursive=tables)

    def _settle_reached(self, agenda: Agenda) -> dict[ActiveRule, None]:
        """Work out which rules can run and what tables miss; give those to be put anew."""
        pending = Pending(self._order)
        switched: dict[ActiveRule, None] = {}
        moved: dict[TableKey, Component[TableKey] | None] = {}
        self.journal.change(
            lambda: moved.update(self._order.take_moved()), lambda: self._order.give_back(moved)
        )
        for table, before in moved.items():
            after = self._order.find(table)
            if (_is_recursive(before) or _is_recursive(after)) and not _are_same(before, after):
                # What they lack was that of all together, and what may be an internal table of
                # its own depends on what is recursive.
                for rule in self.derived[table].rules:
                    pending.add_rule(rule)
                    switched[rule] = None
        for rule in agenda.gone:
            pending.add_table(rule.head)
        for table in agenda.facts:
            pending.add_table(table)
        for rule in agenda.rules:
            pending.add_rule(rule)
        for table in agenda.missing:
            for rule in self.readers.get(table, ()):
                pending.add_rule(rule)
        losing = {rule.head for rule in agenda.gone if rule.missing}
        while (component := pending.next()) is not None:
            for table in self._settle_component(component, pending, losing, switched):
                for rule in self.readers.get(table, ()):
                    pending.add_rule(rule)
        return switched

    def _settle_component(
        self,
        component: Component[TableKey],
        pending: Pending,
        losing: set[TableKey],
        switched: dict[ActiveRule, None],
    ) -> list[TableKey]:
        """Settle what was reached in a component; give its tables with another `missing`.

        Shapes: `losing` are tables with a rule gone that missed something.
        """
        rules = [rule for key in component.tables for rule in pending.rules[key]]
        if component.is_recursive:
            rules = [rule for key in component.tables for rule in self.derived[key].rules]
        for rule in rules:
            self.journal.note(rule.memento())
        inside = dict.fromkeys(component.tables, Missing())
        outside = {read for rule in rules for read in rule.reads} - inside.keys()
        known = {read: self.missing(read) for read in outside} | inside
        before = [(rule, rule.missing) for rule in rules]
        switched.update({rule: None for rule in rules if rule.settle(known)})
        if component.is_recursive:
            shared = _merged(rule.missing for rule in rules)
            for rule in rules:
                rule.missing = shared
        less = {rule.head for rule, missing in before if missing and missing != rule.missing}
        less |= losing.intersection(component.tables)
        return [key for key in component.tables if self._miss(key, rules, key in less)]

    def _miss(self, key: TableKey, settled: Iterable[ActiveRule], is_losing: bool) -> bool:
        """Work out what a derived table misses; tell whether that changed.

        Cost: the rules settled, when none of them, and none that is gone, missed what it does not
            miss any more; else all rules of the table.
        """
        table = self.derived[key]
        parts = [
            rule.missing for rule in (table.rules if is_losing else settled) if rule.head == key
        ]
        missing = _merged(parts if is_losing else (table.missing, *parts))
        if missing == table.missing:
            return False
        self.journal.note(partial(setattr, table, "missing", table.missing))
        table.missing = missing
        return True

    def _park(self, owners: Iterable[object], reason: str, agenda: Agenda) -> None:
        """Stop rules that crossed a limit."""
        for owner in owners:
            assert isinstance(owner, ActiveRule)  # noqa: S101 - facts cross no limit
            self.journal.note(owner.memento())
            what = (
                f"a rule was stopped: {reason}; narrow '{print_rule(owner.rule):.{_MOST_SHOWN}}'"
            )
            owner.parked = {table_name(owner.head): f"{what} and insert it again"}
            agenda.parked[owner] = reason
            agenda.rules[owner] = None

    def _change_base(self, agenda: Agenda) -> None:
        for table, (width, rows) in agenda.loaded.items():
            self.face.replace(table, width, rows)
            base = self.base.get(table)
            if base is None or base.width != width:
                self.face.program.withdraw(table, width)
        for table in {**agenda.added, **agenda.removed}:
            added, removed = agenda.added.get(table, ()), agenda.removed.get(table, ())
            self.face.change(table, self.base[table].width, added, removed)

    def _put_facts(self, agenda: Agenda) -> None:
        """Let tables that have facts now, or have none any more, follow them."""
        for table in agenda.facts:
            key, derived = FactsKey(table), self.derived[table]
            self.face.program.take(key)
            if derived.facts:
                terms = tuple(f"x{column}" for column in range(derived.width))
                copy = NormalRule(table, terms, (Match(cast("TableKey", key), terms),))
                self.face.program.put(key, [copy], reports=False, is_limited=False)

    def _change_facts(self, agenda: Agenda) -> None:
        for table, facts in agenda.facts.items():
            added = [row for row, is_there in facts.items() if is_there]
            removed = [row for row, is_there in facts.items() if not is_there]
            self.face.change_ids(FactsKey(table), self.derived[table].width, added, removed)

    def _table(self, key: TableKey, width: int) -> DerivedTable:
        if key not in self.derived:
            self.journal.put(self.derived, key, DerivedTable(width))
            self.journal.note(partial(self._order.touch, key))
            self._order.touch(key)
        return self.derived[key]

    def _connect(self, rule: ActiveRule) -> None:
        reads = rule.reads
        self.journal.change(
            lambda: self._note_reader(rule, reads), lambda: self._forget_reader(rule, reads)
        )

    def _note_reader(self, rule: ActiveRule, reads: Iterable[TableKey]) -> None:
        self._order.touch(rule.head, reads)
        self._reads[rule.head].update(reads)
        for table in reads:
            self.readers[table].add(rule)

    def _forget_reader(self, rule: ActiveRule, reads: Iterable[TableKey]) -> None:
        self._order.touch(rule.head, ())
        counts = self._reads[rule.head]
        for table in reads:
            counts[table] -= 1
            if not counts[table]:
                del counts[table]
            self.readers[table].discard(rule)
            if not self.readers[table]:
                del self.readers[table]
        if not counts:
            del self._reads[rule.head]

    def _drop_empty_tables(self, agenda: Agenda) -> None:
        for key in {**dict.fromkeys(agenda.facts), **{rule.head: None for rule in agenda.gone}}:
            table = self.derived.get(key)
            if table is not None and not table.rules and not table.facts:
                self.journal.drop(self.derived, key)
                self.journal.note(partial(self._order.touch, key))
                self._order.touch(key)


def _are_same(before: Component[TableKey] | None, after: Component[TableKey] | None) -> bool:
    """Tell whether tables depend on each other as before, after a change that was taken back."""
    if before is None or after is None:
        return before is after
    return (before.tables, before.is_recursive) == (after.tables, after.is_recursive)


def _is_recursive(component: Component[TableKey] | None) -> bool:
    return component is not None and component.is_recursive


def _merged(parts: Iterable[Missing]) -> Missing:
    merged: Missing = {}
    for part in parts:
        if part:
            merged.update(part)
    return merged
