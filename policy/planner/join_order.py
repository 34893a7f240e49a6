"""In which order a body's literals run: filters as soon as they can, then the cheapest join."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from heapq import heapify, heappop, heappush

from congress_dist.errors import InternalError

from .normal_form import (
    Call,
    Choice,
    Condition,
    Group,
    Match,
    NormalLiteral,
    NormalRule,
    TableKey,
    bound_by,
    is_known,
    variables_of,
)


class UnsafeRule(InternalError):
    """A rule that the checks were to refuse: some of its variables are never bound."""

    code = "unsafe_rule"


Columns = tuple[int, ...]
"""A search signature: the bound columns of a probe, in ascending order."""
FanOut = Callable[[TableKey, Columns, int], float]
"""Estimates the rows of a table (of some width) that share the same values in some columns."""


def order_body(
    rule: NormalRule, fan_out: FanOut, *, bound: AbstractSet[str] = frozenset()
) -> list[NormalLiteral]:
    """Give the body of a rule in the order to run it, with some variables bound before.

    What is a test by what is known comes first. Then parts of the body that share no variable are
    kept together, those without a variable of the head first: of them one solution is enough.
    """
    ordered: list[NormalLiteral] = []
    known = set(bound)
    head = {term for term in rule.terms if isinstance(term, str)} - known
    parts = connected_parts(rule.body, known)
    if len(parts) > 1:
        parts.sort(key=lambda part: _part_rank(part, known, head))
    for part in parts:
        ordered += _order_part(part, known, fan_out)
    return ordered


def refuse_unsafe(rule: NormalRule) -> None:
    """Make sure that a rule can be ordered and binds what its head needs.

    Raises: UnsafeRule.
    """
    bound = _refuse_stuck(rule.body, frozenset())
    unbound = {term for term in rule.terms if isinstance(term, str)} - bound
    if unbound or None in rule.terms:
        raise UnsafeRule(f"the head of {rule} needs values for {sorted(unbound) or '_'}")


def _refuse_stuck(body: Sequence[NormalLiteral], given: AbstractSet[str]) -> set[str]:
    """Make sure that a body has an order, whichever it is; give what it binds.

    What can run once something is bound can run when more is: so the order does not matter here.
    """
    bound = bound_by(body, given)
    stuck = [literal for literal in body if not can_run(literal, bound)]
    if stuck:
        raise UnsafeRule(f"these literals can never run: {stuck}")
    for literal in body:
        if isinstance(literal, Group):
            for inner in literal.bodies:
                _refuse_stuck(inner, frozenset(literal.shared))
    return bound


def starts_with(rule: NormalRule, first: Match, fan_out: FanOut) -> list[NormalLiteral]:
    """Give the body in an order that begins with one of its positive literals (by identity)."""
    known = variables_of(first)
    rest = NormalRule(rule.head, rule.terms, tuple(o for o in rule.body if o is not first))
    return [first, *order_body(rest, fan_out, bound=known)]


def _part_rank(
    part: list[NormalLiteral], known: AbstractSet[str], head: AbstractSet[str]
) -> tuple[int, int]:
    names = frozenset[str]().union(*map(variables_of, part))
    if names <= known:
        return 0, max(map(_cost_of_test, part))
    return (2 if names & head else 1), 0


def _cost_of_test(literal: NormalLiteral) -> int:
    """Rank what is ready: comparisons, rows that are looked up, calls, rows that multiply."""
    match literal:
        case Condition() | Choice():
            return 0
        case Match(terms=terms, negated=negated):
            return 1 if negated or None not in terms else 3
        case Call():
            return 2
        case Group():
            return 4


def connected_parts(
    body: Sequence[NormalLiteral], known: AbstractSet[str]
) -> list[list[NormalLiteral]]:
    """Split a body in groups of literals that are connected by variables not yet known."""
    parts: list[tuple[frozenset[str], list[NormalLiteral]]] = []
    for literal in body:
        names = variables_of(literal) - known
        joined = [part for part in parts if not part[0].isdisjoint(names)]
        if joined:
            parts = [part for part in parts if part[0].isdisjoint(names)]
            names = names.union(*[part[0] for part in joined])
        parts.append((names, [*[other for part in joined for other in part[1]], literal]))
    return [literals for _, literals in parts]


def _order_part(
    part: list[NormalLiteral], known: set[str], fan_out: FanOut
) -> list[NormalLiteral]:
    ordered: list[NormalLiteral] = []
    left = dict(enumerate(part))
    ready = _take_ready(left, known)
    while left or ready:
        if ready:
            _, _, chosen = heappop(ready)
        else:
            chosen = left.pop(_cheapest_join(left, known, fan_out))
        ordered.append(order_within(chosen, fan_out, known))
        names = variables_of(chosen)
        if not names <= known:
            known |= names
            for found in _take_ready(left, known):
                heappush(ready, found)
    return ordered


def _take_ready(
    left: dict[int, NormalLiteral], known: AbstractSet[str]
) -> list[tuple[int, int, NormalLiteral]]:
    """Take out what is ready, which it stays: a heap, what costs the least first."""
    found = [(place, literal) for place, literal in left.items() if _is_ready(literal, known)]
    for place, _ in found:
        del left[place]
    ready = [(_cost_of_test(literal), place, literal) for place, literal in found]
    heapify(ready)
    return ready


def order_within(
    literal: NormalLiteral, fan_out: FanOut, known: AbstractSet[str]
) -> NormalLiteral:
    """Order what is inside of a group, with some variables bound before it runs."""
    if not isinstance(literal, Group):
        return literal
    given = known & set(literal.shared)
    asked = tuple(name for name in literal.shared if name not in given)
    rules = (NormalRule(("", ""), asked, body) for body in literal.bodies)
    bodies = tuple(tuple(order_body(rule, fan_out, bound=given)) for rule in rules)
    return replace(literal, bodies=bodies)


def can_run(literal: NormalLiteral, known: AbstractSet[str]) -> bool:
    """Tell whether a literal can run once some variables have their values."""
    if isinstance(literal, Match | Choice) and not literal.negated:
        return True
    if isinstance(literal, Group) and not literal.negated:
        shared = set(literal.shared)
        return all(shared <= known | _reached(body, known & shared) for body in literal.bodies)
    return _is_ready(literal, known)


def _reached(body: Sequence[NormalLiteral], known: AbstractSet[str]) -> set[str]:
    """Give the variables that have values after a body has run; none when it cannot run."""
    reached, left = set(known), list(body)
    while left:
        ready = [literal for literal in left if can_run(literal, reached)]
        if not ready:
            return set()
        reached.update(*map(variables_of, ready))
        left = [literal for literal in left if not any(literal is done for done in ready)]
    return reached


def _is_ready(literal: NormalLiteral, known: AbstractSet[str]) -> bool:
    """Tell whether a literal can run now and gives at most a few bindings for each one."""
    match literal:
        case Match():
            return variables_of(literal) <= known
        case Condition(operator="=", left=left, right=right):
            return is_known(left, known) or is_known(right, known)
        case Call(inputs=inputs, negated=False):
            return all(is_known(term, known) for term in inputs)
        case Condition() | Choice() | Call() | Group():
            return variables_of(literal) <= known


def _cheapest_join(
    left: Mapping[int, NormalLiteral], known: AbstractSet[str], fan_out: FanOut
) -> int:
    """Choose what binds more variables: what is connected, then what gives the fewest rows."""
    candidates: list[tuple[bool, float, int]] = []
    for place, literal in left.items():
        if isinstance(literal, Match) and not literal.negated:
            columns = bound_columns(literal, known)
            estimate = fan_out(literal.table, columns, len(literal.terms))
            is_apart = not variables_of(literal) & known
            candidates.append((is_apart, estimate, place))
        elif isinstance(literal, Choice) and not literal.negated:
            candidates.append((True, float(len(literal.constants)), place))
        elif isinstance(literal, Group) and can_run(literal, known):
            estimate = sum(_estimate(body, known, fan_out) for body in literal.bodies)
            is_apart = not variables_of(literal) & known
            candidates.append((is_apart, estimate, place))
    if not candidates:
        raise UnsafeRule(f"these literals can never run: {list(left.values())}")
    return min(candidates)[2]


def _estimate(body: Iterable[NormalLiteral], known: AbstractSet[str], fan_out: FanOut) -> float:
    """Guess how many rows a body of a group gives: as many as its smallest table."""
    matches = [literal for literal in body if isinstance(literal, Match) and not literal.negated]
    columns = ((match, bound_columns(match, known)) for match in matches)
    return min((fan_out(m.table, c, len(m.terms)) for m, c in columns), default=1.0)


def bound_columns(literal: Match, known: AbstractSet[str]) -> Columns:
    """Give the columns of a literal whose values are known before it runs."""
    return tuple(
        [
            column
            for column, term in enumerate(literal.terms)
            if term in known or (term is not None and not isinstance(term, str))
        ]
    )
