"""Check (warning): a rule whose body can never hold."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import (
    Alternatives,
    Body,
    Comparison,
    Conjunct,
    Constant,
    Literal,
    Truth,
    Variable,
    Wildcard,
)
from ..builtins.comparison import ORDERS
from ..diagnostics import Diagnostic
from ..printer import print_conjunct
from ..walk import expressions_of, parts_of
from .batch import Batch

_NUMBERS = (int, float)
_DEPTH = 20
"""Groups in groups that are looked at; deeper ones are taken to hold."""


def find_unreachable_rules(batch: Batch) -> Iterator[Diagnostic]:
    """Warn of conditions that never hold, or not with another one of the same body."""
    for _, rule in batch.rules:
        found = _dead(rule.body or ())
        if found is not None:
            conjunct, reason = found
            yield batch.report(
                "unreachable-rule",
                f"the rule never gives a row: {reason}",
                conjunct.span,
                hint="take the rule out, or correct the condition",
                is_warning=True,
            )


def _dead(body: Body, depth: int = 0) -> tuple[Conjunct, str] | None:
    """Give a conjunct that keeps a body from ever holding, with the reason."""
    values: dict[str, Constant] = {}
    positive: set[Conjunct] = set()
    negated: set[Conjunct] = set()
    for conjunct in body:
        if _is_false(conjunct):
            return conjunct, f"{print_conjunct(conjunct)!r} never holds"
        if isinstance(conjunct, Alternatives) and _are_dead(conjunct.bodies, depth):
            return conjunct, "none of its alternatives ever holds"
        name, value = _given(conjunct)
        if value is not None and values.setdefault(name, value) != value:
            return conjunct, f"{name!r} is {print_conjunct(values[name])} already"
        if isinstance(conjunct, Literal) and not _has_wildcard(conjunct):
            plain = Literal(conjunct.atom)
            (negated if conjunct.negated else positive).add(plain)
            if plain in positive and plain in negated:
                return conjunct, f"{print_conjunct(plain)!r} is asked for and negated"
    return None


def _are_dead(bodies: tuple[Body, ...], depth: int) -> bool:
    return depth < _DEPTH and all(_dead(body, depth + 1) for body in bodies)


def _is_false(conjunct: Conjunct) -> bool:
    """Tell whether a conjunct is false whatever its variables stand for."""
    if isinstance(conjunct, Truth):
        return not conjunct.value
    if not isinstance(conjunct, Comparison):
        return False
    left, right, operator = conjunct.left, conjunct.right, conjunct.operator
    if isinstance(left, Variable) and left == right:
        return operator in ("!=", "<", ">")
    if not isinstance(left, Constant) or not isinstance(right, Constant):
        return False
    if operator in ("=", "!="):
        return (left == right) is (operator == "!=")
    return not _is_ordered(operator, left.value, right.value)


def _is_ordered(operator: str, x: object, y: object) -> bool:
    are_numbers = type(x) in _NUMBERS and type(y) in _NUMBERS
    if not are_numbers and not (isinstance(x, str) and isinstance(y, str)):
        return False
    return bool(ORDERS[operator](x, y))


def _given(conjunct: Conjunct) -> tuple[str, Constant | None]:
    """Give the variable that a conjunct makes equal to a constant."""
    if isinstance(conjunct, Comparison) and conjunct.operator == "=":
        left, right = conjunct.left, conjunct.right
        if isinstance(left, Variable) and isinstance(right, Constant):
            return left.name, right
        if isinstance(left, Constant) and isinstance(right, Variable):
            return right.name, left
    return "", None


def _has_wildcard(literal: Literal) -> bool:
    return any(isinstance(part, Wildcard) for part in parts_of(*expressions_of(literal)))
