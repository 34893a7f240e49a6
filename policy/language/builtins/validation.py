"""Values checked against a range or an expression; the answer is "" or what is wrong.

The answers have the wording that Congress's users know.
"""

from __future__ import annotations

from ..ast import Constant_ as Cell
from .patterns import compiled
from .registry import BuiltinFailure, builtin

_Number = int | float
_Bound = int | float | str


@builtin("validate_int(least: ordered, greatest: ordered, value: any | error: text)")
def validate_int(least: _Bound, greatest: _Bound, value: Cell) -> str:
    """Say what is wrong with an integer or its text; "" as a bound is no bound."""
    if _is_blank(value):
        return ""
    try:
        number = int(value) if isinstance(value, int | float) else int(str(value))
    except ValueError:
        return f"invalid literal for int() with base 10: {_shown(value)}"
    return _outside(number, least, greatest)


@builtin("validate_float(least: ordered, greatest: ordered, value: any | error: text)")
def validate_float(least: _Bound, greatest: _Bound, value: Cell) -> str:
    """Say what is wrong with a number or its text; "" as a bound is no bound."""
    if _is_blank(value):
        return ""
    try:
        number = float(value) if isinstance(value, int | float) else float(str(value))
    except ValueError:
        return f"could not convert string to float: {_shown(value)}"
    return _outside(number, least, greatest)


@builtin(
    "validate_string(regex: text, length: integer, quotes: any, ignore_case: any, value: any"
    " | error: text)"
)
def validate_string(regex: str, length: int, quotes: Cell, ignore_case: Cell, value: Cell) -> str:
    """Say what is wrong with a text: too long, not matched; "" and 0 ask for nothing.

    With `quotes` those around the value are taken off first.
    """
    text = value if isinstance(value, str) else str(value)
    if quotes and text[:1] in ("'", '"'):
        if len(text) == 1 or text[-1] != text[0]:
            return f"Non-closed quote: {text}"
        text = text[1:-1]
    if 0 < length < len(text):
        return f"Value {text!r} exceeds maximum length {length}"
    if regex and compiled(regex, ignores_case=bool(ignore_case)).search(text) is None:
        return f"Value {text!r} doesn't match regex {regex!r}"
    return ""


def _outside(number: _Number, least: _Bound, greatest: _Bound) -> str:
    low, high = _bound(least), _bound(greatest)
    if low is not None and high is not None and high < low:
        raise BuiltinFailure("the greatest value is less than the least")
    if low is not None and number < low:
        return f"Should be greater than or equal to {low:g}"
    if high is not None and number > high:
        return f"Should be less than or equal to {high:g}"
    return ""


def _bound(given: _Bound) -> _Number | None:
    if not isinstance(given, str):
        return given
    if given:
        raise BuiltinFailure("a bound is text")
    return None


def _is_blank(value: Cell) -> bool:
    return isinstance(value, str) and not value.strip()


def _shown(value: Cell) -> str:
    return repr(value if isinstance(value, str) else str(value))
