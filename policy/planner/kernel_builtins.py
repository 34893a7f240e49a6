"""The builtins of the language, as the kernel numbers them."""

from __future__ import annotations

from collections.abc import Iterable

from congress_dist.errors import CongressError
from congress_dist.row import Cell

from ..kernel import Kernel
from ..language.builtins import BuiltinFailure
from .normal_form import Call, Solve


class BuiltinRaised(Exception):
    """A builtin raised what it should not. args: its name and its inputs; the cause is that."""


class KernelBuiltins:
    """Tells a kernel of each builtin when a rule first calls it."""

    def __init__(self, kernel: Kernel) -> None:
        kernel.set_failure(BuiltinFailure)
        self._kernel = kernel
        self._numbers: dict[tuple[str, int], int] = {}
        """By name and number of inputs: one that reads the clock can be called without."""

    def number(self, call: Call) -> int:
        """Give the kernel's number of the builtin that is called."""
        inputs, outputs = len(call.inputs), len(call.outputs)
        found = self._numbers.get((call.builtin, inputs))
        if found is None:
            solve = _telling_itself(call.builtin, call.solve)
            found = self._kernel.add_builtin(call.builtin, inputs, outputs, solve)
            self._numbers[call.builtin, inputs] = found
        return found


def _telling_itself(name: str, solve: Solve) -> Solve:
    """Let what a builtin raises by mistake tell which builtin it was."""

    def solve_or_tell(inputs: tuple[Cell, ...]) -> Iterable[tuple[Cell, ...]]:
        try:
            return solve(inputs)
        except (BuiltinFailure, CongressError, MemoryError):
            raise
        except Exception as error:  # the border: a builtin may be anybody's code
            raise BuiltinRaised(name, inputs) from error

    return solve_or_tell
