"""Checks (warnings): values that a column's type keeps apart, and null where it never stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ..ast import (
    Argument,
    Atom,
    Comparison,
    Constant,
    Expression,
    Literal,
    Membership,
    Rule,
    Span,
    Variable,
)
from ..diagnostics import Diagnostic
from ..printer import print_value
from ..walk import literals_of
from .batch import Batch, TypedColumn

_NAMES = {"str": "text", "int": "integers", "float": "floats", "bool": "booleans", "null": "null"}
_NUMBERS = {"int", "float"}
_SAMENESS = 'values of two types are never the same: 1, 1.0 and "1" differ'
_ORDER = "numbers are less or greater than numbers, and texts than texts"
_ORDERED = ({"int", "float"}, {"str"})


class _Place(NamedTuple):
    """A column that gives a variable its values: its name, and the types that stand in it."""

    name: str
    types: frozenset[str]

    @property
    def holds(self) -> str:
        return " and ".join(_NAMES[kind] for kind in sorted(self.types - {"null"}))


def find_type_conflicts(batch: Batch) -> Iterator[Diagnostic]:
    """Warn of what the schemas' types decide: a join, a constant or a comparison of two types."""
    for policy, rule in batch.rules:
        places: dict[str, _Place] = {}
        for conjunct in rule.body or ():
            if isinstance(conjunct, Literal) and not conjunct.negated:
                for argument, place in _columns_of(batch, policy, conjunct.atom):
                    yield from _joined(batch, argument, place, places)
        yield from _conditions(batch, policy, rule, places)


def _conditions(
    batch: Batch, policy: str, rule: Rule, places: dict[str, _Place]
) -> Iterator[Diagnostic]:
    for conjunct in literals_of(rule.body or ()):
        match conjunct:
            case Literal(atom=atom):
                for argument, place in _columns_of(batch, policy, atom):
                    if isinstance(argument.value, Constant):
                        yield from _compared(batch, place, "=", argument.value, argument.span)
            case Comparison(operator=operator, left=left, right=right):
                for one, other in ((left, right), (right, left)):
                    known = _place_of(one, places)
                    if known is not None and isinstance(other, Constant):
                        yield from _compared(batch, known, operator, other, conjunct.span)
            case Membership(term=term, constants=constants):
                known = _place_of(term, places)
                if known is not None:
                    for constant in constants:
                        yield from _compared(batch, known, "=", constant, constant.span)


def _place_of(expression: Expression, places: dict[str, _Place]) -> _Place | None:
    return places.get(expression.name) if isinstance(expression, Variable) else None


def _columns_of(batch: Batch, policy: str, atom: Atom) -> Iterator[tuple[Argument, _Place]]:
    """Give the arguments of an atom that stand in columns with a type."""
    owner = atom.policy or policy
    schema = batch.program.typed_columns(owner, atom.table)
    if schema is None:
        return
    numbers = {column.name: number for number, column in enumerate(schema)}
    for position, argument in enumerate(atom.arguments):
        number: int | str | None = position if argument.column is None else argument.column
        number = numbers.get(number) if isinstance(number, str) else number
        if number is not None and number < len(schema) and schema[number].type != "any":
            column = schema[number]
            yield argument, _Place(f"{owner}:{atom.table}.{column.name}", _types(column))


def _types(column: TypedColumn) -> frozenset[str]:
    return frozenset({column.type, "null"} if column.nullable else {column.type})


def _joined(
    batch: Batch, argument: Argument, place: _Place, places: dict[str, _Place]
) -> Iterator[Diagnostic]:
    if not isinstance(argument.value, Variable):
        return
    other = places.setdefault(argument.value.name, place)
    if not other.types & place.types:
        yield batch.report(
            "type-conflict",
            f"{argument.value.name!r} stands for {other.holds} and for {place.holds},"
            " which are never the same",
            argument.span,
            note=f"{other.name} holds {other.holds}, {place.name} holds {place.holds}",
            hint=_way_to_join(other.types, place.types),
            is_warning=True,
        )


def _way_to_join(one: frozenset[str], other: frozenset[str]) -> str:
    if one & _NUMBERS and other & _NUMBERS:
        return "compare by value, equal(x, y), or convert one: int(x, y), float(x, y)"
    if (one | other) & _NUMBERS and "str" in one | other:
        return "convert the text, int(x, y) or float(x, y), if it holds numbers"
    return "join columns of one type"


def _compared(
    batch: Batch, place: _Place, operator: str, constant: Constant, span: Span
) -> Iterator[Diagnostic]:
    kind = "null" if constant.value is None else type(constant.value).__name__
    if kind in place.types or _is_ordered(operator, kind, place.types):
        return
    if kind == "null":
        hint = "leave the comparison out"
        if "str" in place.types:
            hint = 'compare with the text "None" if the datasource writes that for nothing'
        yield batch.report(
            "null-comparison",
            f"{place.name} is never null",
            span,
            note=f"its schema says that it holds {place.holds}",
            hint=hint,
            is_warning=True,
        )
        return
    always = "always" if operator == "!=" else "never"
    yield batch.report(
        "type-conflict",
        f"{place.name} holds {place.holds}: the comparison with {print_value(constant.value)}"
        f" {always} holds",
        span,
        note=_SAMENESS if operator in ("=", "!=") else _ORDER,
        hint=_way_to_compare(kind, place.types),
        is_warning=True,
    )


def _way_to_compare(kind: str, types: frozenset[str]) -> str:
    hint = "write a constant of the column's type"
    if kind in _NUMBERS and types & _NUMBERS:
        return f"{hint}, or compare by value with equal(x, y)"
    if kind in _NUMBERS and "str" in types:
        return f"{hint}, or convert the text, {kind}(x, y), if it holds numbers"
    return hint


def _is_ordered(operator: str, kind: str, types: frozenset[str]) -> bool:
    """Tell whether values of two types can be less or greater than each other."""
    if operator in ("=", "!="):
        return False
    return any(kind in family and types & family for family in _ORDERED)
