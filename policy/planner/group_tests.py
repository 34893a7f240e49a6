"""Groups that stay in a conjunction: tests of variables that have their values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product

from .binders import Literals, run_order
from .normal_form import Group, Match, literals_within


def reads_table(group: Group) -> bool:
    """Tell whether there is a literal on a table in a group."""
    return any(isinstance(literal, Match) for literal in literals_within([group]))


def as_test(group: Group) -> Group:
    """Give a group as a test, without groups of alternatives inside.

    Before: `(x < 1 or x > y)`; after: `not (not (x < 1 or x > y))`.
    """
    bodies = tuple(
        multiplied
        for body in group.bodies
        for multiplied in _without_alternatives(body, group.shared)
    )
    inner = replace(group, bodies=bodies, negated=True)
    return inner if group.negated else replace(group, bodies=((inner,),), negated=True)


def _without_alternatives(body: Literals, given: Sequence[str]) -> Iterable[Literals]:
    """Give the bodies that a body in a group comes to.

    Before: `(y = 1 or y = 2), (x < 1 or x > y)`, given x; after: with `y = 1` and with `y = 2`
    each `…, not (not (x < 1 or x > y))`.
    """
    known = run_order([o for o in body if not _gives_values(o)], given)[1]
    choices: list[Iterable[Literals]] = []
    for literal in body:
        if not isinstance(literal, Group):
            choices.append([(literal,)])
        elif literal.negated or known.issuperset(literal.shared):
            choices.append([(as_test(literal),)])
        else:
            inner = (_without_alternatives(part, given) for part in literal.bodies)
            choices.append([one for several in inner for one in several])
    return (tuple(o for part in parts for o in part) for parts in product(*choices))


def _gives_values(literal: object) -> bool:
    return isinstance(literal, Group) and not literal.negated
