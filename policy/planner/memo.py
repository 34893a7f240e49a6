"""What builtins gave for which inputs, so that each is computed once per distinct input."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from congress_dist.errors import InvalidRow
from congress_dist.row import Cell

from .normal_form import Solve
from .symbols import Id, Symbols, Tuple

Solutions = tuple[Tuple, ...]
MAX_ENTRIES = 65_536
"""Per builtin. A full memo starts again; few live tables have more distinct inputs."""


class Memo:
    """Solutions of builtins by their inputs, bounded per builtin."""

    __slots__ = ("_solutions",)

    def __init__(self) -> None:
        self._solutions: dict[str, dict[Tuple, Solutions]] = {}

    def of(
        self, builtin: str, solve: Solve, symbols: Symbols
    ) -> Callable[[tuple[Id, ...]], Solutions]:
        """Give the function from a builtin's inputs to its solutions, as ids."""
        known = self._solutions.setdefault(builtin, {})

        def solutions(inputs: tuple[Id, ...]) -> Solutions:
            found = known.get(inputs)
            if found is None:
                found = _encoded(solve(symbols.decode(inputs)), symbols)
                if len(known) >= MAX_ENTRIES:
                    known.clear()
                known[inputs] = found
            return found

        return solutions

    def clear(self) -> None:
        """Forget everything; needed when ids change their meaning."""
        self._solutions.clear()


def _encoded(outputs: Iterable[tuple[Cell, ...]], symbols: Symbols) -> Solutions:
    """Give the outputs as ids; one that no table may hold (an overflow) is no solution."""
    solutions = []
    for output in outputs:
        try:
            solutions.append(symbols.encode(output))
        except InvalidRow:
            continue
    return tuple(solutions)
