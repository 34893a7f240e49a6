"""What will run, in which order, and why: the plan of a program in words.

The order is worked out as for evaluation, from the present sizes of the tables; nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from .evaluator import Evaluator
from .language.ast import Rule
from .language.counts import counted
from .language.names import table_name
from .language.printer import print_value
from .planner.active_rule import ActiveRule
from .planner.components import Component
from .planner.join_order import bound_columns, order_body
from .planner.normal_form import (
    Call,
    Choice,
    Condition,
    Group,
    Match,
    NormalLiteral,
    NormalRule,
    TableKey,
    Term,
    variables_of,
)
from .planner.program import Program


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One step of a rule: what it does, and why it stands where it stands."""

    does: str
    why: str


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule with its steps, for each alternative that its `or`s make.

    Shapes: a rule that waits has no alternatives; `waits` tells for what. `rows_per_tick` are the
        rows of the tables that a rule which asks for the time reads anew at each tick.
    """

    policy: str
    rule: Rule
    alternatives: Sequence[Sequence[PlannedStep]]
    waits: Mapping[str, str]
    rows: int
    rows_per_tick: int = 0


@dataclass(frozen=True, slots=True)
class PlannedTables:
    """Tables that are computed together: one, or several that depend on each other."""

    tables: Sequence[TableKey]
    is_recursive: bool
    reads: Sequence[TableKey]
    facts: int
    rows: int
    rules: Sequence[PlannedRule]


class PlanReporter:
    """Tells the plan of a program in its present state."""

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program = program
        self._evaluator = evaluator

    def report(self) -> list[PlannedTables]:
        """Give all derived tables in the order in which a change runs through them."""
        components = {
            component.number: component
            for key in self._evaluator.derived
            if (component := self._evaluator.component(key)) is not None
        }
        return [self._tables(components[number]) for number in sorted(components)]

    def _tables(self, component: Component) -> PlannedTables:
        tables = component.tables
        derived = [self._evaluator.derived[key] for key in tables]
        rules = [rule for table in derived for rule in table.rules]
        reads = {read for rule in rules for read in rule.reads} - set(tables)
        return PlannedTables(
            tables,
            component.is_recursive,
            sorted(reads),
            sum(len(table.facts) for table in derived),
            sum(len(table.relation.rows) for table in derived),
            [self._rule(rule) for rule in rules],
        )

    def _rule(self, rule: ActiveRule) -> PlannedRule:
        alternatives = [list(self._steps(normal)) for normal in rule.alternatives]
        waits = dict(rule.missing)
        per_tick = self._rows_per_tick(rule)
        return PlannedRule(rule.policy, rule.rule, alternatives, waits, len(rule.rows), per_tick)

    def _rows_per_tick(self, rule: ActiveRule) -> int:
        if _CLOCK not in rule.reads:
            return 0
        return sum(len(self._evaluator.relation(t).rows) for t in rule.reads if t != _CLOCK)

    def _steps(self, normal: NormalRule) -> Iterator[PlannedStep]:
        known: set[str] = set()
        for literal in order_body(normal, self._fan_out):
            yield self._step(literal, known)
            known |= variables_of(literal)
        if normal.fold is not None:
            groups = [self._term(term) for term in normal.terms[: normal.fold.groups]]
            does = f"aggregate for each {', '.join(groups)}" if groups else "aggregate all"
            yield PlannedStep(does, "last: it needs all rows")

    def _step(self, literal: NormalLiteral, known: AbstractSet[str]) -> PlannedStep:
        match literal:
            case Match(negated=True):
                by = self._by(literal, known)
                return PlannedStep(
                    f"drop what has a row in {table_name(literal.table)}{by}", _AS_SOON
                )
            case Match():
                return self._join(literal, known)
            case Condition(operator, left, right):
                if variables_of(literal) <= known:
                    does = f"keep what has {self._term(left)} {operator} {self._term(right)}"
                    return PlannedStep(does, _AS_SOON)
                is_left_new = isinstance(left, str) and left not in known
                new, value = (left, right) if is_left_new else (right, left)
                does = f"let {self._term(new)} = {self._term(value)}"
                return PlannedStep(does, "it gives a value and costs nothing")
            case Choice(term, constants, negated):
                values = ", ".join(sorted(self._term(constant) for constant in constants))
                if not negated and term not in known:
                    does = f"take {self._term(term)} from {values}"
                    return PlannedStep(does, "it gives values and costs nothing")
                word = "is none of" if negated else "is one of"
                return PlannedStep(f"keep what has {self._term(term)} that {word} {values}", _TEST)
            case Call(builtin, _, inputs, outputs, negated):
                call = f"{builtin}({', '.join(map(self._term, inputs + outputs))})"
                word = "drop what has" if negated else "compute"
                return PlannedStep(f"{word} {call}", "its inputs are known")
            case Group(bodies=bodies, negated=negated):
                tables = {m.table for b in bodies for m in b if isinstance(m, Match)}
                names = ", ".join(sorted(map(table_name, tables)))
                unknown = sorted(variables_of(literal) - known)
                if unknown:
                    does = f"give {', '.join(unknown)} by the matches of the group over {names}"
                    return PlannedStep(does, "it has too many alternatives to multiply out")
                word = "drop" if negated else "keep"
                return PlannedStep(f"{word} what has a match of the group over {names}", _AS_SOON)

    def _join(self, literal: Match, known: AbstractSet[str]) -> PlannedStep:
        name = table_name(literal.table)
        columns = bound_columns(literal, known)
        size = len(self._evaluator.relation(literal.table).rows)
        if not columns:
            why = "it shares no variable with what is there"
            if not known:
                why = "first: the fewest rows to begin with" if size else "first: it is empty"
            return PlannedStep(f"read all of {name} ({counted(size, 'row')})", why)
        by = self._by(literal, known)
        if variables_of(literal) <= known:
            return PlannedStep(f"keep what has a row in {name}{by}", _AS_SOON)
        estimate = self._fan_out(literal.table, columns, len(literal.terms))
        shared = sorted(variables_of(literal) & known)
        why = f"'{shared[0]}' is known" if shared else "a constant narrows it"
        return PlannedStep(
            f"look up {name}{by} (about {estimate:.3g} of {counted(size, 'row')} each)", why
        )

    def _by(self, literal: Match, known: AbstractSet[str]) -> str:
        columns = bound_columns(literal, known)
        names = self._program.columns(*literal.table)
        if not columns:
            return ""
        shown = [
            f"{names[column] if names else f'column {column}'}={self._term(literal.terms[column])}"
            for column in columns
        ]
        return f" by {', '.join(shown)}"

    def _term(self, term: Term) -> str:
        if term is None:
            return "_"
        if isinstance(term, int):
            return print_value(self._evaluator.symbols.decode((term,))[0])
        return term if term.isidentifier() else f"v{term.strip('=?')}"

    def _fan_out(self, table: TableKey, columns: tuple[int, ...], width: int) -> float:
        return self._evaluator.relation(table).fan_out(columns, width)


_CLOCK: TableKey = ("clock", "now")
_AS_SOON = "a test, as soon as its values are known"
_TEST = "a test on one value"
