"""Questions by their text: read, checked and planned once, asked as often as wanted."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import AbstractContextManager

from congress_dist.errors import InvalidRequest
from congress_dist.row import Cell

from .evaluator import Evaluator
from .kernel import PreparedQuery
from .language.ast import NO_SPAN, Parameter, Rule
from .language.checks import check_query
from .language.counts import counted
from .language.diagnostics import refuse_errors
from .language.grammar import parse_prepared, parse_query
from .language.walk import variables_of_rule
from .planner.answers import Answer
from .planner.program import Program
from .query import Query, with_parameters

__all__ = ["MAX_CACHED", "PreparedQuery", "Queries"]

MAX_CACHED = 1_024
"""Text queries that are kept planned: a screen full of panels, many times over."""


class _Reading:
    """One text, and the query that it is in the present program."""

    def __init__(self, policy: str, text: str, rule: Rule) -> None:
        self.policy = policy
        self.text = text
        self.rule = rule
        self.parameters = _parameters_of(rule)
        self.stamp = -1
        self.query: Query | None = None


class Queries:
    """The questions of one engine, planned anew when its program changed; used under its lock."""

    def __init__(self, program: Program, evaluator: Evaluator) -> None:
        self._program = program
        self._evaluator = evaluator
        self._by_text: OrderedDict[tuple[str, str], _Reading] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_text)

    def ask(self, policy: str, text: str) -> Answer:
        """Answer a text query. Raises: PolicyError: the text, or what it comes to."""
        reading = self._by_text.get((policy, text))
        if reading is None:
            reading = _Reading(policy, text, parse_query(text))
            query = self._planned(reading)
            self._by_text[policy, text] = reading
            if len(self._by_text) > MAX_CACHED:
                self._by_text.popitem(last=False)
        else:
            self._by_text.move_to_end((policy, text))
            query = self._planned(reading)
        return query.ask()

    def prepare(
        self, policy: str, text: str, lock: AbstractContextManager[object]
    ) -> PreparedQuery:
        """Give a question that is asked with the values of its `?`, each time under a lock.

        Raises: as `ask`.
        """
        reading = _Reading(policy, text, parse_prepared(text))
        self._planned(reading)

        def ask(prepared: PreparedQuery, values: tuple[Cell, ...]) -> Answer:
            if len(values) != len(reading.parameters):
                raise InvalidRequest(
                    f"the prepared query {text!r} takes"
                    f" {counted(len(reading.parameters), 'value')}, not {len(values)}"
                )
            with lock:
                self._program.refuse_unknown(policy)
                query = self._planned(reading)
                answer = query.ask(values)
                query.let_answer(prepared)
                return answer

        return PreparedQuery(self._evaluator.face.kernel, text, ask)

    def _planned(self, reading: _Reading) -> Query:
        stamp = self._program.version
        if reading.query is None or reading.stamp != stamp:
            rule = with_parameters(reading.rule, reading.parameters)
            found = check_query(reading.policy, rule, self._program, text=reading.text)
            refuse_errors(found)
            reading.query = Query(
                reading.policy,
                reading.rule,
                reading.parameters,
                program=self._program,
                evaluator=self._evaluator,
                warnings=tuple(d for d in found if d.source != NO_SPAN.source),
                texts={reading.rule.span.source: reading.text},
            )
            reading.stamp = stamp
        return reading.query


def _parameters_of(rule: Rule) -> tuple[str, ...]:
    """Give the names of the parameters, in text order."""
    found = {v.span.start: v.name for v in variables_of_rule(rule) if isinstance(v, Parameter)}
    return tuple(found[place] for place in sorted(found))
