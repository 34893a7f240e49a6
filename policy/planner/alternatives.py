"""Alternatives multiplied out, as far as that stays small; what stays whole is a group."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ..language.ast import Alternatives, Body, Rule, Truth
from ..language.bindings import scopes_of
from ..language.diagnostics import Diagnostic, PolicyError
from ..language.walk import variables_of_body, variables_of_rule

MAX_ALTERNATIVES = 16
"""Alternatives that a rule may multiply out to."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """A group of alternatives and what it multiplies out to.

    Shapes: `cost` is 0 when it only tests what others bind, 1 when it gives values, 2 when it has
        to be multiplied out: it shares a name that not all of its alternatives bind.
    """

    group: Alternatives
    bodies: list[Body]
    cost: int


class Splitter:
    """Multiplies out the alternatives of one rule."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule

    @cached_property
    def _uses(self) -> Counter[str]:
        """How often each variable stands in the rule; asked for only where groups are many."""
        return Counter(variable.name for variable in variables_of_rule(self._rule))

    @cached_property
    def _bound(self) -> dict[int, set[str]]:
        """By a group's identity, the variables bound where it stands."""
        return {
            id(group.conjunct): scope.bound
            for scope in scopes_of(self._rule.body or ())
            for group in scope.groups
        }

    def split(self, body: Body) -> list[Body]:
        """Give the bodies that a body of the rule comes to, without what is true or false.

        Before: `q(x), (r(x) or s(x))`; after: `q(x), r(x)` and `q(x), s(x)`.

        Shapes: where that would be too many, groups are left whole: tests first, largest first.
        Raises: PolicyError: there are too many that cannot be left whole.
        """
        if any(isinstance(conjunct, Truth) and not conjunct.value for conjunct in body):
            return []
        plain = tuple(c for c in body if not isinstance(c, Alternatives | Truth))
        groups = [conjunct for conjunct in body if isinstance(conjunct, Alternatives)]
        multiplied = [[part for b in group.bodies for part in self.split(b)] for group in groups]
        if _size_of(multiplied) > MAX_ALTERNATIVES:
            costs = [self._cost(group, plain) for group in groups]
            parts = map(_Choice, groups, multiplied, costs)
            multiplied = self._fitting(list(parts))
        return [(*plain, *(c for part in parts for c in part)) for parts in product(*multiplied)]

    def _fitting(self, choices: Sequence[_Choice]) -> list[list[Body]]:
        """Multiply out what has to be and the smallest of the others, as long as they fit."""
        taken = [choice.bodies for choice in choices if choice.cost == _UNBOUND]
        if _size_of(taken) > MAX_ALTERNATIVES:
            raise self._too_many()
        others = [choice for choice in choices if choice.cost != _UNBOUND]
        for choice in sorted(others, key=lambda c: (-c.cost, len(c.bodies))):
            fits = _size_of([*taken, choice.bodies]) <= MAX_ALTERNATIVES
            taken.append(choice.bodies if fits else [(choice.group,)])
        return taken

    def _cost(self, group: Alternatives, plain: Body) -> int:
        inside = Counter(variable.name for variable in variables_of_body((group,)))
        shared = {name for name, count in inside.items() if self._uses[name] > count}
        if shared <= scopes_of(plain)[0].bound:
            return _TEST
        return _GIVES if shared <= self._bound[id(group)] else _UNBOUND

    def _too_many(self) -> PolicyError:
        return PolicyError(
            [
                Diagnostic(
                    "too-many-alternatives",
                    f"the rule for {self._rule.head.table!r} multiplies out to more than"
                    f" {MAX_ALTERNATIVES} alternatives",
                    source=self._rule.span.source,
                    note="its groups share variables that not each of their alternatives binds",
                    hint="give a group of alternatives a table of its own, with one rule for each",
                )
            ]
        )


_TEST, _GIVES, _UNBOUND = range(3)


def _size_of(choices: Iterable[Sequence[Body]]) -> int:
    size = 1
    for choice in choices:
        size *= max(len(choice), 1)
    return size
