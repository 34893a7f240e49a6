"""What a program means: the rows of every derived table, and what keeps tables from being known.

Naive evaluation, stratum by stratum, from nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property

from congress_dist.policy.language.ast import Rule
from congress_dist.policy.language.names import table_name
from congress_dist.policy.language.rule_key import RuleKey
from congress_dist.policy.planner.normal_form import (
    Call,
    Choice,
    Group,
    Match,
    NormalLiteral,
    NormalRule,
    TableKey,
    literals_within,
)

from .folding import fold
from .solving import Body, Rows
from .symbols import IdRow, Symbols

Reasons = dict[str, set[str]]
"""`source:table` → every reason that there is: which of several is told does not matter."""

RuleName = tuple[str, RuleKey]
"""(policy, key)."""

STOPPED = "a rule was stopped"


class TooManyRows(Exception):
    """A rule derives more rows than the reference evaluator will hold."""


@dataclass
class ReferenceRule:
    """One rule that is no fact."""

    name: RuleName
    rule: Rule
    head: TableKey
    alternatives: tuple[NormalRule, ...]
    reads: frozenset[TableKey]
    waits_for: dict[str, str] = field(default_factory=dict)
    """Why it cannot run with the present schemas, by table; empty: it can."""

    @cached_property
    def needs_whole(self) -> frozenset[TableKey]:
        """Give the tables in which an absence matters."""
        return frozenset(t for each in self.alternatives for t in _read_whole(each))

    @cached_property
    def _bodies(self) -> list[tuple[NormalRule, Body]]:
        return [(each, Body(each.body)) for each in self.alternatives]

    def derive(self, rows: Rows, symbols: Symbols) -> set[IdRow]:
        """Give the rows that its bodies give, not folded yet."""
        return {
            tuple(term if isinstance(term, int) else way[term] for term in each.terms)  # type: ignore[index]
            for each, body in self._bodies
            for way in body.solve(rows, symbols, {})
        }

    def fold(self, rows: set[IdRow], symbols: Symbols) -> set[IdRow]:
        """Give the rows of the head."""
        how = self.alternatives[0].fold if self.alternatives else None
        return rows if how is None else fold(how, rows, symbols)


def _read_whole(rule: NormalRule) -> Iterable[TableKey]:
    if rule.fold is not None:
        return rule.reads()
    return _absences(rule.body)


def _absences(body: Iterable[NormalLiteral]) -> Iterable[TableKey]:
    for literal in body:
        if isinstance(literal, Match) and literal.negated:
            yield literal.table
        elif isinstance(literal, Group):
            for inner in literal.bodies:
                if literal.negated:
                    yield from (o.table for o in literals_within(inner) if isinstance(o, Match))
                else:
                    yield from _absences(inner)


@dataclass
class Given:
    """What the meaning follows from."""

    base: Mapping[TableKey, AbstractSet[IdRow]]
    reasons: Mapping[TableKey, str | None]
    """By base table why it is not known."""
    facts: Mapping[TableKey, AbstractSet[IdRow]]
    rules: Sequence[ReferenceRule]
    parked: AbstractSet[RuleName]
    why_unknown: Callable[[TableKey], str | None]
    """For tables that nothing defines."""
    max_rows: int


@dataclass
class Meaning:
    """What follows."""

    rows: dict[TableKey, AbstractSet[IdRow]]
    """Of base tables too."""
    missing: dict[TableKey, Reasons]
    rows_by_rule: dict[RuleName, set[IdRow]]
    found_by_rule: dict[RuleName, int]
    """How many rows the bodies of a rule gave, before they were folded."""
    derived: frozenset[TableKey]


def strata(rules: Iterable[ReferenceRule], derived: AbstractSet[TableKey]) -> list[list[TableKey]]:
    """Give groups of derived tables that depend on each other, each after what it reads."""
    below: dict[TableKey, set[TableKey]] = {table: set() for table in derived}
    for rule in rules:
        below[rule.head] |= rule.reads & derived
    is_growing = True
    while is_growing:
        is_growing = False
        for read in below.values():
            more = set().union(*(below[table] for table in read))
            if not more <= read:
                read |= more
                is_growing = True
    # With itself, a table has more below it than each table of a stratum below it has.
    groups: dict[frozenset[TableKey], list[TableKey]] = {}
    for table in sorted(derived, key=lambda t: (len(below[t] | {t}), t)):
        group = frozenset(o for o in below[table] if table in below[o]) | {table}
        groups.setdefault(group, []).append(table)
    return list(groups.values())


def meaning_of(given: Given, symbols: Symbols, order: Sequence[Sequence[TableKey]]) -> Meaning:
    """Work everything out. `order` is what `strata` gives. Raises: TooManyRows."""
    derived = frozenset(table for tables in order for table in tables)
    meaning = Meaning(
        rows={**given.base, **{table: given.facts.get(table, frozenset()) for table in derived}},
        missing={},
        rows_by_rule={rule.name: set() for rule in given.rules},
        found_by_rule={},
        derived=derived,
    )
    rules_by_head: dict[TableKey, list[ReferenceRule]] = {table: [] for table in derived}
    for rule in given.rules:
        rules_by_head[rule.head].append(rule)
    for tables in order:
        rules = [rule for table in tables for rule in rules_by_head[table]]
        running = _running(tables, rules, given, meaning)
        _saturate(tables, running, given, meaning, symbols)
    return meaning


def missing_of(table: TableKey, given: Given, meaning: Meaning) -> Reasons:
    """Give what keeps a table from being known."""
    if table in given.base:
        reason = given.reasons[table]
    elif table in meaning.derived:
        return meaning.missing[table]
    else:
        reason = given.why_unknown(table)
    return {} if reason is None else {table_name(table): {reason}}


def _running(
    tables: Sequence[TableKey],
    rules: Sequence[ReferenceRule],
    given: Given,
    meaning: Meaning,
) -> list[ReferenceRule]:
    """Work out what the tables of a stratum miss; give the rules that can run."""
    by_table: dict[TableKey, Reasons] = {table: {} for table in tables}
    running = []
    for rule in rules:
        own = by_table[rule.head]
        for read in rule.reads.difference(tables):
            _add(own, missing_of(read, given, meaning))
        _add(own, {table: {reason} for table, reason in rule.waits_for.items()})
        if rule.name in given.parked:
            _add(own, {table_name(rule.head): {STOPPED}})
        elif not rule.waits_for and not any(
            missing_of(table, given, meaning) for table in rule.needs_whole.difference(tables)
        ):
            running.append(rule)
    together: Reasons = {}
    for reasons in by_table.values():
        _add(together, reasons)
    meaning.missing |= dict.fromkeys(tables, together)
    return running


def _add(reasons: Reasons, more: Mapping[str, set[str]]) -> None:
    for table, some in more.items():
        reasons[table] = reasons.get(table, set()) | some


def _saturate(
    tables: Sequence[TableKey],
    rules: Sequence[ReferenceRule],
    given: Given,
    meaning: Meaning,
    symbols: Symbols,
) -> None:
    """Let rules derive until nothing new follows."""
    is_growing = True
    while is_growing:
        is_growing = False
        for rule in rules:
            found = rule.derive(meaning.rows, symbols)
            meaning.found_by_rule[rule.name] = len(found)
            if len(found) > given.max_rows:
                raise TooManyRows(rule.name)
            own = rule.fold(found, symbols)
            meaning.rows_by_rule[rule.name] = own
            if not own <= meaning.rows[rule.head]:
                meaning.rows[rule.head] = meaning.rows[rule.head] | own
                is_growing = any(rule.reads.intersection(tables) for rule in rules)


IdChanges = dict[TableKey, tuple[AbstractSet[IdRow], AbstractSet[IdRow]]]


def differences(before: Meaning, after: Meaning) -> IdChanges:
    """Give for each derived table that differs the rows that appeared and that disappeared."""
    changes = {}
    for table in before.derived | after.derived:
        old = before.rows[table] if table in before.derived else frozenset()
        new = after.rows[table] if table in after.derived else frozenset()
        if old != new:
            changes[table] = new - old, old - new
    return changes


_MOST_OUTPUTS = 8
"""Rows that one call of a builtin may give in random programs."""


def most_ways(rule: ReferenceRule, *meanings: Meaning) -> int:
    """Give a number of rows that no plan of a rule can exceed on the way between meanings."""
    all_rows = [meaning.rows for meaning in meanings]
    return sum(_most_ways(each.body, all_rows) for each in rule.alternatives)


def _most_ways(body: Iterable[NormalLiteral], all_rows: Sequence[Rows]) -> int:
    most = 1
    for literal in body:
        match literal:
            case Match(table=table):
                most *= max(1, *(len(rows.get(table, ())) for rows in all_rows))
            case Choice(constants=constants):
                most *= len(constants)
            case Call():
                most *= _MOST_OUTPUTS
            case Group(bodies=bodies):
                most *= max(1, sum(_most_ways(each, all_rows) for each in bodies))
    return most
