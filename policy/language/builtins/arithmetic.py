"""Arithmetic on 64-bit integers and floats; what does not fit fails, it is no wrong number."""

from __future__ import annotations

from .registry import BuiltinFailure, builtin

Number = int | float


@builtin("plus(x: ordered, y: ordered | z: ordered)")
def plus(x: Number | str, y: Number | str) -> Number | str:
    """Give the sum of two numbers, or two strings joined."""
    if isinstance(x, str) and isinstance(y, str):
        return x + y
    if isinstance(x, str) or isinstance(y, str):
        raise BuiltinFailure("a number is added to text")
    return x + y


@builtin("minus(x: number, y: number | z: number)")
def minus(x: Number, y: Number) -> Number:
    """Give x less y."""
    return x - y


@builtin("mul(x: number, y: number | z: number)")
def mul(x: Number, y: Number) -> Number:
    """Give the product."""
    return x * y


@builtin("div(x: number, y: number | z: number)")
def div(x: Number, y: Number) -> Number:
    """Give the quotient: the floor of it for two integers, else the true one."""
    if isinstance(x, int) and isinstance(y, int):
        return x // y
    return x / y


@builtin("mod(x: number, y: number | z: number)")
def mod(x: Number, y: Number) -> Number:
    """Give the remainder, which has the sign of y."""
    return x % y


@builtin("float(x: ordered | y: number)")
def to_float(x: Number | str) -> float:
    """Give a number, or the number that a text spells, as a float."""
    try:
        return float(x)
    except ValueError:
        raise BuiltinFailure("the text is not a number") from None


@builtin("int(x: ordered | y: integer)")
def to_int(x: Number | str) -> int:
    """Give a number without its fraction, or the integer that a text spells."""
    try:
        return int(x)
    except ValueError:
        raise BuiltinFailure("the text is not an integer") from None


@builtin("abs(x: number | y: number)")
def absolute(x: Number) -> Number:
    """Give x without its sign."""
    return abs(x)


@builtin("round(x: number | y: integer)")
def rounded(x: Number) -> int:
    """Give the nearest integer; of two equally near ones the even one."""
    return round(x)
