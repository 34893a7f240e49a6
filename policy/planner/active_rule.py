"""One rule at work: its plans, the rows that it derives now, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import chain

from ..language.ast import Rule
from .failures import FailureKind, FailureLog
from .fold import fold_rows
from .join_order import FanOut, order_body, starts_with
from .normal_form import Match, NormalRule, TableKey
from .plan import Plan, compile_plan
from .relation import Columns, Relation
from .steps import Context, collect
from .symbols import Tuple

Missing = dict[str, str]
"""`source:table` → reason: what keeps something from being known. Empty: it is complete."""

_Sizes = tuple[int, ...]


class ActiveRule:
    """A rule and its result.

    Invariant: `rows` is what the rule derives from the present relations, or empty while it
        `is_off`.
    """

    __slots__ = (
        "__weakref__",
        "_failures",
        "_plans",
        "alternatives",
        "given",
        "has_new_plan",
        "head",
        "is_off",
        "missing",
        "negated_reads",
        "parked",
        "policy",
        "reads",
        "rows",
        "rule",
        "unresolved",
    )

    def __init__(
        self, policy: str, rule: Rule, head: TableKey, given: tuple[str, ...] = ()
    ) -> None:
        self.given = given
        """Variables whose values come with each evaluation: a prepared query's."""
        self.policy = policy
        self.rule = rule
        self.head = head
        self.rows: set[Tuple] = set()
        self.missing: Missing = {}
        """What the rule's tables lack."""
        self.is_off = False
        """It needs to know an absence that is not known, so it derives nothing."""
        self.parked: Missing = {}
        """Why the rule was stopped; it stays so until it is inserted anew."""
        self.unresolved: Missing = {}
        """Tables whose columns the rule waits for."""
        self.alternatives: tuple[NormalRule, ...] = ()
        self.reads: frozenset[TableKey] = frozenset()
        self.negated_reads: frozenset[TableKey] = frozenset()
        self.has_new_plan = False
        """A plan is new, so that other indexes may be used than before."""
        self._failures = FailureLog()
        self._plans: dict[tuple[int, int], tuple[_Sizes, Plan]] = {}

    def resolve(self, alternatives: tuple[NormalRule, ...]) -> None:
        """Take the rule's normal form."""
        self.alternatives = alternatives
        self.unresolved = {}
        self._read(alternatives)

    def wait(self, reasons: Missing, tables: Iterable[TableKey]) -> None:
        """Take that the rule cannot run; it still counts as a reader of its tables."""
        self.alternatives = ()
        self.unresolved = reasons
        self._plans.clear()
        self.reads, self.negated_reads = frozenset(tables), frozenset()

    def memento(self) -> Callable[[], None]:
        """Give what brings the rule back to its present state; its plans are made anew then."""
        kept = [(name, getattr(self, name)) for name in _KEPT]

        def restore() -> None:
            for name, value in kept:
                setattr(self, name, value)
            self._plans.clear()

        return restore

    def settle(self, missing_of: Mapping[TableKey, Missing]) -> bool:
        """Work out what the rule lacks and if it is off; tell whether that changed."""
        was_off = self.is_off
        self.missing = {}
        for table in self.reads:
            self.missing.update(missing_of[table])
        self.missing.update(self.unresolved | self.parked)
        unknown_absence = any(missing_of[table] for table in self.negated_reads)
        self.is_off = bool(self.parked or self.unresolved or unknown_absence)
        return was_off is not self.is_off

    def derive(self, context: Context, values: Tuple = ()) -> set[Tuple]:
        """Give the rows that the rule derives from the relations of the context.

        Shapes: `values` are those of the given variables.
        Raises: LimitExceeded: too many.
        """
        self._failures = FailureLog()
        plans = [
            self._plan(number, -1, context.relations)
            for number, alternative in enumerate(self.alternatives)
            if all(context.relations[match.table].rows for match in alternative.matches())
        ]
        return self._run(plans, context, values)

    def derive_from(self, deltas: Mapping[TableKey, TableKey], context: Context) -> set[Tuple]:
        """Give the rows that need a row of a delta; each literal reads its delta once.

        Shapes: an alternative with a group that reads such a table gives all its rows.
        Raises: LimitExceeded: too many.
        """
        plans: list[Plan] = []
        for number, alternative in enumerate(self.alternatives):
            if alternative.filters_by(deltas):
                plans.append(self._plan(number, -1, context.relations))
                continue
            plans += [
                self._plan(number, place, context.relations, deltas)
                for place, literal in enumerate(alternative.body)
                if isinstance(literal, Match) and not literal.negated and literal.table in deltas
            ]
        return self._run(plans, context)

    def failures(self) -> list[FailureKind]:
        """Give what failed when the present rows were derived."""
        return [] if self.is_off else list(self._failures.kinds())

    def signatures(self) -> set[tuple[TableKey, Columns]]:
        """Give the indexes that the compiled plans use."""
        return {used for _, plan in self._plans.values() for used in plan.signatures()}

    def _read(self, alternatives: Iterable[NormalRule]) -> None:
        self._plans.clear()
        self.reads = frozenset(table for rule in alternatives for table in rule.reads())
        self.negated_reads = frozenset(t for rule in alternatives for t in rule.reads_whole())

    def _run(self, plans: Iterable[Plan], context: Context, values: Tuple = ()) -> set[Tuple]:
        noting = replace(context, failures=self._failures)
        rows = collect(chain.from_iterable(p.run(noting, values) for p in plans), context.max_rows)
        fold = self.alternatives[0].fold if self.alternatives else None
        if fold is None:
            return rows
        return fold_rows(fold, rows, context.symbols, self._failures)

    def _plan(
        self,
        number: int,
        place: int,
        relations: Mapping[TableKey, Relation],
        deltas: Mapping[TableKey, TableKey] | None = None,
    ) -> Plan:
        """Give an alternative's plan; the literal at `place` (-1: none) reads its delta."""
        sizes = self._sizes(relations)
        found = self._plans.get((number, place))
        if found is None or found[0] != sizes:
            rule = self.alternatives[number]
            fan_out = _fan_out(relations)
            if deltas is None:
                body = order_body(rule, fan_out, bound=frozenset(self.given))
            else:
                rule, first = _with_delta(rule, place, deltas)
                body = starts_with(rule, first, fan_out)
            self.has_new_plan = True
            found = self._plans[number, place] = (
                sizes,
                compile_plan(body, rule.terms, given=self.given),
            )
        return found[1]

    def _sizes(self, relations: Mapping[TableKey, Relation]) -> _Sizes:
        """Give the magnitudes (in steps of 8) of the tables read; orders depend on them."""
        return tuple(len(relations[table].rows).bit_length() // 3 for table in self.reads)


_NOT_KEPT = ("_plans", "has_new_plan", "__weakref__")
_KEPT = tuple(name for name in ActiveRule.__slots__ if name not in _NOT_KEPT)


def _fan_out(relations: Mapping[TableKey, Relation]) -> FanOut:
    return lambda table, columns, width: relations[table].fan_out(columns, width)


def _with_delta(
    rule: NormalRule, place: int, deltas: Mapping[TableKey, TableKey]
) -> tuple[NormalRule, Match]:
    literal = rule.body[place]
    assert isinstance(literal, Match)  # noqa: S101
    first = Match(deltas[literal.table], literal.terms, origin=literal.origin)
    return replace(rule, body=(*rule.body[:place], first, *rule.body[place + 1 :])), first
