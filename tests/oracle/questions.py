"""Asks the engine and the reference engine the same questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from congress_dist.errors import CongressError
from congress_dist.policy import Engine
from congress_dist.policy.engine import PreparedQuery
from congress_dist.policy.impact import Impact, RowChange, RuleOperation
from congress_dist.policy.language.diagnostics import PolicyError
from congress_dist.policy.simulation import Simulation

from .answering import ReferenceAnswer, answer, impact, simulate, with_values
from .derivations import FalseClaim, check_derivation, check_doubt, is_reason
from .engine import ReferenceEngine
from .meaning import Reasons
from .question_texts import Question
from .symbols import IdRow
from .vocabulary import text_of

QUESTIONS = frozenset({"query", "call", "why", "why_row", "simulate", "impact"})


class Questions:
    """The questions of one case, with the queries that were prepared."""

    def __init__(self, engine: Engine, reference: ReferenceEngine, limit: int | None) -> None:
        self._engine = engine
        self._reference = reference
        self._limit = limit
        self._prepared: dict[tuple[str, str], PreparedQuery] = {}

    def ask(self, question: Question) -> None:
        """Compare what both say. Raises: FalseClaim."""
        name, *arguments = question
        getattr(self, f"_{name}")(*arguments)

    # --- rows

    def _query(self, policy: str, text: str) -> None:
        expected = _outcome(lambda: answer(self._reference, policy, text))
        found = _outcome(lambda: self._engine.answer(policy, text))
        if self._agree_on_errors(found, expected):
            self._compare(found.rows, found.missing, expected)

    def _call(self, policy: str, text: str, values: tuple[Any, ...]) -> None:
        """Ask a prepared query twice: the second time its plan may be known."""
        as_texts = [text_of(value) for value in values]
        whole = with_values(text, as_texts)
        expected = _outcome(lambda: answer(self._reference, policy, whole))
        for _ in range(2):
            found = _outcome(lambda: self._prepared_query(policy, text)(*values))
            if not self._agree_on_errors(found, expected):
                return
            self._compare(found, None, expected)
        self._compare([], self._prepared_query(policy, text).answer(*values).missing, expected)

    def _prepared_query(self, policy: str, text: str) -> PreparedQuery:
        if (policy, text) not in self._prepared:
            self._prepared[policy, text] = self._engine.prepare(policy, text)
        return self._prepared[policy, text]

    def _compare(
        self, rows: list[Any], missing: Mapping[str, str] | None, expected: ReferenceAnswer
    ) -> None:
        if rows or missing is None:
            self._compare_rows(rows, expected.rows)
        if missing is not None:
            _compare_missing(missing, expected.missing)

    def _compare_rows(self, rows: list[Any], expected: frozenset[IdRow]) -> None:
        ids = self._reference.symbols.encode_all(rows)
        if ids != expected or len(rows) != len(expected):
            wanted = sorted(repr(self._reference.symbols.decode(row)) for row in expected)
            raise FalseClaim(f"it gives {sorted(map(repr, rows))}, expected {wanted}")

    # --- reasons

    def _why_row(self, number: int) -> None:
        """Ask why a row is there that is there; of actions of a datasource that there is."""
        meaning = self._reference.meaning
        known = [table for table in meaning.derived if self._reference.kind(table[0]) is not None]
        rows = sorted((table, row) for table in known for row in meaning.rows[table])
        if rows:
            table, row = rows[number % len(rows)]
            self._why(*table, self._reference.symbols.decode(row))

    def _why(self, policy: str, table: str, row: tuple[Any, ...]) -> None:
        """Ask why a row is there and why it is not."""
        reference = self._reference
        known = reference.meaning.rows.get((policy, table), ())
        is_there = reference.symbols.encode(row) in known
        found = _outcome(lambda: self._engine.explain(policy, table, row))
        if self._limit is not None and is_too_large(found):
            return  # the rows behind it are more than the limit of the case
        if isinstance(found, CongressError):
            _insist(not is_there, f"it is there, but {found!r}")
        else:
            _insist(is_there, f"it is not there, but follows: {found}")
            check_derivation(found, reference)
        doubt = _outcome(lambda: self._engine.why_not(policy, table, row))
        if self._limit is not None and is_too_large(doubt):
            return
        width = reference.program.arity(policy, table)
        if reference.kind(policy) is None or width != len(row):
            _insist(isinstance(doubt, CongressError), f"{doubt} instead of a refusal")
        else:
            _insist(not isinstance(doubt, CongressError), f"it raises {doubt!r}")
            check_doubt(doubt, reference)

    # --- what if

    def _simulate(self, policy: str, query: str, sequence: str, delta: bool) -> None:
        expected = _outcome(lambda: simulate(self._reference, policy, query, sequence))
        found: Simulation = _outcome(
            lambda: self._engine.simulate(policy, query, sequence, delta=delta)
        )
        if self._agree_on_errors(found, expected):
            before, after = expected.before.rows, expected.after.rows
            self._compare_rows(found.rows, after)
            self._compare_rows(found.appeared, after - before)
            self._compare_rows(found.disappeared, before - after)
            _compare_missing(found.missing, expected.after.missing)

    def _impact(self, operations: tuple[tuple[Any, str, str], ...]) -> None:
        expected = _outcome(lambda: impact(self._reference, operations))
        told = [RuleOperation(*operation) for operation in operations]
        found: Impact = _outcome(lambda: self._engine.impact(told))
        if self._agree_on_errors(found, expected):
            before, after = expected
            appeared, disappeared = (
                sorted(map(self._change, changes))
                for changes in (found.appeared, found.disappeared)
            )
            _insist(appeared == sorted(after - before), f"would come: {found.appeared}")
            _insist(disappeared == sorted(before - after), f"would go: {found.disappeared}")

    def _change(self, change: RowChange) -> tuple[Any, ...]:
        row = self._reference.symbols.encode(change.row)
        return change.kind, change.policy, change.table, change.rule, row

    # --- errors

    def _agree_on_errors(self, found: Any, expected: Any) -> bool:
        """Tell whether there is something to compare; both may refuse alike."""
        if is_too_large(found) and not isinstance(expected, CongressError):
            may_stop = expected.most_ways > (self._limit or expected.most_ways)
            _insist(may_stop, f"it is refused: {found!r}")
            return False
        errors = [type(e) for e in (found, expected) if isinstance(e, CongressError)]
        agree = not errors or (len(errors) == 2 and errors[0] is errors[1])
        _insist(agree, f"it comes to {found!r}, expected {expected!r}")
        return not errors


def is_too_large(error: object) -> bool:
    """Tell whether a limit refused something."""
    if not isinstance(error, PolicyError):
        return False
    return {diagnostic.code for diagnostic in error.diagnostics} == {"too-many-rows"}


def _outcome(call: Callable[[], Any]) -> Any:
    """Give what a call gives, or what it raises as the user's mistake."""
    try:
        return call()
    except CongressError as error:
        return error


def _compare_missing(found: Mapping[str, str], expected: Reasons) -> None:
    same = found.keys() == expected.keys()
    known = same and all(is_reason(why, expected[name]) for name, why in found.items())
    _insist(known, f"missing is {dict(found)}, expected {expected}")


def _insist(condition: object, what: str) -> None:
    if not condition:
        raise FalseClaim(what)
