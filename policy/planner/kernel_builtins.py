"""The builtins of the language, as the kernel numbers them."""

from __future__ import annotations

from congress_dist.row import Cell

from ..kernel import Kernel
from ..language.builtins import BuiltinFailure
from .normal_form import Call, Solve


class KernelBuiltins:
    """Tells a kernel of each builtin when a rule first calls it."""

    def __init__(self, kernel: Kernel) -> None:
        kernel.set_failure(BuiltinFailure)
        self._kernel = kernel
        self._numbers: dict[tuple[str, int], int] = {}
        """By name and number of inputs: one that reads the clock can be called without."""
        self._watch = _Watch()

    @property
    def is_solving(self) -> bool:
        """Tell whether a builtin is being called."""
        return self._watch.is_solving

    def number(self, call: Call) -> int:
        """Give the kernel's number of the builtin that is called."""
        inputs, outputs = len(call.inputs), len(call.outputs)
        found = self._numbers.get((call.builtin, inputs))
        if found is None:
            found = self._kernel.add_builtin(
                call.builtin, inputs, outputs, self._watch.over(call.solve)
            )
            self._numbers[call.builtin, inputs] = found
        return found


class _Watch:
    """Knows whether a builtin is being called.

    Ordering: the kernel holds what it calls, so nothing here may hold the kernel: the collector of
        Python's cycles does not see through it.
    """

    def __init__(self) -> None:
        self.is_solving = False

    def over(self, solve: Solve) -> Solve:
        """Give a builtin that is watched."""

        def solved(inputs: tuple[Cell, ...]) -> list[tuple[Cell, ...]]:
            self.is_solving = True
            try:
                return list(solve(inputs))
            finally:
                self.is_solving = False

        return solved
