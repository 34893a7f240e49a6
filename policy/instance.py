"""Rules with values in the place of variables, for people who ask why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from .language.ast import (
    Alternatives,
    Atom,
    Body,
    Comparison,
    Conjunct,
    Constant,
    Expression,
    Literal,
    Membership,
    NegatedGroup,
    Negative,
    Operation,
    Truth,
    Variable,
)
from .planner.normal_form import Condition, NormalRule, Term
from .planner.symbols import Id, Tuple

Values = Mapping[str, Constant]


def values_of_head(normal: NormalRule, row: Tuple) -> dict[str, Id] | None:
    """Give the variables' values with which a head is a row; of an aggregate those of the group.

    Shapes: None when its constants, or variables that repeat, are others.
    """
    pairs: Iterable[tuple[Term, Id]] = zip(normal.terms, row, strict=False)
    if normal.fold is not None:
        parts = zip(normal.fold.parts, row, strict=False)
        pairs = ((normal.terms[part], cell) for part, cell in parts if isinstance(part, int))
    given: dict[str, Id] = {}
    for term, cell in pairs:
        if (given.setdefault(term, cell) if isinstance(term, str) else term) != cell:
            return None
    return given


def within_group(alternatives: Iterable[NormalRule], row: Tuple) -> list[NormalRule]:
    """Give the alternatives of a rule with aggregates for the group of a row alone.

    Before: `n(h, count(x)) :- t(h, x)`; after, of the row n("a", 3): `… :- h = "a", t(h, x)`.
    """
    found = []
    for normal in alternatives:
        given = values_of_head(normal, row)
        if given is not None:
            bound = (Condition("=", name, value) for name, value in given.items())
            found.append(replace(normal, body=(*bound, *normal.body)))
    return found


def atom_with(atom: Atom, values: Values) -> Atom:
    """Put values in the place of an atom's variables; those without one stay."""
    arguments = tuple(
        replace(argument, value=_expression_with(argument.value, values))
        for argument in atom.arguments
    )
    return replace(atom, arguments=arguments)


def conjunct_with(conjunct: Conjunct, values: Values) -> Conjunct:
    """Put values in the place of the variables of a conjunct, groups in it included."""
    match conjunct:
        case Literal(atom=atom):
            return replace(conjunct, atom=atom_with(atom, values))
        case Comparison(left=left, right=right):
            return replace(
                conjunct,
                left=_expression_with(left, values),
                right=_expression_with(right, values),
            )
        case Membership(term=Variable(name=name)) if name in values:
            return replace(conjunct, term=values[name])
        case Membership() | Truth():
            return conjunct
        case Alternatives() | NegatedGroup():
            return replace(
                conjunct, bodies=tuple(_body_with(body, values) for body in conjunct.bodies)
            )


def body_with_atoms(body: Body, change: Callable[[Atom], Atom]) -> Body:
    """Put other atoms in the place of those of a body, in groups too."""
    changed: list[Conjunct] = []
    for conjunct in body:
        match conjunct:
            case Literal(atom=atom):
                changed.append(replace(conjunct, atom=change(atom)))
            case Alternatives() | NegatedGroup():
                bodies = tuple(body_with_atoms(inner, change) for inner in conjunct.bodies)
                changed.append(replace(conjunct, bodies=bodies))
            case _:
                changed.append(conjunct)
    return tuple(changed)


def _body_with(body: Body, values: Values) -> Body:
    return tuple(conjunct_with(conjunct, values) for conjunct in body)


def _expression_with(expression: Expression, values: Values) -> Expression:
    match expression:
        case Variable(name=name):
            return values.get(name, expression)
        case Operation(left=left, right=right):
            return replace(
                expression,
                left=_expression_with(left, values),
                right=_expression_with(right, values),
            )
        case Negative(operand=operand):
            return replace(expression, operand=_expression_with(operand, values))
    return expression
