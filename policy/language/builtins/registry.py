"""What a builtin is, how one is declared, and the table of all of them."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..ast import Constant_ as Cell
from ..lexical import MAX_INT, MIN_INT

_SIGNATURE = re.compile(r"(?P<name>\w+)\((?P<inputs>[^|]*)\|(?P<outputs>[^|]*)\)")
_PARAMETER = re.compile(r"(?P<name>\w+): (?P<type>\w+)")
_TYPES: dict[str, tuple[type, ...]] = {
    "any": (str, int, float, bool, type(None)),
    "number": (int, float),
    "integer": (int,),
    "text": (str,),
    "whole": (int, str),
    "ordered": (int, float, str),
}
_TYPE_NAMES: dict[type, str] = {
    str: "text",
    int: "an integer",
    float: "a float",
    bool: "a boolean",
    type(None): "null",
}
_MAX_TEXT = 2**20
"""Characters of a text that a builtin may give: rules that call each other cannot fill memory."""
_BUILTINS: dict[str, Builtin] = {}
_Function = TypeVar("_Function", bound=Callable[..., Any])


class BuiltinFailure(Exception):
    """A call has no answer; the text says why, without the values."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a builtin.

    Types: any, number, integer, text, ordered (number or text), whole (integer or text).
    """

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Age:
    """How a builtin gives the age of a time: `of` the difference of two moments.

    Shapes: `moment` gives the microseconds from some fixed day until a time; `of` never falls as
        the difference grows.
    """

    moment: Callable[[str], int]
    of: Callable[[int], int | float]


@dataclass(frozen=True, slots=True)
class Builtin:
    """A function that rules can call: given the inputs, it says which outputs go with them.

    Shapes: `reads` is a table of one row and one text; a builtin that has it takes that text
        before its inputs, and a rule that calls it depends on the table. One that gives the age
        of its only input tells by `age` how.
    """

    name: str
    inputs: tuple[Parameter, ...]
    outputs: tuple[Parameter, ...]
    doc: str
    function: Callable[..., Any]
    gives_many: bool
    reads: tuple[str, str] | None = None
    age: Age | None = None

    @property
    def arity(self) -> int:
        """Give the number of arguments, inputs and outputs."""
        return len(self.inputs) + len(self.outputs)

    @property
    def signature(self) -> str:
        """Give name and modes as people read them: `plus(x, y | z)`."""
        inputs = ", ".join(parameter.name for parameter in self.inputs)
        outputs = ", ".join(parameter.name for parameter in self.outputs)
        return f"{self.name}({inputs} | {outputs})" if outputs else f"{self.name}({inputs})"

    @property
    def takes(self) -> tuple[Parameter, ...]:
        """Give what the function is called with: the text of the table it reads, the inputs."""
        return self.inputs if self.reads is None else (Parameter("now", "text"), *self.inputs)

    def of_moments(self, age: Age) -> Builtin:
        """Give the builtin, of the same name, that gives the moment of a time and not its age."""
        moment = Parameter("moment", "integer")
        return replace(self, outputs=(moment,), function=age.moment, reads=None, age=None)

    def rows(self, inputs: tuple[Cell, ...]) -> list[tuple[Cell, ...]]:
        """Give the outputs that go with the inputs, one tuple each.

        Shapes: empty when the condition does not hold; `[()]` for a builtin without outputs that
            holds.
        Raises: BuiltinFailure: wrong type, overflow, division by zero and the like; a null operand
            is no failure, it gives nothing.
        """
        for parameter, value in zip(self.takes, inputs, strict=True):
            if type(value) not in _TYPES[parameter.type]:
                if value is None:
                    return []
                raise BuiltinFailure(f"{parameter.name} is {_TYPE_NAMES[type(value)]}")
        try:
            result = self.function(*inputs)
        except ZeroDivisionError:
            raise BuiltinFailure("division by zero") from None
        except OverflowError:
            raise BuiltinFailure("the result is too large") from None
        return self._shaped(result)

    def solve(self, inputs: tuple[Cell, ...]) -> list[tuple[Cell, ...]]:
        """Give what `rows` gives; a call that fails gives none."""
        try:
            return self.rows(inputs)
        except BuiltinFailure:
            return []

    def _shaped(self, result: Any) -> list[tuple[Cell, ...]]:
        if not self.outputs:
            return [()] if result else []
        answers: Iterable[Any] = result if self.gives_many else (result,)
        single = len(self.outputs) == 1
        return [
            tuple(_checked(cell) for cell in ((answer,) if single else answer))
            for answer in answers
        ]


def builtin(
    signature: str,
    *,
    gives_many: bool = False,
    reads: tuple[str, str] | None = None,
    age: Age | None = None,
) -> Callable[[_Function], _Function]:
    """Declare a builtin: `@builtin("len(x: text | n: integer)")`; before `|` stand the inputs.

    The function takes the inputs. It returns whether the condition holds when there are no
    outputs, the output when there is one, a tuple of them when there are several; an iterable of
    those with `gives_many`. With `reads` it takes the text in that table before the inputs.
    """
    found = _SIGNATURE.fullmatch(signature)
    if found is None:
        raise ValueError(f"not a signature: {signature!r}")

    def register(function: _Function) -> _Function:
        name = found["name"]
        _BUILTINS[name] = Builtin(
            name,
            _parameters(found["inputs"]),
            _parameters(found["outputs"]),
            (function.__doc__ or "").strip(),
            function,
            gives_many,
            reads,
            age,
        )
        return function

    return register


def all_builtins() -> dict[str, Builtin]:
    """Give every builtin by its name."""
    return dict(_BUILTINS)


def find_registered(name: str) -> Builtin | None:
    """Give the builtin of this bare name, or None."""
    return _BUILTINS.get(name)


def _parameters(text: str) -> tuple[Parameter, ...]:
    return tuple(Parameter(m["name"], m["type"]) for m in _PARAMETER.finditer(text))


def _checked(cell: Cell) -> Cell:
    if type(cell) is int and not MIN_INT <= cell <= MAX_INT:
        raise BuiltinFailure("the result does not fit into 64 bits")
    if type(cell) is float:
        if not math.isfinite(cell):
            raise BuiltinFailure("the result is not a finite number")
        return cell + 0.0
    if type(cell) is str:
        _check_text(cell)
    return cell


def _check_text(text: str) -> None:
    if len(text) > _MAX_TEXT:
        raise BuiltinFailure("the resulting text is too long")
    if "\0" in text:
        raise BuiltinFailure("the resulting text holds NUL")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise BuiltinFailure("the resulting text holds half of a surrogate pair") from None
