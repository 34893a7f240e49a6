"""Why a row is there: one tree of rules and rows, down to what datasources and facts say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from congress_dist.errors import InternalError, NotFound
from congress_dist.row import Cell

from .evaluator import Evaluator
from .instance import atom_with, conjunct_with, values_of_head, within_group
from .language.ast import Alternatives, Constant, Literal, NegatedGroup, Rule
from .language.counts import counted
from .language.names import column_names, table_name
from .language.printer import print_conjunct, print_rule
from .planner.active_rule import ActiveRule
from .planner.join_order import order_body
from .planner.kernel_face import ALL_ROWS, AdHocPlan
from .planner.normal_form import Group, Match, NormalRule, TableKey, Term, bound_by
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
        self._face = evaluator.face
        self._symbols = evaluator.symbols
        self._nodes_left = MAX_NODES
        self._finders: dict[int, AdHocPlan] = {}
        """By the identity of a literal, what finds its rows."""

    def explain(self, table: TableKey, row: Sequence[Cell]) -> Derivation:
        """Give a derivation of a row. Raises: NotFound: the row is not there."""
        encoded = self._symbols.find_row(row)
        if encoded is None or not self._face.has(table, encoded):
            what = f"table '{table_name(table)}' has no row {msgspec.json.encode(row).decode()}"
            raise NotFound(what + self._why_none(table, row), policy=table[0], table=table[1])
        return self._explain(table, encoded, MAX_DEPTH)

    def _why_none(self, table: TableKey, row: Sequence[Cell]) -> str:
        """Say why a table can have no such row; empty: it could."""
        width = self._program.arity(*table)
        if width is None:
            return ", as nothing defines the table"
        return "" if width == len(row) else f", as it has {counted(width, 'column')}"

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
        for rule in self._evaluator.derived[table].rules:
            if rule.is_off or not rule.alternatives:
                continue
            if rule.alternatives[0].fold is not None:
                if row in self._evaluator.derive(within_group(rule.alternatives, row)):
                    return rule, self._members(rule, row), ()
                continue
            for normal in rule.alternatives:
                most = ALL_ROWS if self._may_lead_back(normal, table) else 1
                for values in self._solutions(normal, row, most):
                    matched = self._rows_below(normal, values, (table, row))
                    if matched is not None:
                        return rule, matched, tuple(self._absences(normal, values))
        raise InternalError(f"no rule derives the row {self._symbols.decode(row)} of {table}")

    def _members(self, rule: ActiveRule, row: Tuple) -> list[_Child]:
        """Give the rows behind a group of an aggregate, as many as there is room for."""
        found: dict[_Child, None] = {}
        for normal in rule.alternatives:
            for values in self._solutions(normal, row, self._nodes_left + 1):
                for match in normal.matches():
                    rows = self._rows_of(match, values, self._nodes_left + 1)
                    found.update(dict.fromkeys(rows))
                if len(found) > self._nodes_left:
                    return list(found)
        return list(found)

    def _solutions(self, normal: NormalRule, row: Tuple, most: int) -> Iterator[Mapping[str, Id]]:
        """Give the values of the body's variables in ways in which a head is a row.

        Shapes: of a rule with aggregates those in which the group is that of the row; not many
            more than `most`.
        """
        given = values_of_head(normal, row)
        if given is None:
            return
        names = sorted(bound_by(normal.body, given))
        asked = NormalRule(normal.head, tuple(names), normal.body)
        ordered = order_body(asked, self._face.fan_out, bound=given.keys())
        plan = self._face.plan(ordered, names, given=tuple(given))
        for values in plan.ids(tuple(given.values()), most):
            yield dict(zip(names, values, strict=True))

    def _rows_below(
        self, normal: NormalRule, values: Mapping[str, Id], parent: _Child
    ) -> list[_Child] | None:
        """Give a row for each positive literal, None if one has none that can stand below."""
        chosen: list[_Child] = []
        for match in normal.matches():
            most = ALL_ROWS if self._is_together(match.table, parent[0]) else 1
            rows = self._rows_of(match, values, most)
            below = next((child for child in rows if self._is_below(child, parent)), None)
            if below is None:
                return None
            chosen.append(below)
        return chosen

    def _rows_of(self, match: Match, values: Mapping[str, Id], most: int) -> list[_Child]:
        """Give rows that agree with a literal, given the values of its variables."""
        terms = [values[term] if isinstance(term, str) else term for term in match.terms]
        if None not in terms:
            return [(match.table, tuple(terms))]  # type: ignore[arg-type]
        plan = self._finders.get(id(match))
        known = sorted({term for term in match.terms if isinstance(term, str)})
        if plan is None:
            named = _all_named(match.terms)
            body = [replace(match, terms=named)]
            plan = self._finders[id(match)] = self._face.plan(body, named, given=known)
        return [(match.table, row) for row in plan.ids([values[n] for n in known], most)]

    def _may_lead_back(self, normal: NormalRule, table: TableKey) -> bool:
        """Tell whether a rule reads tables that depend on the one that it derives."""
        return any(self._is_together(match.table, table) for match in normal.matches())

    def _is_together(self, table: TableKey, other: TableKey) -> bool:
        """Tell whether two tables depend on each other, by rules that are not off."""
        width, other_width = self._evaluator.width(table), self._evaluator.width(other)
        if width is None or other_width is None:
            return False
        return self._face.are_together((table, width), (other, other_width))

    def _is_below(self, child: _Child, parent: _Child) -> bool:
        """Tell whether a row can stand below another one without ever leading back to it."""
        if not self._is_together(child[0], parent[0]):
            return True
        return self._face.height(*child) < self._face.height(*parent)

    def _absences(self, normal: NormalRule, ids: Mapping[str, Id]) -> Iterator[Absence]:
        values = {name: Constant(self._symbols.value(cell)) for name, cell in ids.items()}
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


def _all_named(terms: Sequence[Term]) -> tuple[Term, ...]:
    return tuple(f"?{n}" if term is None else term for n, term in enumerate(terms))
