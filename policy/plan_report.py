"""What will run, in which order, and why: the plan of a program in words.

The orders are those that the kernel is given, from the present sizes of the tables; nothing runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap

from .evaluator import Evaluator
from .language.ast import Rule
from .language.names import table_name
from .plan_words import PlannedStep, PlanWords
from .planner.active_rule import ActiveRule
from .planner.closure import find_closure
from .planner.components import Component
from .planner.internal_key import InternalKey
from .planner.kernel_rules import (
    AgeCondition,
    AnyKernelRule,
    KernelCrossings,
    KernelFold,
    KernelRule,
    Lowered,
    RelationKey,
)
from .planner.normal_form import Match, TableKey, literals_within
from .planner.program import Program


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One way in which a conjunction is run: for the changes of a table, or from nothing.

    Shapes: `changes` is that table, None for from nothing. A rule of a closure that `gives_edges`
        is not joined from nothing: its steps are those that give the edges of the search.
    """

    changes: str | None
    steps: Sequence[PlannedStep]
    gives_edges: bool = False


@dataclass(frozen=True, slots=True)
class PlannedConjunction:
    """What the kernel runs as one: of a rule, of one of its alternatives, or of an internal table.

    Shapes: `meaning` tells what the internal table stands for, None for the rule's own table.
    """

    gives: str
    meaning: str | None
    rows: int
    runs: Sequence[PlannedRun]


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """A rule with what the kernel runs for it, internal tables before what reads them.

    Shapes: a rule that is not resolved has no conjunctions; `waits` tells for what. `rows` is None
        where only running the rule would tell which rows of its table are its own. The
        `rows_per_tick` are those of the tables that a rule which asks for the time reads anew at
        each tick.
    """

    policy: str
    rule: Rule
    conjunctions: Sequence[PlannedConjunction]
    waits: Mapping[str, str]
    rows: int | None
    rows_per_tick: int = 0


@dataclass(frozen=True, slots=True)
class PlannedTables:
    """Tables that are computed together: one, or several that depend on each other.

    Shapes: a closure is one recursive table, whose rows from nothing are found by a search.
    """

    tables: Sequence[TableKey]
    is_recursive: bool
    is_closure: bool
    reads: Sequence[TableKey]
    facts: int
    rows: int
    rules: Sequence[PlannedRule]


_Moved = Mapping[AnyKernelRule, int]
"""Of a closure's steps the column that moves."""


class PlanReporter:
    """Tells the plan of a program in its present state."""

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program = program
        self._evaluator = evaluator
        self._face = evaluator.face

    def report(self) -> list[PlannedTables]:
        """Give all derived tables in the order in which a change runs through them."""
        components = {
            component.number: component
            for key in self._evaluator.derived
            if (component := self._evaluator.component(key)) is not None
        }
        return [self._tables(components[number]) for number in sorted(components)]

    def _tables(self, component: Component[TableKey]) -> PlannedTables:
        tables = component.tables
        derived = [self._evaluator.derived[key] for key in tables]
        rules = [rule for table in derived for rule in table.rules]
        reads = {read for rule in rules for read in rule.reads} - set(tables)
        moved = self._moved_columns(tables[0], rules) if component.is_recursive else {}
        return PlannedTables(
            tables,
            component.is_recursive,
            bool(moved),
            sorted(reads),
            sum(len(table.facts) for table in derived),
            sum(map(self._size, tables)),
            [self._rule(rule, component, moved) for rule in rules],
        )

    def _moved_columns(self, table: TableKey, rules: Sequence[ActiveRule]) -> _Moved:
        """Give the steps of a closure with the column that they move; none when it is none."""
        program, width = self._face.program, self._evaluator.width(table)
        number = None if width is None else self._face.tables.find(table, width)
        component = None if number is None else program.component(number)
        if component is None or len(component.tables) > 1:
            return {}
        lowered = [found for rule in rules if (found := program.lowered(rule)) is not None]
        own = [rule for each in lowered for rule in each.rules if rule.head == table]
        shape = find_closure(own)
        return {} if shape is None else {own[step]: shape.column for step in shape.steps}

    def _rule(
        self, rule: ActiveRule, component: Component[TableKey], moved: _Moved
    ) -> PlannedRule:
        lowered = self._face.program.lowered(rule)
        if lowered is None:
            together = component.tables if component.is_recursive else ()
            lowered = self._face.program.lower(
                rule.alternatives, rule, reports=False, recursive=together
            )
        conjunctions = list(self._conjunctions(lowered, moved))
        rows, per_tick = self._find_rows(rule), self._rows_per_tick(lowered)
        return PlannedRule(
            rule.policy, rule.rule, conjunctions, dict(rule.missing), rows, per_tick
        )

    def _conjunctions(self, lowered: Lowered, moved: _Moved) -> Iterator[PlannedConjunction]:
        internal = [key for key in lowered.widths if key.kind != "report"]
        names = {key: f"internal table {number}" for number, key in enumerate(internal, 1)}
        words = PlanWords(self._face, names, self._columns(lowered))
        for rule in _without_copy(lowered):
            if isinstance(rule, KernelFold):
                runs = [PlannedRun(None, [_fold_step(rule, words)])]
                width = len(rule.parts)
            elif isinstance(rule, KernelCrossings):
                runs = [PlannedRun(None, [_crossing_step(rule, words)])]
                width = 1
            else:
                runs = list(_runs(rule, words, moved.get(rule)))
                width = len(rule.terms)
            size = self._face.size(rule.head, width)
            if rule.head in names:
                meaning = self._meaning(rule, words)
                yield PlannedConjunction(words.table(rule.head), meaning, size, runs)
            else:
                gives = table_name(_visible(lowered))
                yield PlannedConjunction(gives, None, size, runs)

    def _columns(self, lowered: Lowered) -> dict[RelationKey, Sequence[str]]:
        """Give the names of the columns of all tables that a rule reads; () where unknown."""
        columns: dict[RelationKey, Sequence[str]] = {}
        for rule in lowered.rules:
            if not isinstance(rule, KernelRule):
                continue
            for literal in literals_within(rule.body):
                if isinstance(literal, Match) and not isinstance(literal.table, InternalKey):
                    names = self._program.columns(*literal.table)
                    columns[literal.table] = names or ()
            if isinstance(rule.head, InternalKey):
                columns[rule.head] = [_column_of(rule, n, columns) for n in range(len(rule.terms))]
        return columns

    def _meaning(self, rule: AnyKernelRule, words: PlanWords) -> str:
        assert isinstance(rule.head, InternalKey)  # noqa: S101 - the caller asked
        if not isinstance(rule, KernelRule):
            return _MEANINGS[rule.head.kind]
        over = ", ".join(dict.fromkeys(words.table(m.table) for m in rule.matches()))
        shown = [term for term in rule.terms if isinstance(term, str)]
        if rule.head.kind == "projection":
            shown = list(self._columns(Lowered((rule,), {rule.head: len(rule.terms)}))[rule.head])
        of = f" ({', '.join(shown)})" if shown else ""
        return (
            f"{_MEANINGS[rule.head.kind]}{of}, from {over}" if over else _MEANINGS[rule.head.kind]
        )

    def _rows_per_tick(self, lowered: Lowered) -> int:
        """Give the rows of what is joined with the time."""
        rows = 0
        for rule in lowered.rules:
            if isinstance(rule, KernelRule):
                literals = (o for o in literals_within(rule.body) if isinstance(o, Match))
                tables = dict.fromkeys((o.table, len(o.terms)) for o in literals)
                if (_CLOCK, 1) in tables:
                    rows += sum(starmap(self._face.size, tables)) - self._face.size(_CLOCK, 1)
        return rows

    def _find_rows(self, rule: ActiveRule) -> int | None:
        """Give how many rows a rule derives; None when its table's size does not tell it."""
        table = self._evaluator.derived[rule.head]
        if rule.is_off:
            return 0
        if self._face.is_reported(rule):
            return len(self._face.reported(rule, rule.width))
        size = self._size(rule.head)
        return size if not size or table.has_one_rule else None

    def _size(self, table: TableKey) -> int:
        width = self._evaluator.width(table)
        return 0 if width is None else self._face.size(table, width)


def _column_of(rule: KernelRule, column: int, columns: Mapping[RelationKey, Sequence[str]]) -> str:
    """Name a column of an internal table: as in the table that it projects, or by its variable."""
    term = rule.terms[column]
    if isinstance(rule.head, InternalKey) and rule.head.kind == "projection":
        (match,) = rule.matches()
        number = match.terms.index(term)
        names = columns.get(match.table)
        return names[number] if names else f"column {number}"
    return term if isinstance(term, str) and term.isidentifier() else f"column {column}"


def _visible(lowered: Lowered) -> TableKey:
    head = lowered.rules[-1].head
    assert not isinstance(head, InternalKey)  # noqa: S101 - the rule's own comes last
    return head


def _without_copy(lowered: Lowered) -> Sequence[AnyKernelRule]:
    """Leave out what copies the table of a rule that reports to the visible one."""
    reports = any(key.kind == "report" for key in lowered.widths)
    return lowered.rules[:-1] if reports else lowered.rules


def _runs(rule: KernelRule, words: PlanWords, moved: int | None) -> Iterator[PlannedRun]:
    if moved is None:
        yield PlannedRun(None, list(words.whole(rule)))
    else:
        yield PlannedRun(None, list(words.edges(rule, moved)), gives_edges=True)
    for number, match in enumerate(rule.matches()):
        yield PlannedRun(words.table(match.table), list(words.variant(rule, number)))


def _fold_step(rule: KernelFold, words: PlanWords) -> PlannedStep:
    functions = [
        f"{function} of {words.table(rule.inputs[number][0])}"
        for function, number in rule.parts
        if function != "group"
    ]
    return PlannedStep(
        f"aggregate {', '.join(functions)}",
        "last: it needs all rows of a group; only groups that changed are looked at again",
    )


def _crossing_step(rule: KernelCrossings, words: PlanWords) -> PlannedStep:
    return PlannedStep(
        f"those of {words.table(rule.times)} whose age is {_ages(rule.test)}",
        "by an index by crossing time: a tick of the clock costs the times that cross",
    )


def _ages(test: AgeCondition) -> str:
    """Tell for which ages a test comes out well, as `0.000001 s or more, below 60 s`."""
    edges = [turn / 10**6 for turn in test.turns]
    bounds: list[float | None] = [*([None] if test.at_first else []), *edges, None]
    spans = list(zip(bounds[::2], bounds[1::2], strict=False))
    if not spans:
        return "never as it is to be"
    return " or ".join(map(_span, spans))


def _span(span: tuple[float | None, float | None]) -> str:
    least, end = span
    words = [
        *([] if least is None else [f"at least {least:,.15g} s"]),
        *([] if end is None else [f"below {end:,.15g} s"]),
    ]
    return " and ".join(words) or "anything"


_MEANINGS = {
    "projection": "the different values",
    "group": "what a group gives",
    "part": "whether there is a match",
    "piece": "the first tables of a long rule",
    "input": "what an aggregate works on",
    "times": "the different times",
    "crossing": "times of an age",
}
_CLOCK: TableKey = ("clock", "now")
