"""Literals that only ask whether there is a row, where many of them multiply derivations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .binders import Literals
from .internal_tables import InternalTables
from .normal_form import Match, NormalLiteral, Term, terms_of

MIN_TABLES = 3
"""Literals on tables of a conjunction in which there can be such ones."""


def ask_projections(terms: Sequence[Term], body: Literals, tables: InternalTables) -> Literals:
    """Give a body in which not more than one literal for a variable counts rows beside it.

    Before: `p(x) :- q(x), r(x, _), s(x, _)`, with hundreds of rows for an x in both; after:
    `$s(c0) :- s(c0, _)` and `p(x) :- q(x), r(x, _), $s(x)`.

    Derivations are counted, one for each way to choose the rows: of two such literals with a
    thousand rows each, a million for each x. A projection costs memory, and time with each change
    of its table, also where a key is among its columns and nothing is gained. So the first of
    them stays, whose rows a join goes through in any case; with none left, changes of twelve
    cloud rules took a tenth longer. And so does a literal with several variables, which are a
    key more often than not, and one on a variable of its own, as in `p(x, y), r(x, _), s(y, _)`:
    mostly it looks up by a key. Tables that depend on the head stay too: there nothing is counted.
    """
    positive = [literal for literal in body if isinstance(literal, Match) and not literal.negated]
    if len(positive) < MIN_TABLES:
        return body
    uses = Counter(t for literal in body for t in terms_of(literal) if isinstance(t, str))
    uses.update(term for term in terms if isinstance(term, str))
    asked: set[str] = set()
    changed: list[NormalLiteral] = []
    for literal in body:
        if not isinstance(literal, Match) or literal.negated or tables.depends_on_head(literal):
            changed.append(literal)
            continue
        variable = _only_variable(literal, uses)
        is_further = variable in asked
        changed.append(
            tables.without_any(_without_lonely(literal, uses)) if is_further else literal
        )
        if variable is not None:
            asked.add(variable)
    return tuple(changed)


def _only_variable(match: Match, uses: Mapping[str, int]) -> str | None:
    """Give the one variable that a literal shares with others, if rows of it multiply."""
    terms = _without_lonely(match, uses).terms
    names = {term for term in terms if isinstance(term, str)}
    return names.pop() if len(names) == 1 and None in terms else None


def _without_lonely(match: Match, uses: Mapping[str, int]) -> Match:
    """Give a literal without the variables that stand nowhere else."""
    return replace(
        match, terms=tuple(None if isinstance(t, str) and uses[t] == 1 else t for t in match.terms)
    )
