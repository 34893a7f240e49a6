"""Strings, by code point; positions count from 0."""

from __future__ import annotations

from .arithmetic import Number, plus
from .registry import BuiltinFailure, builtin

_MAX_RESULT = 2**20


@builtin("concat(x: ordered, y: ordered | z: ordered)")
def concat(x: Number | str, y: Number | str) -> Number | str:
    """Give two strings joined; of two numbers, as in Congress, the sum."""
    return plus(x, y)


@builtin("len(x: text | n: integer)")
def length(x: str) -> int:
    """Give the number of code points."""
    return len(x)


@builtin("lower(x: text | y: text)")
def lower(x: str) -> str:
    """Give the text in lower case."""
    return x.lower()


@builtin("upper(x: text | y: text)")
def upper(x: str) -> str:
    """Give the text in upper case."""
    return x.upper()


@builtin("substr(x: text, start: integer, length: integer | part: text)")
def substr(x: str, start: int, length: int) -> str:
    """Give at most `length` characters of x from `start` on."""
    if start < 0 or length < 0:
        raise BuiltinFailure("start or length is negative")
    return x[start : start + length]


@builtin("starts_with(x: text, prefix: text |)")
def starts_with(x: str, prefix: str) -> bool:
    """Hold when x begins with the prefix."""
    return x.startswith(prefix)


@builtin("ends_with(x: text, suffix: text |)")
def ends_with(x: str, suffix: str) -> bool:
    """Hold when x ends with the suffix."""
    return x.endswith(suffix)


@builtin("contains(x: text, part: text |)")
def contains(x: str, part: str) -> bool:
    """Hold when the part occurs in x."""
    return part in x


@builtin("replace(x: text, old: text, new: text | y: text)")
def replace(x: str, old: str, new: str) -> str:
    """Give x with every occurrence of `old` replaced."""
    if len(x) + x.count(old) * (len(new) - len(old)) > _MAX_RESULT:
        raise BuiltinFailure("the resulting text is too long")
    return x.replace(old, new)


@builtin("split(x: text, separator: text | part: text)", gives_many=True)
def split(x: str, separator: str) -> list[str]:
    """Give the parts of x between the separators, one row each."""
    if not separator:
        raise BuiltinFailure("the separator is empty")
    return x.split(separator)
