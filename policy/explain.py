"""Why a row is there: one tree of rules and rows, down to what datasources and facts say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from congress_dist.errors import InternalError, NotFound
from congress_dist.row import Cell

from .evaluator import Evaluator
from .instance import atom_with, conjunct_with, values_of_head
from .language.ast import Alternatives, Constant, Literal, NegatedGroup, Rule
from .language.names import column_names, table_name
from .language.printer import print_conjunct, print_rule
from .planner.active_rule import ActiveRule
from .planner.components import Component
from .planner.join_order import order_body
from .planner.normal_form import Group, Match, NormalRule, TableKey, Term, bound_by
from .planner.plan import compile_plan
from .planner.program import Program
from .planner.symbols import Id, Tuple

MAX_DEPTH = 64
MAX_NODES = 1_000

_Child = tuple[TableKey, Tuple]


@dataclass(frozen=True, slots=True)
class Absence:
    """What a rule required to be absent: a negated literal with the values of this derivation.

    Shapes: `is_ground` when it names one row, so that adding `atom` as a fact ends the derivation.
        Of a `not (…)` group `table` is empty, and `atom` is the group.
    """

    policy: str
    table: str
    atom: str
    is_ground: bool


@dataclass(frozen=True, slots=True)
class Derivation:
    """One row and what it follows from.

    Shapes: `rule` is empty for a row of a datasource, a fact has no children. `children` has one
    derivation for each positive literal of the rule that names a table. `absences` are the rows
    that the rule required not to be there; `is_cut` tells that more children are left out.
    """

    policy: str
    table: str
    columns: tuple[str, ...]
    row: tuple[Cell, ...]
    rule: str = ""
    rule_id: str = ""
    title: str = ""
    absences: tuple[Absence, ...] = ()
    is_cut: bool = False
    children: tuple[Derivation, ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """Give the tree as plain values."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain


class Explainer:
    """Builds derivations from the present state of an evaluator; used for one row."""

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program = program
        self._evaluator = evaluator
        self._symbols = evaluator.symbols
        self._nodes_left = MAX_NODES
        self._ranks: dict[int, dict[_Child, int]] = {}
        """By component: the round in which each of its rows appears."""
        self._read: set[TableKey] = set()

    def explain(self, table: TableKey, row: Sequence[Cell]) -> Derivation:
        """Give a derivation of a row. Raises: NotFound: the row is not there."""
        encoded = self._symbols.find_row(row)
        if encoded is None or encoded not in self._evaluator.relation(table).rows:
            raise NotFound(
                f"table '{table_name(table)}' has no row {msgspec.json.encode(row).decode()}",
                policy=table[0],
                table=table[1],
            )
        try:
            return self._explain(table, encoded, MAX_DEPTH)
        finally:
            self._evaluator.drop_unused_indexes(self._read)

    def _explain(self, table: TableKey, row: Tuple, depth: int) -> Derivation:
        self._nodes_left -= 1
        plain = Derivation(*table, self._columns(table, row), self._symbols.decode(row))
        derived = self._evaluator.derived.get(table)
        if derived is None:
            return plain
        if row in derived.facts:
            _, fact = derived.facts[row]
            return _with_rule(plain, fact)
        rule, matched, absences = self._instance(table, row)
        return replace(
            _with_rule(plain, rule.rule),
            absences=absences,
            is_cut=bool(matched) and (depth <= 1 or self._nodes_left < len(matched)),
            children=tuple(self._children(matched, depth)),
        )

    def _children(self, matched: Sequence[_Child], depth: int) -> Iterator[Derivation]:
        if depth > 1:
            for table, row in matched:
                if self._nodes_left > 0:
                    yield self._explain(table, row, depth - 1)

    def _instance(
        self, table: TableKey, row: Tuple
    ) -> tuple[ActiveRule, Sequence[_Child], tuple[Absence, ...]]:
        """Find a rule that derives a row, with the rows that its positive literals match.

        Promises: rows of the same recursive component appear in an earlier round than `row`.
        """
        ranks = self._ranks_of(table)
        for rule in self._evaluator.derived[table].rules:
            if row not in rule.rows:
                continue
            if rule.alternatives[0].fold is not None:
                return rule, self._members(rule, row), ()
            for normal in rule.alternatives:
                for matched, values in self._matches(normal, row):
                    if all(ranks.get(child, -1) < ranks.get((table, row), 0) for child in matched):
                        return rule, matched, tuple(self._absences(normal, values))
        raise InternalError(f"no rule derives the row {self._symbols.decode(row)} of {table}")

    def _members(self, rule: ActiveRule, row: Tuple) -> list[_Child]:
        """Give the rows behind a group of an aggregate, as many as there is room for."""
        found: dict[_Child, None] = {}
        for normal in rule.alternatives:
            for matched, _ in self._matches(normal, row):
                found.update(dict.fromkeys(matched))
                if len(found) > self._nodes_left:
                    return list(found)
        return list(found)

    def _matches(
        self, normal: NormalRule, row: Tuple
    ) -> Iterator[tuple[tuple[_Child, ...], Mapping[str, Id]]]:
        """Give each way in which a head is a row, or of an aggregate its group that of the row.

        Shapes: the rows of the positive literals, and the values of the body's variables.
        """
        given = values_of_head(normal, row)
        if given is None:
            return
        # Every column becomes a variable, so that a binding tells the whole rows.
        body = tuple(
            replace(literal, terms=_all_named(literal.terms, number))
            if isinstance(literal, Match) and not literal.negated
            else literal
            for number, literal in enumerate(normal.body)
        )
        matches = [m for m in body if isinstance(m, Match) and not m.negated]
        names = sorted(bound_by(normal.body, given))
        asked_terms = (*(term for match in matches for term in match.terms), *names)
        asked = NormalRule(normal.head, asked_terms, body)
        relations = self._evaluator.relations
        self._read.update(match.table for match in matches)
        ordered = order_body(asked, lambda t, c, w: relations[t].fan_out(c, w), bound=given.keys())
        plan = compile_plan(ordered, asked_terms, given=tuple(given))
        for cells in plan.run(self._evaluator.context, tuple(given.values())):
            values = cells[len(cells) - len(names) :]
            yield tuple(_cut_up(cells, matches)), dict(zip(names, values, strict=True))

    def _ranks_of(self, table: TableKey) -> dict[_Child, int]:
        component = self._evaluator.component(table)
        if component is None or not component.is_recursive:
            return {}
        if component.number not in self._ranks:
            self._ranks[component.number] = self._rank(component)
        return self._ranks[component.number]

    def _rank(self, component: Component) -> dict[_Child, int]:
        return {
            (table, row): number
            for number, new in enumerate(self._evaluator.fixpoint(component).rounds())
            for table, rows in new.items()
            for row in rows
        }

    def _absences(self, normal: NormalRule, ids: Mapping[str, Id]) -> Iterator[Absence]:
        values = {name: Constant(self._symbols.values[cell]) for name, cell in ids.items()}
        for literal in normal.body:
            if isinstance(literal, Match) and literal.negated:
                if isinstance(literal.origin, Literal):
                    atom = atom_with(literal.origin.atom, values)
                    is_ground = all(isinstance(a.value, Constant) for a in atom.arguments)
                    is_whole = len(atom.arguments) == len(literal.terms)
                    yield Absence(*literal.table, print_conjunct(atom), is_ground and is_whole)
            elif isinstance(literal, Group) and isinstance(literal.origin, NegatedGroup):
                known = {name: values[name] for name in literal.shared if name in values}
                group = Alternatives(literal.origin.bodies)
                shown = print_conjunct(conjunct_with(group, known))
                yield Absence(normal.head[0], "", shown, is_ground=False)

    def _columns(self, table: TableKey, row: Tuple) -> tuple[str, ...]:
        names = self._program.columns(*table)
        return names if names is not None else column_names(len(row))


def _with_rule(plain: Derivation, rule: Rule) -> Derivation:
    return replace(
        plain,
        rule=print_rule(rule),
        rule_id=str(rule.annotation("id") or ""),
        title=str(rule.annotation("title") or ""),
    )


def _all_named(terms: Sequence[Term], number: int) -> tuple[Term, ...]:
    return tuple(
        f"?{number}.{column}" if term is None else term for column, term in enumerate(terms)
    )


def _cut_up(cells: Tuple, matches: Sequence[Match]) -> Iterator[_Child]:
    start = 0
    for match in matches:
        end = start + len(match.terms)
        yield match.table, cells[start:end]
        start = end
