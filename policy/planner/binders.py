"""Which literals of a body give variables their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet

from .join_order import can_run, connected_parts
from .normal_form import Match, NormalLiteral, variables_of

Literals = tuple[NormalLiteral, ...]


def run_order(
    body: Iterable[NormalLiteral], given: Iterable[str] = ()
) -> tuple[Literals, set[str]]:
    """Give the literals that can run, in an order in which they can, and what is known then."""
    known = set(given)
    done: list[NormalLiteral] = []
    left = list(body)
    while True:
        waiting: list[NormalLiteral] = []
        for literal in left:
            if can_run(literal, known):
                done.append(literal)
                known |= variables_of(literal)
            else:
                waiting.append(literal)
        if len(waiting) in (0, len(left)):
            return tuple(done), known
        left = waiting


def find_binders(
    body: Literals, shared: AbstractSet[str], outer: Sequence[NormalLiteral]
) -> Literals | None:
    """Give literals of `outer` with which a body binds what it shares; None: there are none.

    One that has all shared variables is enough. Else it takes all that is connected with those
    that lack values: of less, such as `q(x), r(y)` of `q(x), e(x, z), e(z, y), r(y)`, there could
    be many more rows than the rule itself works on.
    """
    own = run_order(body)[1]
    if shared <= own:
        return ()
    ordered, known = run_order(outer)
    outside = shared & known
    if not shared <= run_order(body, outside)[1]:
        return None
    alone = [o for o in ordered if can_run(o, frozenset()) and outside <= variables_of(o)]
    if alone:
        return (min(alone, key=lambda literal: isinstance(literal, Match)),)
    parts = connected_parts(ordered, frozenset())
    needed = {id(o) for part in parts if names_in(part) & (outside - own) for o in part}
    return tuple(literal for literal in ordered if id(literal) in needed)


def names_in(body: Iterable[NormalLiteral]) -> set[str]:
    """Give the names of the variables of some literals."""
    return set().union(*map(variables_of, body))
