"""Questions by their text: read, checked and planned once, asked as often as wanted."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count
from string import ascii_letters

from congress_dist.errors import InvalidRequest
from congress_dist.row import Cell

from .evaluator import Evaluator
from .language.checks import check_query
from .language.diagnostics import refuse_errors
from .language.grammar import parse_query
from .planner.answers import Answer, Row
from .planner.program import Program
from .query import Query, with_parameters

MAX_CACHED = 1_024
"""Text queries that are kept planned: a screen full of panels, many times over."""

_TOKEN = re.compile(
    r"\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
    r"|#[^\n]*|//[^\n]*|/\*.*?\*/|(?P<parameter>\?)|(?P<letter>(?<![\w.])[A-Za-z](?![\w.]))",
    re.DOTALL,
)


class PreparedQuery:
    """A query that waits for the values of its `?`; made by `Engine.prepare`.

    Promises: follows changes of rules and schemas; may be called from any thread.
    """

    def __init__(self, text: str, ask: Callable[[tuple[Cell, ...]], Answer], size: int) -> None:
        self.text = text
        self._ask = ask
        self._size = size

    def __call__(self, *values: Cell) -> list[Row]:
        """Give the rows, each once and in no order; one value for each `?`, in text order.

        Raises: InvalidRequest: more or fewer values. InvalidRow: no table may hold one of them.
            PolicyError: the query does not fit the rules and schemas of now.
        """
        return self.answer(*values).rows

    def answer(self, *values: Cell) -> Answer:
        """Give the rows with what keeps them from being complete. Raises: as a call."""
        if len(values) != self._size:
            raise InvalidRequest(
                f"the prepared query {self.text!r} takes {self._size} values, not {len(values)}"
            )
        return self._ask(values)


class _Reading:
    """One text, and the query that it is in the present program."""

    def __init__(self, policy: str, text: str, parameters: tuple[str, ...] = ()) -> None:
        self.policy = policy
        self.text = text
        self.parameters = parameters
        self.rule = parse_query(text)
        self.stamp: tuple[int, int] = (-1, -1)
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
            reading = _Reading(policy, text)
            query = self._planned(reading)
            self._by_text[policy, text] = reading
            if len(self._by_text) > MAX_CACHED:
                self._by_text.popitem(last=False)
        else:
            self._by_text.move_to_end((policy, text))
            query = self._planned(reading)
        return query.ask()

    def prepare(self, policy: str, text: str) -> tuple[Callable[[tuple[Cell, ...]], Answer], int]:
        """Give the function from values of the `?` to answers, and how many there are.

        Raises: as `ask`.
        """
        reading = _Reading(policy, *named_parameters(text))
        self._planned(reading).keep_indexes()

        def ask(values: tuple[Cell, ...]) -> Answer:
            query = self._planned(reading)
            query.keep_indexes()
            return query.ask(values)

        return ask, len(reading.parameters)

    def _planned(self, reading: _Reading) -> Query:
        stamp = (self._program.version, self._evaluator.symbols.generation)
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
                warnings=tuple(found),
            )
            reading.stamp = stamp
        return reading.query


def named_parameters(text: str) -> tuple[str, tuple[str, ...]]:
    """Put a variable that the text does not use in the place of each `?`.

    Shapes: each is one letter while there are any, so that diagnostics keep their places.
    """
    used = {match[0] for match in _TOKEN.finditer(text) if match["letter"]}
    free = _free_names(used, text)
    parameters: list[str] = []

    def renamed(match: re.Match[str]) -> str:
        if match["parameter"] is None:
            return match[0]
        parameters.append(next(free))
        return parameters[-1]

    return _TOKEN.sub(renamed, text), tuple(parameters)


def _free_names(used: set[str], text: str) -> Iterator[str]:
    yield from (letter for letter in ascii_letters if letter not in used)
    yield from (f"_{number}" for number in count() if f"_{number}" not in text)
