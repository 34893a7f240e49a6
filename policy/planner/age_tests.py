"""Ages that are only compared with constants: an index by crossing time takes their place."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from congress_dist.row import Cell

from ..language.builtins import Age, BuiltinFailure, find_builtin
from ..language.builtins.comparison import COMPARING, ORDERS
from .binders import Literals, find_binders, run_order
from .internal_tables import InternalTables, Values
from .kernel_rules import AgeCondition, read
from .normal_form import Call, Condition, Match, NormalLiteral, Term, variables_of

_Holds = Callable[[int | float], bool]

_MOST = 2**61
"""Microseconds: no age is as large."""
_AGES = range(-_MOST, _MOST)
_COMPARISONS: Mapping[str, Callable[[int | float, int | float], bool]] = {
    **ORDERS,
    "=": lambda left, right: type(left) is type(right) and left == right,
    "!=": lambda left, right: type(left) is not type(right) or left != right,
}


def index_ages(terms: Sequence[Term], body: Literals, tables: InternalTables) -> Literals:
    """Give a body in which ages that are only compared with constants are tests of their times.

    Before: `p(x) :- q(x, t), clock:now(n), age_seconds(n, t, s), s > 60`; after:
    `$1(t) :- q(_, t)`, `$2` with the rows of `$1` that are older than 60 seconds now, and
    `p(x) :- q(x, t), $2(t)`.
    """
    for call in [literal for literal in body if isinstance(literal, Call)]:
        use = _find_use(call, terms, body, tables.values)
        if use is not None:
            body = _indexed(use, body, tables) or body
    return body


@dataclass(frozen=True, slots=True)
class _Use:
    """An age that is only compared: the test takes the place of the `replaced` literals."""

    clock: Match
    call: Call
    moment: Call
    test: AgeCondition
    replaced: Sequence[NormalLiteral]


def _find_use(call: Call, terms: Sequence[Term], body: Literals, values: Values) -> _Use | None:
    builtin = find_builtin(call.builtin)
    if builtin is None or builtin.age is None or call.negated:
        return None
    (now, time), (age,) = call.inputs, call.outputs
    if not isinstance(time, str) or not isinstance(age, str) or {now, age} & set(terms):
        return None
    clocks = [o for o in body if o is not call and now in variables_of(o)]
    if len(clocks) != 1 or not isinstance(clocks[0], Match) or clocks[0].terms != (now,):
        return None
    users = [o for o in body if o is not call and age in variables_of(o)]
    constants = _Constants(body, values)
    comparisons = [_comparison(user, age, constants) for user in users]
    tests = [comparison for comparison in comparisons if comparison is not None]
    if clocks[0].negated or len(tests) != len(users):
        return None
    moment = Call(builtin.name, builtin.of_moments(builtin.age).rows, ("time",), ("moment",))
    test = _age_test(builtin.age, tests)
    replaced = [clocks[0], call, *users, *constants.used_up_by(users, terms)]
    return _Use(clocks[0], call, moment, test, replaced)


def _indexed(use: _Use, body: Literals, tables: InternalTables) -> Literals | None:
    """Give a body with the test in the place of what it stands for; None when it cannot."""
    (_, time) = use.call.inputs
    assert isinstance(time, str)  # noqa: S101 - a use has a variable there
    rest = [literal for literal in body if all(literal is not other for other in use.replaced)]
    below = [literal for literal in rest if not tables.depends_on_head(literal)]
    binders = find_binders((), frozenset({time}), below)
    if binders is None or tables.depends_on_head(use.clock):
        return None
    name, times = _only(time, binders)
    table = tables.define("times", 1, [((name,), times)])
    passing = tables.those_passing(table, use.clock.table, use.moment, use.test)
    return (*rest, read(passing, (time,), origin=use.call.origin))


def _only(time: str, binders: Literals) -> tuple[str, Literals]:
    """Give literals that give a variable its values; those of one table alike for all rules."""
    if len(binders) != 1 or not isinstance(binders[0], Match):
        return time, binders
    match = binders[0]
    kept = {time: "c0"}
    terms = tuple(kept.get(t) if isinstance(t, str) else t for t in match.terms)
    return "c0", (read(match.table, terms),)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """How an age is compared with a number."""

    number: int | float
    holds: _Holds


def _comparison(literal: NormalLiteral, age: str, constants: _Constants) -> _Comparison | None:
    """Read a comparison of an age with a constant number; None when it is something else."""
    if isinstance(literal, Condition):
        sides = (literal.left, literal.right)
        compare = _COMPARISONS[literal.operator]
    elif isinstance(literal, Call) and literal.builtin in COMPARING and not literal.negated:
        sides = (literal.inputs[0], literal.inputs[1])
        solve = literal.solve

        def compare(left: int | float, right: int | float) -> bool:
            return bool(list(solve((left, right))))
    else:
        return None
    number = constants.number(sides[1] if sides[0] == age else sides[0])
    if number is None:
        return None
    if sides[0] == age:
        return _Comparison(number, lambda given: compare(given, number))
    return _Comparison(number, lambda given: compare(number, given))


class _Constants:
    """Variables of a body that are worked out from constants alone, as `h` in `h = 60 * 60`."""

    def __init__(self, body: Literals, values: Values) -> None:
        self._values = values
        self._body = body
        self._found: dict[str, tuple[NormalLiteral, Cell]] = {}
        for call in run_order(o for o in body if isinstance(o, Call) and not o.negated)[0]:
            self._work_out(call)

    def number(self, term: Term) -> int | float | None:
        """Give a term's value if it is known to be a number."""
        value = self._values(term) if isinstance(term, int) else None
        if term in self._found:
            value = self._found[term][1]
        return value if type(value) in (int, float) else None  # type: ignore[return-value]

    def used_up_by(
        self, users: Sequence[NormalLiteral], terms: Sequence[Term]
    ) -> Iterator[NormalLiteral]:
        """Give the calls that work out constants for some literals, and for nothing else."""
        gone = {id(user) for user in users}
        for name, (call, _) in reversed(self._found.items()):
            others = (o for o in self._body if o is not call and id(o) not in gone)
            if name not in terms and not any(name in variables_of(other) for other in others):
                gone.add(id(call))
                yield call

    def _work_out(self, call: NormalLiteral) -> None:
        assert isinstance(call, Call)  # noqa: S101 - the caller chose
        if len(call.outputs) != 1 or not isinstance(call.outputs[0], str):
            return
        found = {name: value for name, (_, value) in self._found.items()}
        inputs = tuple(
            found.get(term) if isinstance(term, str) else self._values(term)  # type: ignore[arg-type]
            for term in call.inputs
        )
        try:
            rows = list(call.solve(inputs))
        except BuiltinFailure:
            return
        if len(rows) == 1:
            self._found.setdefault(call.outputs[0], (call, rows[0][0]))


def _age_test(age: Age, comparisons: Sequence[_Comparison]) -> AgeCondition:
    """Give where a conjunction of comparisons comes, and ceases, to hold."""
    places: set[int] = set()
    for comparison in comparisons:
        for bisect in (bisect_left, bisect_right):
            places.add(_AGES[0] + bisect(_AGES, comparison.number, key=age.of))
    turning = sorted(place for place in places if _AGES[0] < place <= _AGES[-1])
    outcomes = [_passes(age.of(place), comparisons) for place in (_AGES[0], *turning)]
    turns = (
        place for place, (b, a) in zip(turning, pairwise(outcomes), strict=True) if b is not a
    )
    return AgeCondition(outcomes[0], tuple(turns))


def _passes(age: int | float, comparisons: Sequence[_Comparison]) -> bool:
    return all(comparison.holds(age) for comparison in comparisons)
