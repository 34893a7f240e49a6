"""Why a row is not there: for each rule that could derive it, what fails first, and how surely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from typing import Literal as OneOf

import msgspec

from congress_dist.row import Cell

from .evaluator import Evaluator
from .instance import conjunct_with, values_of_head, within_group
from .language.ast import Conjunct, Constant
from .language.printer import print_conjunct, print_rule, print_value
from .planner.active_rule import ActiveRule, Missing
from .planner.join_order import can_run, order_within
from .planner.normal_form import (
    Group,
    Match,
    NormalLiteral,
    NormalRule,
    TableKey,
    literals_within,
    variables_of,
)
from .planner.symbols import Id, Tuple

Because = OneOf["absence", "presence", "condition", "ignorance", "value", "head"]
"""Why a rule does not derive a row.

absence: no row agrees with `fails`; presence: one does, under `not`; condition: a comparison or a
builtin does not hold, or no body can (`false`); ignorance: a table is not known; value: the
aggregate of the group is another; head: its constants, or variables that repeat, are others.
"""

MAX_RULES = 100
"""Alternatives of rules that are looked at for one row."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """What keeps one rule, or one of its alternatives, from deriving the row.

    Shapes: `holds` are the conditions that can hold together, in order, and `fails` the first that
        cannot, each with values where they are known; of an aggregate `fails` has the value asked
        for, and `holds` ends with the actual one: `count(x) = 3`. `missing` tells for ignorance
        what is not known, `source:table` → reason.
    """

    policy: str
    rule: str
    rule_id: str
    alternative: int
    because: Because
    fails: str = ""
    holds: tuple[str, ...] = ()
    missing: Missing | None = None


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a row is not in a table.

    Shapes: `is_present`: it is there after all. `missing` is what keeps the table from being
        known: the row could be there nevertheless. `is_cut`: more rules could derive it.
    """

    policy: str
    table: str
    row: tuple[Cell, ...]
    is_present: bool
    missing: Missing
    obstacles: tuple[Obstacle, ...]
    is_cut: bool = False

    def to_wire(self) -> dict[str, Any]:
        """Give it as plain values."""
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return plain


class Doubter:
    """Looks for what keeps a row away; used for one row."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._face = evaluator.face
        self._symbols = evaluator.symbols

    def why_not(self, table: TableKey, row: Sequence[Cell]) -> WhyNot:
        """Give what keeps a row out of a table. Raises: InvalidRow: no table may hold the row."""
        encoded = self._symbols.encode(row)
        derived = self._evaluator.derived.get(table)
        obstacles: list[Obstacle] = []
        is_present = self._face.has(table, encoded)
        if derived is not None and not is_present:
            for rule in derived.rules:
                obstacles += self._obstacles(rule, encoded)
                if len(obstacles) > MAX_RULES:
                    break
        missing = dict(self._evaluator.missing(table))
        is_cut = len(obstacles) > MAX_RULES
        kept = tuple(obstacles[:MAX_RULES])
        return WhyNot(*table, tuple(row), is_present, missing, kept, is_cut)

    def _obstacles(self, rule: ActiveRule, row: Tuple) -> Iterator[Obstacle]:
        if not rule.alternatives:
            if rule.missing:
                yield _obstacle(rule, 0, "ignorance", missing=rule.missing)
            else:
                yield _obstacle(rule, 0, "condition", "false")
            return
        for number, normal in enumerate(rule.alternatives, 1):
            alternative = number if len(rule.alternatives) > 1 else 0
            given = values_of_head(normal, row)
            if given is None:
                yield _obstacle(rule, alternative, "head")
            else:
                yield self._obstacle(rule, alternative, normal, given, row)

    def _obstacle(
        self,
        rule: ActiveRule,
        number: int,
        normal: NormalRule,
        given: Mapping[str, Id],
        row: Tuple,
    ) -> Obstacle:
        """Find the first literal with which those before it cannot hold."""
        body = _in_text_order(normal, frozenset(given))
        known: dict[str, Id] = dict(given)
        for place, literal in enumerate(body):
            unknown = self._missing_under_not(literal)
            found = None if unknown else self._solution(body[: place + 1], given)
            if found is None:
                because, missing = self._judge(body[: place + 1], given, unknown)
                fails, holds = self._shown(body, place, known)
                return _obstacle(rule, number, because, fails, holds, missing)
            known = found
        _, holds = self._shown(body, len(body), known)
        if rule.missing and rule.is_off:
            return _obstacle(rule, number, "ignorance", "", holds, rule.missing)
        fails, actual = self._wrong_value(rule, row)
        return _obstacle(rule, number, "value", fails, (*holds, *actual))

    def _wrong_value(self, rule: ActiveRule, row: Tuple) -> tuple[str, tuple[str, ...]]:
        """Give the first aggregate that is another than in the row, and what it is instead."""
        folded = self._folded(rule, row)
        if folded is None:
            return "the head can be worked out", ()
        for argument, wanted, actual in zip(rule.rule.head.arguments, row, folded, strict=True):
            if wanted != actual:
                aggregate = print_conjunct(argument.value)
                return f"{aggregate} = {self._value(wanted)}", (
                    f"{aggregate} = {self._value(actual)}",
                )
        return "", ()

    def _folded(self, rule: ActiveRule, row: Tuple) -> Tuple | None:
        """Give what a rule with aggregates derives for the group of a row; None if nothing."""
        if rule.alternatives[0].fold is None:
            return None
        group = within_group(rule.alternatives, row)
        return next(iter(self._evaluator.derive(group)), None)

    def _value(self, cell: Id) -> str:
        return print_value(self._symbols.value(cell))

    def _judge(
        self, prefix: Sequence[NormalLiteral], given: Mapping[str, Id], unknown: Missing
    ) -> tuple[Because, Missing | None]:
        """Say why the last literal of a prefix fails, and if that is certain."""
        last = prefix[-1]
        if unknown:
            return "ignorance", unknown
        missing = self._missing_in(prefix)
        if missing and not self._fails_alone(last, given):
            return "ignorance", missing
        if isinstance(last, Match):
            return ("presence" if last.negated else "absence"), None
        return ("presence" if isinstance(last, Group) and last.negated else "condition"), None

    def _fails_alone(self, literal: NormalLiteral, given: Mapping[str, Id]) -> bool:
        """Tell whether a literal fails whatever the conditions before it give."""
        if self._missing_in([literal]):
            return False
        return can_run(literal, given.keys()) and self._solution([literal], given) is None

    def _solution(
        self, body: Sequence[NormalLiteral], given: Mapping[str, Id]
    ) -> dict[str, Id] | None:
        """Give one way to satisfy a body, with the values of all its variables."""
        names = dict.fromkeys([*given, *sorted(set().union(*map(variables_of, body)))])
        ordered: list[NormalLiteral] = []
        known = set(given)
        for literal in body:
            inner = order_within(literal, self._face.fan_out, known)
            ordered.append(inner)
            known |= variables_of(literal)
        plan = self._face.plan(ordered, list(names), given=tuple(given))
        for values in plan.ids(tuple(given.values()), most=1):
            return dict(zip(names, values, strict=True))
        return None

    def _missing_in(self, literals: Sequence[NormalLiteral]) -> Missing:
        missing: Missing = {}
        for literal in literals_within(literals):
            if isinstance(literal, Match):
                missing |= self._evaluator.missing(literal.table)
        return missing

    def _missing_under_not(self, literal: NormalLiteral) -> Missing:
        if isinstance(literal, Match | Group) and literal.negated:
            return self._missing_in([literal])
        return {}

    def _shown(
        self, body: Sequence[NormalLiteral], place: int, known: Mapping[str, Id]
    ) -> tuple[str, tuple[str, ...]]:
        """Give the condition at a place and those before it as text, with the values known.

        Of a condition that comes to several literals all are before the place, or it fails.
        """
        values = {name: Constant(self._symbols.value(cell)) for name, cell in known.items()}

        def text(conjunct: Conjunct | None) -> str:
            if conjunct is None:
                return "the head can be worked out"
            return print_conjunct(conjunct_with(conjunct, values))

        fails = body[place].origin if place < len(body) else None
        later = {literal.origin for literal in body[place:]}
        held = dict.fromkeys(o.origin for o in body[:place] if o.origin not in later)
        holds = tuple(text(origin) for origin in held if origin is not None)
        return (text(fails) if place < len(body) else ""), holds


def _obstacle(
    rule: ActiveRule,
    number: int,
    because: Because,
    fails: str = "",
    holds: tuple[str, ...] = (),
    missing: Missing | None = None,
) -> Obstacle:
    rule_id = str(rule.rule.annotation("id") or "")
    kept = None if missing is None else dict(missing)
    text = print_rule(rule.rule)
    return Obstacle(rule.policy, text, rule_id, number, because, fails, holds, kept)


def _in_text_order(normal: NormalRule, given: frozenset[str]) -> list[NormalLiteral]:
    """Give the body as written, but each literal only after what it needs."""
    known = set(given)
    left = list(normal.body)
    ordered: list[NormalLiteral] = []
    while left:
        chosen = next((literal for literal in left if can_run(literal, known)), left[0])
        left = [literal for literal in left if literal is not chosen]
        known |= variables_of(chosen)
        ordered.append(chosen)
    return ordered
