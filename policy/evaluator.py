"""Keeps every derived table right: after a change, only what depends on it is computed again.

A plain evaluator: within a rule that a change reaches everything is recomputed, with each literal
found by its bound columns. It is not thread safe; the engine calls it under its lock.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from weakref import WeakSet

from .language.ast import Rule
from .language.names import table_name
from .planner.active_rule import ActiveRule, Missing
from .planner.components import Component, EvaluationOrder
from .planner.fixpoint import Fixpoint, RuleOverLimit
from .planner.index_users import IndexUsers
from .planner.journal import Journal
from .planner.memo import Memo
from .planner.normal_form import TableKey
from .planner.pending import Pending
from .planner.relation import BaseRelation, Change, Columns, CountedRelation, Relation
from .planner.steps import Context, LimitExceeded
from .planner.symbols import Id, Symbols, Tuple, ids_in


class BaseTable:
    """A table of a datasource; `reason` tells why it is not known, None when it is."""

    __slots__ = ("reason", "relation", "width")

    def __init__(self, width: int, reason: str | None) -> None:
        self.relation = BaseRelation()
        self.width = width
        self.reason = reason


class DerivedTable:
    """A table with the facts and rules that define it."""

    __slots__ = ("facts", "missing", "relation", "rules")

    def __init__(self) -> None:
        self.relation = CountedRelation()
        self.facts: dict[Tuple, tuple[str, Rule]] = {}
        """Each fact's row with its policy and text."""
        self.rules: dict[ActiveRule, None] = {}
        """In the order of their insertion."""
        self.missing: Missing = {}


@dataclass(slots=True)
class Agenda:
    """What was touched and is to be followed up."""

    rows: set[TableKey] = field(default_factory=set)
    """Tables with other rows."""
    missing: set[TableKey] = field(default_factory=set)
    """Tables with another `missing`."""
    rules: set[ActiveRule] = field(default_factory=set)
    """Rules that are new or read other columns now."""
    changes: defaultdict[TableKey, list[Change]] = field(default_factory=lambda: defaultdict(list))
    """Rows that a derived table gained or lost as facts, or by rules that are gone."""
    parked: dict[ActiveRule, str] = field(default_factory=dict)
    """Rules that were stopped on the way, with the limit that they crossed."""


class _Relations(dict[TableKey, Relation]):
    """Relations by table; a table that nothing defines is empty."""

    def __missing__(self, key: TableKey) -> Relation:
        return BaseRelation()


class Evaluator:
    """Base tables, rules, and the tables that follow from both.

    Invariant: between calls of `refresh` with everything touched in its agenda, each derived table
    holds exactly the rows of its facts and of its rules that are not off.
    """

    def __init__(
        self,
        symbols: Symbols,
        why_unknown: Callable[[TableKey], str | None],
        *,
        max_rows: int,
        journal: Journal | None = None,
    ) -> None:
        self.symbols = symbols
        self.journal = Journal() if journal is None else journal
        self.base: dict[TableKey, BaseTable] = {}
        self.derived: dict[TableKey, DerivedTable] = {}
        self.readers: defaultdict[TableKey, set[ActiveRule]] = defaultdict(set)
        self.prepared: WeakSet[ActiveRule] = WeakSet()
        """Questions that somebody holds, so that their indexes are kept."""
        self.memo = Memo()
        self._why_unknown = why_unknown
        self.relations = _Relations()
        self.max_rows = max_rows
        self._reads: defaultdict[TableKey, Counter[TableKey]] = defaultdict(Counter)
        """How many rules of a table read another one."""
        self._users = IndexUsers()
        self._order = EvaluationOrder(
            self.derived.__contains__,
            reads_of=lambda table: self._reads.get(table, ()),
            readers_of=lambda table: [rule.head for rule in self.readers.get(table, ())],
        )

    @property
    def context(self) -> Context:
        """Give what plans run against."""
        return Context(self.relations, self.symbols, self.memo, self.max_rows)

    def relation(self, table: TableKey) -> Relation:
        """Give the rows of a table, empty when nothing defines it."""
        return self.relations[table]

    def missing(self, table: TableKey) -> Missing:
        """Give what keeps a table from being known; empty means that it is complete."""
        base = self.base.get(table)
        if base is not None:
            return {} if base.reason is None else {table_name(table): base.reason}
        derived = self.derived.get(table)
        if derived is not None and (derived.rules or derived.facts):
            return derived.missing
        reason = self._why_unknown(table)
        return {} if reason is None else {table_name(table): reason}

    def define_base(self, table: TableKey, width: int, reason: str) -> None:
        """Add an empty base table that is not known yet, in the place of an older one."""
        self.journal.put(self.base, table, BaseTable(width, reason))
        self.journal.put(self.relations, table, self.base[table].relation)

    def drop_base(self, table: TableKey) -> None:
        """Forget a base table."""
        self.journal.drop(self.base, table)
        self.journal.drop(self.relations, table)

    def add_rule(self, rule: ActiveRule) -> None:
        """Take in a rule that is resolved or waits; its rows come with `refresh`."""
        self.journal.put(self._table(rule.head).rules, rule, None)
        self._connect(rule)

    def remove_rule(self, rule: ActiveRule, agenda: Agenda) -> None:
        """Take a rule out; its rows leave with `refresh`."""
        self.disconnect(rule)
        self.journal.drop(self.derived[rule.head].rules, rule)
        agenda.rules.discard(rule)
        agenda.changes[rule.head].append(Change(frozenset(), rule.rows))

    def reconnect(self, rule: ActiveRule) -> None:
        """Take that a rule, disconnected before, reads other tables now."""
        self._connect(rule)

    def disconnect(self, rule: ActiveRule) -> None:
        """Forget which tables a rule reads, and the indexes that only it used."""
        reads = rule.reads
        self._forget_reader(rule, reads)
        self.journal.note(lambda: self._note_reader(rule, reads))

    def change_base(self, table: TableKey, change: Change) -> None:
        """Take rows of a base table in and out; what follows from it comes with `refresh`."""
        relation = self.base[table].relation
        relation.apply(change)
        self.journal.note(lambda: relation.apply(change.inverse()))

    def mark_base(self, table: TableKey, reason: str | None) -> None:
        """Tell why a base table is not known, None when it is."""
        base = self.base[table]
        before, base.reason = base.reason, reason
        self.journal.note(lambda: setattr(base, "reason", before))

    def add_fact(
        self, table: TableKey, row: Tuple, origin: tuple[str, Rule], agenda: Agenda
    ) -> None:
        """Take in a fact that is not there yet."""
        self.journal.put(self._table(table).facts, row, origin)
        agenda.changes[table].append(Change({row}, frozenset()))

    def remove_fact(self, table: TableKey, row: Tuple, agenda: Agenda) -> None:
        """Take out a fact that is there."""
        self.journal.drop(self.derived[table].facts, row)
        agenda.changes[table].append(Change(frozenset(), {row}))

    def refresh(self, agenda: Agenda) -> dict[TableKey, Change]:
        """Bring derived tables up to date with what was touched; give those that changed.

        Promises: a rule over its limit is parked and its rows withdrawn; everything else is as if
            it were not there.
        Cost: the rules that read, directly or through others, what changed.
        """
        changes: dict[TableKey, Change] = {}
        pending = Pending(self._order)
        for table in self._order.take_split():
            for rule in self.derived[table].rules:  # what they lack was that of all together
                pending.add_rule(rule)
        for table in {rule.head for rule in agenda.rules}.union(agenda.changes):
            pending.add_table(table)
        for rule in agenda.rules:
            pending.add_rule(rule)
        for table in agenda.rows | agenda.missing:
            for rule in self.readers.get(table, ()):
                pending.add_rule(rule)
        while (component := pending.next()) is not None:
            for table in self._refresh_component(component, pending.rules, agenda, changes):
                for rule in self.readers.get(table, ()):
                    pending.add_rule(rule)
        self._drop_empty_tables(agenda)
        return changes

    def fixpoint(self, component: Component) -> Fixpoint:
        """Prepare the evaluation of a recursive component from nothing."""
        tables = [self.derived[table] for table in component.tables]
        rules = [rule for table in tables for rule in table.rules if not rule.is_off]
        facts = {key: self.derived[key].facts.keys() for key in component.tables}
        return Fixpoint(rules, facts, self.context)

    def component(self, table: TableKey) -> Component | None:
        """Give the component of a derived table."""
        return self._order.find(table)

    def drop_unused_indexes(self, tables: Iterable[TableKey]) -> None:
        """Forget those indexes of tables that no rule's present plan uses."""
        for table in tables:
            for columns in self.relations[table].signatures:
                self._drop_index_if_unused(table, columns)

    def live_symbols(self) -> set[Id]:
        """Give the ids that tables hold."""
        return set().union(*(ids_in(relation.rows) for relation in self.relations.values()))

    def _table(self, key: TableKey) -> DerivedTable:
        if key not in self.derived:
            self.journal.put(self.derived, key, DerivedTable())
            self.journal.put(self.relations, key, self.derived[key].relation)
            self._order.touch(key)
            self.journal.note(lambda: self._order.touch(key))
        return self.derived[key]

    def _connect(self, rule: ActiveRule) -> None:
        reads = rule.reads
        self._note_reader(rule, reads)
        self.journal.note(lambda: self._forget_reader(rule, reads))

    def _note_reader(self, rule: ActiveRule, reads: Iterable[TableKey]) -> None:
        self._order.touch(rule.head)
        self._reads[rule.head].update(reads)
        self._users.update(rule)
        for table in reads:
            self.readers[table].add(rule)

    def _forget_reader(self, rule: ActiveRule, reads: Iterable[TableKey]) -> None:
        self._order.touch(rule.head)
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
        for table, columns in self._users.forget(rule):
            self._drop_index_if_unused(table, columns)

    def _drop_index_if_unused(self, table: TableKey, columns: Columns) -> None:
        used = (table, columns)
        if used not in self._users and not any(used in r.signatures() for r in self.prepared):
            self.relations[table].drop_index(columns)

    def _refresh_component(
        self,
        component: Component,
        reached: Mapping[TableKey, Mapping[ActiveRule, None]],
        agenda: Agenda,
        changes: dict[TableKey, Change],
    ) -> list[TableKey]:
        """Bring one component up to date; give its tables with other rows or another `missing`.

        Shapes: `reached` are its rules that are new, or read a table that was touched.
        """
        touched = []
        rules = [rule for key in component.tables for rule in reached[key]]
        switched = self._settle(component, rules, agenda)
        stale = [
            rule
            for rule in self._settled_together(component, rules)
            if rule in switched or rule in agenda.rules or not agenda.rows.isdisjoint(rule.reads)
        ]
        gained = self._derive(component, stale, agenda)
        for key in component.tables:
            own = [*agenda.changes.get(key, ()), *gained[key]]
            net = self._change_derived(self.derived[key].relation, own)
            if net:
                changes[key] = net
                agenda.rows.add(key)
            if net or key in agenda.missing:
                touched.append(key)
        return touched

    def _change_derived(self, relation: CountedRelation, changes: Sequence[Change]) -> Change:
        net = relation.apply(changes)
        self.journal.note(lambda: relation.apply([change.inverse() for change in changes]))
        return net

    def _settled_together(
        self, component: Component, rules: Sequence[ActiveRule]
    ) -> Sequence[ActiveRule]:
        """Give the rules whose state hangs on that of some: all of a recursive component."""
        if not component.is_recursive:
            return rules
        return [rule for key in component.tables for rule in self.derived[key].rules]

    def _settle(
        self, component: Component, reached: Sequence[ActiveRule], agenda: Agenda
    ) -> set[ActiveRule]:
        """Work out which rules can run and what the tables miss; give the switched rules."""
        rules = self._settled_together(component, reached)
        for rule in rules:
            self.journal.note(rule.memento())
        inside = dict.fromkeys(component.tables, Missing())
        outside = {read for rule in rules for read in rule.reads} - inside.keys()
        known = {read: self.missing(read) for read in outside} | inside
        lacked = [rule.missing for rule in rules]
        switched = {rule for rule in rules if rule.settle(known)}
        if component.is_recursive:
            shared = _merged(rule.missing for rule in rules)
            for rule in rules:
                rule.missing = shared
        has_changed = any(a.missing != b for a, b in zip(rules, lacked, strict=True))
        for key in component.tables:
            if has_changed or key in agenda.changes:
                self._miss(key, agenda)
        return switched

    def _miss(self, key: TableKey, agenda: Agenda) -> None:
        table = self.derived[key]
        missing = _merged(rule.missing for rule in table.rules)
        if missing != table.missing:
            self.journal.note(partial(setattr, table, "missing", table.missing))
            table.missing = missing
            agenda.missing.add(key)

    def _derive(
        self, component: Component, stale: Sequence[ActiveRule], agenda: Agenda
    ) -> defaultdict[TableKey, list[Change]]:
        """Evaluate the stale rules (all of a recursive component); give what changed, by head."""
        if component.is_recursive:
            has_own = any(agenda.changes.get(key) for key in component.tables)
            rows_by_rule = self._derive_recursive(component, agenda) if stale or has_own else {}
        else:
            rows_by_rule = {rule: self._derive_plainly(rule, agenda) for rule in stale}
        gained: defaultdict[TableKey, list[Change]] = defaultdict(list)
        for rule, rows in rows_by_rule.items():
            change = Change(rows - rule.rows, rule.rows - rows)
            if change:
                gained[rule.head].append(change)
                rule.rows = rows
            if rule.has_new_plan:
                rule.has_new_plan = False
                for table, columns in self._users.update(rule):
                    self._drop_index_if_unused(table, columns)
        return gained

    def _derive_plainly(self, rule: ActiveRule, agenda: Agenda) -> set[Tuple]:
        if rule.is_off:
            return set()
        try:
            return rule.derive(self.context)
        except LimitExceeded as error:
            self._park(rule, str(error), agenda)
            return set()

    def _derive_recursive(
        self, component: Component, agenda: Agenda
    ) -> Mapping[ActiveRule, set[Tuple]]:
        rules = [rule for key in component.tables for rule in self.derived[key].rules]
        while True:
            try:
                derived = self.fixpoint(component).run()
            except RuleOverLimit as error:
                self._park(error.rule, error.reason, agenda)
            else:
                return {rule: derived.get(rule, set()) for rule in rules}

    def _park(self, rule: ActiveRule, reason: str, agenda: Agenda) -> None:
        rule.parked = {table_name(rule.head): f"a rule was stopped: {reason}"}
        agenda.parked[rule] = reason
        component = self._order.find(rule.head)
        if component is not None:
            agenda.rules |= self._settle(component, [rule], agenda)

    def _drop_empty_tables(self, agenda: Agenda) -> None:
        for key in agenda.changes:
            table = self.derived[key]
            if not table.rules and not table.facts:
                self.journal.drop(self.derived, key)
                self.journal.drop(self.relations, key)
                self._order.touch(key)
                self.journal.note(partial(self._order.touch, key))


def _merged(parts: Iterable[Missing]) -> Missing:
    merged: Missing = {}
    for part in parts:
        if part:
            merged.update(part)
    return merged
