"""Conjunctions taken apart: what shares no variable, and what is too long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .binders import Literals, names_in
from .internal_tables import InternalTables
from .join_order import connected_parts, order_body
from .kernel_rules import read
from .normal_form import Group, Match, NormalLiteral, NormalRule, Term, terms_of

MAX_MATCHES = 32
"""Literals on tables in one conjunction: each of them has a plan of its own."""


def set_apart(terms: Sequence[Term], body: Literals, tables: InternalTables) -> Literals:
    """Give a body in which nothing multiplies the derivations that the head does not need.

    Before: `p(x) :- q(x), r(y), s(y, z)`; after: `$() :- r(y), s(y, z)` and `p(x) :- q(x), $()`.
    """
    parts = connected_parts(body, frozenset())
    if len(parts) == 1:
        return body
    wanted = {term for term in terms if isinstance(term, str)}
    kept: list[NormalLiteral] = []
    for part in parts:
        if names_in(part) & wanted or not _is_multiple(part):
            kept += part
        else:
            short = cut((), tuple(part), tables)
            kept.append(read(tables.define("part", 0, [((), short)]), ()))
    return tuple(kept)


def _is_multiple(part: Iterable[NormalLiteral]) -> bool:
    """Tell whether the rows of a table decide how many solutions a part has."""
    read = [literal for literal in part if isinstance(literal, Match | Group)]
    return any(not isinstance(term, int) for literal in read for term in terms_of(literal))


def cut(terms: tuple[Term, ...], body: Literals, tables: InternalTables) -> Literals:
    """Give a body with few enough literals on tables, the first of many in an internal table.

    Before: `p(x) :- q1(x, y), q2(y, z), q3(z)`; after, were two the most: `$(x, z) :- q1(x, y),
    q2(y, z)` and `p(x) :- $(x, z), q3(z)`.
    """
    if sum(isinstance(literal, Match) for literal in body) <= MAX_MATCHES:
        return body
    rest = order_body(
        NormalRule(("", ""), terms, body), lambda _, columns, width: width - len(columns)
    )
    wanted = {term for term in terms if isinstance(term, str)}
    while True:
        places = [place for place, literal in enumerate(rest) if isinstance(literal, Match)]
        if len(places) <= MAX_MATCHES:
            return tuple(rest)
        first, rest = rest[: places[MAX_MATCHES]], rest[places[MAX_MATCHES] :]
        names = tuple(sorted(names_in(first) & (wanted | names_in(rest))))
        piece = tables.define("piece", len(names), [(names, tuple(first))])
        rest = [read(piece, names), *rest]
