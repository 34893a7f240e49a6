"""Order and equality by value: numbers exactly, whatever their type, and strings by code point."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from ..ast import Constant_ as Cell
from .registry import BuiltinFailure, builtin

Ordered = int | float | str

COMPARING = frozenset({"lt", "lteq", "gt", "gteq", "equal"})
"""The builtins that only compare two values."""
ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
"""The operators of order, for two numbers or two strings."""


@builtin("lt(x: ordered, y: ordered |)")
def lt(x: Ordered, y: Ordered) -> bool:
    """Hold when x is less than y."""
    return _is_less(x, y)


@builtin("lteq(x: ordered, y: ordered |)")
def lteq(x: Ordered, y: Ordered) -> bool:
    """Hold when x is less than y or equal to it."""
    return not _is_less(y, x)


@builtin("gt(x: ordered, y: ordered |)")
def gt(x: Ordered, y: Ordered) -> bool:
    """Hold when x is greater than y."""
    return _is_less(y, x)


@builtin("gteq(x: ordered, y: ordered |)")
def gteq(x: Ordered, y: Ordered) -> bool:
    """Hold when x is greater than y or equal to it."""
    return not _is_less(x, y)


@builtin("equal(x: any, y: any |)")
def equal(x: Cell, y: Cell) -> bool:
    """Hold when x and y are the same value: 1 and 1.0 are, 1 and "1" are not."""
    if isinstance(x, bool) or isinstance(y, bool):
        return x is y
    return x == y


@builtin("max(x: ordered, y: ordered | z: ordered)")
def greater_of(x: Ordered, y: Ordered) -> Ordered:
    """Give the greater of two numbers or two strings."""
    return y if _is_less(x, y) else x


@builtin("min(x: ordered, y: ordered | z: ordered)")
def lesser_of(x: Ordered, y: Ordered) -> Ordered:
    """Give the lesser of two numbers or two strings."""
    return y if _is_less(y, x) else x


def _is_less(x: Ordered, y: Ordered) -> bool:
    if isinstance(x, str):
        if isinstance(y, str):
            return x < y
    elif not isinstance(y, str):
        return x < y
    raise BuiltinFailure("a number is compared with text")
