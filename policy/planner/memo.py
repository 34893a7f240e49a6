"""What builtins gave for which inputs, so that each is computed once per distinct input."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from congress_dist.errors import InvalidRow
from congress_dist.row import Cell

from ..language.builtins import BuiltinFailure
from .normal_form import Solve
from .symbols import Id, Symbols, Tuple

MAX_ENTRIES = 65_536
"""Per builtin. A full memo starts again; few live tables have more distinct inputs."""

UNSTORABLE = "the result is no value that a table may hold"


class Solutions(tuple[Tuple, ...]):  # noqa: SLOT001 - a tuple cannot have slots
    """The outputs for some inputs; `failure` tells why a call gave none, empty when it did."""

    failure = ""


class Memo:
    """Solutions of builtins by their inputs, bounded per builtin."""

    __slots__ = ("_solutions", "is_solving")

    def __init__(self) -> None:
        self.is_solving = False
        """A builtin is being called."""
        self._solutions: dict[str, dict[Tuple, Solutions]] = {}

    def of(
        self, builtin: str, solve: Solve, symbols: Symbols
    ) -> Callable[[tuple[Id, ...]], Solutions]:
        """Give the function from a builtin's inputs to its solutions, as ids."""
        known = self._solutions.setdefault(builtin, {})

        def solutions(inputs: tuple[Id, ...]) -> Solutions:
            found = known.get(inputs)
            if found is None:
                self.is_solving = True
                try:
                    found = _solved(solve, symbols, symbols.decode(inputs))
                finally:
                    self.is_solving = False
                if len(known) >= MAX_ENTRIES:
                    known.clear()
                known[inputs] = found
            return found

        return solutions

    def clear(self) -> None:
        """Forget everything; needed when ids change their meaning."""
        self._solutions.clear()


def _solved(solve: Solve, symbols: Symbols, inputs: tuple[Cell, ...]) -> Solutions:
    try:
        return _encoded(solve(inputs), symbols)
    except BuiltinFailure as error:
        return _failed(str(error))


def _encoded(outputs: Iterable[tuple[Cell, ...]], symbols: Symbols) -> Solutions:
    """Give the outputs as ids; one that no table may hold (text with NUL) is no solution."""
    solutions = []
    refused = False
    for output in outputs:
        try:
            solutions.append(symbols.encode(output))
        except InvalidRow:
            refused = True
    return Solutions(solutions) if solutions or not refused else _failed(UNSTORABLE)


def _failed(reason: str) -> Solutions:
    solutions = Solutions()
    solutions.failure = reason
    return solutions
