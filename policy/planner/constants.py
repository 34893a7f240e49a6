"""Constants that a body gives to variables, put into the literals on tables that have them.

The kernel finds the rules that a changed row concerns by the constants in their literals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from .binders import Literals
from .normal_form import Condition, Match, NormalLiteral, Term, variables_of
from .symbols import Id


def put_constants(terms: Sequence[Term], body: Literals) -> Literals:
    """Give a body in which literals on tables have the constants that their variables equal.

    Before: `p(x) :- q(x, y), y = 1`; after: `p(x) :- q(x, 1)`. The comparison stays where more
    than literals on tables has the variable.
    """
    given = [_given(literal) for literal in body]
    constants = dict(found for found in given if found is not None)
    if not constants:
        return body
    put = [(_with(literal, constants), found) for literal, found in zip(body, given, strict=True)]
    needed = {term for term in terms if isinstance(term, str)}
    needed.update(*(variables_of(literal) for literal, found in put if found is None))
    uses = Counter(found[0] for found in given if found is not None)
    needed |= {name for name, count in uses.items() if count > 1 or not _is_read(name, body)}
    return tuple(literal for literal, found in put if found is None or found[0] in needed)


def _given(literal: NormalLiteral) -> tuple[str, Id] | None:
    """Give the variable and the constant of `x = 1`."""
    if isinstance(literal, Condition) and literal.operator == "=":
        for name, constant in ((literal.left, literal.right), (literal.right, literal.left)):
            if isinstance(name, str) and isinstance(constant, int):
                return name, constant
    return None


def _is_read(name: str, body: Literals) -> bool:
    return any(isinstance(literal, Match) and name in literal.terms for literal in body)


def _with(literal: NormalLiteral, constants: dict[str, Id]) -> NormalLiteral:
    if not isinstance(literal, Match) or not variables_of(literal) & constants.keys():
        return literal
    found = (constants.get(term) if isinstance(term, str) else None for term in literal.terms)
    pairs = zip(literal.terms, found, strict=True)
    return replace(literal, terms=tuple(term if c is None else c for term, c in pairs))
