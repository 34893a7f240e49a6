"""Runs a case against the engine and against the reference engine, in step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from congress_dist.errors import CongressError, NotFound
from congress_dist.policy import Engine
from congress_dist.policy.engine import DEFAULT_MAX_ROWS
from congress_dist.policy.language.ast import Rule
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.rule_key import rule_key
from congress_dist.policy.planner.normal_form import TableKey

from .cases import Case, Operation
from .derivations import FalseClaim, is_reason
from .engine import ReferenceEngine
from .meaning import Meaning, RuleName, TooManyRows, differences
from .questions import QUESTIONS, Questions, is_too_large
from .resolution import NOT_READ
from .symbols import IdRow

EngineMaker = Callable[[int], Engine]
"""Gives a new engine with a limit of rows per rule."""

_MANY = 40
"""How far beyond the limit the reference engine follows a rule that the engine stopped."""


class Disagreement(AssertionError):
    """The two engines do not agree; the text tells after which operation and on what."""


def new_engine(max_rows: int) -> Engine:
    """Give the engine under test."""
    return Engine(max_rows=max_rows)


def run_case(case: Case, make: EngineMaker = new_engine, *, is_rebuilt: bool = True) -> int:
    """Hold the engine to the reference engine; give how many operations changed something.

    Shapes: with `is_rebuilt` an engine that is told only the end is held to the same contents.
    Raises: Disagreement.
    """
    comparison = Comparison(case, make)
    comparison.perform_all(case.operations)
    if is_rebuilt:
        comparison.rebuild()
    return comparison.performed


class Comparison:
    """Both engines and what is asked of them."""

    def __init__(self, case: Case, make: EngineMaker) -> None:
        self._make = make
        self._limit = case.max_rows
        self._engine = make(case.max_rows or DEFAULT_MAX_ROWS)
        self._reference = ReferenceEngine(max_rows=_MANY * (case.max_rows or 10_000))
        self._questions = Questions(self._engine, self._reference, case.max_rows)
        self._tables: set[TableKey] = set()
        """Whatever was once defined or read."""
        self.performed = 0

    def perform_all(self, operations: Iterable[Operation]) -> None:
        """Perform operations, comparing after each."""
        for operation in operations:
            if operation[0] == "trial":
                with self._reference.trial(), self._engine.trial():
                    self.perform_all(operation[1])
                self._compare(operation)
            elif operation[0] in QUESTIONS:
                self._ask(operation)
            else:
                self._perform(operation)

    def rebuild(self) -> None:
        """Compare a new engine, told all at once, with the reference engine."""
        state = self._reference.state
        if state.parked:
            return
        engine = self._make(DEFAULT_MAX_ROWS)
        for source, tables in state.base.items():
            engine.set_schema(source, {name: table.columns for name, table in tables.items()})
        for policy, kind in state.kinds.items():
            engine.create_policy(policy, kind)
        for policy, rules in state.rules.items():
            engine.restore_rules(policy, list(rules.values()))
        decode = self._reference.symbols.decode
        for source, tables in state.base.items():
            for name, table in tables.items():
                rows = list(map(decode, table.rows))
                if table.reason is None:
                    engine.load(source, {name: rows})
                elif table.reason != NOT_READ:
                    engine.mark_missing(source, [name], table.reason)
                if table.reason is not None:
                    engine.apply(source, {name: rows})
        self._engine = engine
        self._compare(("rebuild",))

    def _perform(self, operation: Operation) -> None:
        before = self._reference.meaning
        state = self._reference.state
        found, error = _try(self._engine, operation)
        _, expected = self._expect(operation, error)
        if is_too_large(error):
            self._refuse_unless(expected is None and self._limit, operation, "is refused")
            self._check_refusal(operation, before)
            self._reference.return_to(state)
        else:
            same = type(error) is type(expected)
            self._refuse_unless(same, operation, f"raises {error!r}, expected {expected!r}")
        self._follow_parked(operation, before)
        if error is None:
            self.performed += 1
            if isinstance(found, dict):
                self._compare_differences(operation, found, before)
        self._compare(operation)

    def _expect(
        self, operation: Operation, error: Exception | None
    ) -> tuple[Any, Exception | None]:
        """Change the reference engine; checks that a rule has passed are not run again."""
        name, policy, *arguments = operation
        if name == "insert" and error is None and self._reference.kind(policy) is not None:
            rules = _parsed(arguments[0])
            return _called(self._reference.insert_checked, policy, rules)
        return _try(self._reference, operation)

    def _ask(self, question: Operation) -> None:
        """Ask both; whatever is asked, nothing has changed afterwards."""
        try:
            self._questions.ask(question)
        except FalseClaim as error:
            raise Disagreement(f"asked {_shown(question)}: {error}") from error
        self._compare(question)

    # --- limits

    def _follow_parked(self, operation: Operation, before: Meaning) -> None:
        """Take over which rules were stopped, if the limit gives a reason to stop them."""
        if self._limit is None:
            return
        parked = parked_rules(self._engine) - self._reference.state.parked
        stays = self._reference.state.parked <= parked_rules(self._engine)
        self._refuse_unless(stays, operation, "lets a stopped rule run")
        if parked:
            self._refuse_unless(operation[0] != "insert", operation, "parks a rule")
            for name in parked:
                self._refuse_unless(self._may_stop(name, before), operation, f"stops {name}")
            self._reference.park(parked)
        over = self._over_limit()
        self._refuse_unless(not over, operation, f"does not stop {over}")

    def _may_stop(self, name: RuleName, before: Meaning) -> bool:
        try:
            return self._reference.most_ways(name, before) > (self._limit or 0)
        except TooManyRows:
            return True

    def _over_limit(self) -> list[RuleName]:
        try:
            by_rule = self._reference.meaning.rows_by_rule
        except TooManyRows as error:
            return list(error.args)
        return [name for name, rows in by_rule.items() if len(rows) > (self._limit or 0)]

    def _check_refusal(self, operation: Operation, before: Meaning) -> None:
        """Check that, with the rules inserted, one may be stopped."""
        try:
            names = list(self._reference.meaning.rows_by_rule)
        except TooManyRows:
            return
        may_stop = any(self._may_stop(name, before) for name in names)
        self._refuse_unless(may_stop, operation, "is refused as too large")

    # --- contents

    def _compare(self, operation: Operation) -> None:
        reference, engine = self._reference, self._engine
        self._tables |= reference.tables()
        for owner, table in self._tables:
            if reference.kind(owner) is not None:
                expected = reference.meaning.rows.get((owner, table), frozenset())
                self._compare_rows(operation, (owner, table), engine.rows(owner, table), expected)
            else:
                _, error = _try(engine, ("rows", owner, table))
                is_unknown = isinstance(error, NotFound)
                self._refuse_unless(is_unknown, operation, f"there is {owner}:{table}")
            self._compare_missing(operation, owner, table)
        self._compare_violations(operation)

    def _compare_rows(
        self, operation: Operation, table: TableKey, rows: list[Any], expected: Any
    ) -> None:
        if len(rows) != len(expected) or expected != self._reference.symbols.encode_all(rows):
            decode = self._reference.symbols.decode
            raise Disagreement(
                f"after {_shown(operation)}: {table} has {sorted(map(repr, rows))},"
                f" expected {sorted(repr(decode(row)) for row in expected)}"
            )

    def _compare_missing(self, operation: Operation, owner: str, table: str) -> None:
        missing, expected = (
            self._engine.missing(owner, table),
            self._reference.missing(owner, table),
        )
        if not missing and not expected:
            return
        same = missing.keys() == expected.keys() and all(
            is_reason(reason, expected[key]) for key, reason in missing.items()
        )
        what = f"missing of {owner}:{table} is {missing}, expected {expected}"
        self._refuse_unless(same, operation, what)

    def _compare_violations(self, operation: Operation) -> None:
        listed = self._reference.violations(), self._engine.violations()
        expected, found = (Counter(map(self._violation, each)) for each in listed)
        same = found == expected
        self._refuse_unless(same, operation, f"violations are {found}, expected {expected}")

    def _violation(self, violation: tuple[Any, ...]) -> tuple[Any, ...]:
        policy, rule, table, row = violation
        return policy, rule_key(rule), rule.annotations, table, self._reference.symbols.encode(row)

    def _compare_differences(
        self, operation: Operation, found: Mapping[TableKey, Any], before: Meaning
    ) -> None:
        expected = differences(before, self._reference.meaning)
        given = {
            table: (self._ids(added, operation), self._ids(removed, operation))
            for table, (added, removed) in found.items()
        }
        self._refuse_unless(
            given == expected, operation, f"reports {found}, expected {self._decoded(expected)}"
        )

    def _ids(self, rows: list[Any], operation: Operation) -> set[IdRow]:
        ids = self._reference.symbols.encode_all(rows)
        self._refuse_unless(len(ids) == len(rows), operation, f"reports rows twice: {rows}")
        return ids

    def _decoded(self, changes: Mapping[TableKey, Any]) -> dict[TableKey, Any]:
        decode = self._reference.symbols.decode
        return {t: ([*map(decode, a)], [*map(decode, r)]) for t, (a, r) in changes.items()}

    def _refuse_unless(self, condition: object, operation: Operation, what: str) -> None:
        if not condition:
            raise Disagreement(f"after {_shown(operation)}: {what}")


def parked_rules(engine: Engine) -> set[RuleName]:
    """Give the rules that a limit stopped."""
    rules = engine._rule_book.rules  # no answer tells them from those that wait
    return {(each.policy, rule_key(each.rule)) for each in rules if each.parked}


def _try(engine: object, operation: Operation) -> tuple[Any, Exception | None]:
    """Call a method; give what it gives, or what it raises as the user's mistake."""
    name, *arguments = operation
    return _called(_METHODS.get(name, _call), engine, name, *arguments)


def _called(method: Callable[..., Any], *arguments: Any) -> tuple[Any, Exception | None]:
    try:
        return method(*arguments), None
    except CongressError as error:
        return None, error


def _call(engine: object, name: str, *arguments: Any) -> Any:
    return getattr(engine, name)(*arguments)


def _transact(engine: Any, _: str, source: str, *tables: Any) -> Any:
    names = ("loaded", "added", "removed", "missing")
    return engine.transact(source, **dict(zip(names, tables, strict=True)))


def _with_rules(engine: Any, name: str, policy: str, text: str) -> Any:
    return getattr(engine, f"{name}_rules")(policy, _parsed(text))


@lru_cache(maxsize=1000)
def _parsed(text: str) -> list[Rule]:
    return parse(text)


_METHODS = {
    "transact": _transact,
    **dict.fromkeys(("insert", "delete", "restore", "withdraw"), _with_rules),
}


def _shown(operation: Operation) -> str:
    return f"{operation!r:.400}"
