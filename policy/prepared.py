"""Questions by their text: read, checked and planned once, asked as often as wanted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from congress_dist.errors import InvalidRequest
from congress_dist.row import Cell

from .evaluator import Evaluator
from .language.ast import NO_SPAN, Parameter, Rule
from .language.checks import check_query
from .language.counts import counted
from .language.diagnostics import refuse_errors
from .language.grammar import parse_prepared, parse_query
from .language.walk import variables_of_rule
from .planner.answers import Answer, Row
from .planner.kernel_face import AdHocPlan
from .planner.program import Program
from .query import Query, with_parameters

MAX_CACHED = 1_024
"""Text queries that are kept planned: a screen full of panels, many times over."""


class PreparedQuery:
    """A query that waits for the values of its `?`; made by `Engine.prepare`.

    Promises: follows changes of rules and schemas; may be called from any thread.
    """

    def __init__(self, text: str, prepared: Prepared) -> None:
        self.text = text
        self._size, self._ask, self._look_up = prepared

    def __call__(self, *values: Cell) -> list[Row]:
        """Give the rows, each once and in no order; one value for each `?`, in text order.

        Raises: InvalidRequest: more or fewer values. InvalidRow: no table may hold one of them.
            PolicyError: the query does not fit the rules and schemas of now.
        """
        rows = self._look_up(values)
        return self.answer(*values).rows if rows is None else rows

    def answer(self, *values: Cell) -> Answer:
        """Give the rows with what keeps them from being complete. Raises: as a call."""
        if len(values) != self._size:
            raise InvalidRequest(
                f"the prepared query {self.text!r} takes {counted(self._size, 'value')},"
                f" not {len(values)}"
            )
        return self._ask(values)


class Prepared(NamedTuple):
    """What a prepared query is made of.

    Shapes: `ask` is called under the engine's lock. `look_up` gives None when it cannot tell.
    """

    size: int
    ask: Callable[[tuple[Cell, ...]], Answer]
    look_up: Callable[[tuple[Cell, ...]], list[Row] | None]


Stamp = tuple[int, int]
"""The versions of the program and of what is missing."""


class _Reading:
    """One text, and the query that it is in the present program."""

    def __init__(self, policy: str, text: str, rule: Rule) -> None:
        self.policy = policy
        self.text = text
        self.rule = rule
        self.parameters = _parameters_of(rule)
        self.stamp = -1
        self.query: Query | None = None
        self.fast: tuple[Stamp, AdHocPlan] | None = None
        """The plan that answers as long as nothing but rows changes."""


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

    def prepare(self, policy: str, text: str, lock: AbstractContextManager[object]) -> Prepared:
        """Give what answers a question with the values of its `?`.

        Shapes: `look_up` takes the lock by itself, which keeps everybody out.
        Raises: as `ask`.
        """
        reading = _Reading(policy, text, parse_prepared(text))
        self._planned(reading)
        program, evaluator = self._program, self._evaluator

        def look_up(values: tuple[Cell, ...]) -> list[Row] | None:
            # Hot: a question costs a microsecond, so nothing is asked twice here.
            with lock:
                fast = reading.fast
                if fast is None or fast[0] != (program.version, evaluator.version):
                    return None
                return fast[1].look_up(values)

        def ask(values: tuple[Cell, ...]) -> Answer:
            query = self._planned(reading)
            answer = query.ask(values)
            plan = query.find_plan()
            stamp = program.version, evaluator.version
            reading.fast = None if plan is None else (stamp, plan)
            return answer

        return Prepared(len(reading.parameters), ask, look_up)

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
