"""The builtins of the language, as the kernel numbers them."""

from __future__ import annotations

from ..kernel import Kernel
from ..language.builtins import BuiltinFailure
from .normal_form import Call


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
            found = self._kernel.add_builtin(call.builtin, inputs, outputs, call.solve)
            self._numbers[call.builtin, inputs] = found
        return found
