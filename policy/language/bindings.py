"""Which variables of a body get values, and in which of its alternatives.

A body is a scope, each alternative in it a scope of its own that sees what the outer one binds;
so is each body of a `not (…)`, of which the outer scope sees nothing.
Each (scope, variable) is worked on once: the cost is linear for flat bodies, at most depth times
size for nested ones.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from .ast import (
    Alternatives,
    Body,
    Comparison,
    Conjunct,
    Expression,
    Literal,
    Membership,
    NegatedGroup,
    Truth,
    Variable,
    Wildcard,
)
from .builtins import find_call
from .walk import expressions_of, literals_of, parts_of, variables_of


@dataclass(eq=False, slots=True)
class _Implication:
    """When all inputs are bound, the outputs are; `missing` counts inputs that are not yet."""

    missing: int
    outputs: tuple[str, ...]


@dataclass(eq=False, slots=True)
class Group:
    """Alternatives in a scope, or the bodies of a `not (…)`."""

    outer: Scope
    scopes: list[Scope]
    live: int
    is_negated: bool
    conjunct: Alternatives | NegatedGroup
    bound_counts: Counter[str] = field(default_factory=Counter)


@dataclass(eq=False, slots=True)
class Scope:
    """A body and what is bound in it; `number` counts alternatives from 1, the rule's own is 0.

    Shapes: `mentioned` are the variables of the body of a group; empty for the rule's own body.
    """

    body: Body
    number: int = 0
    parent: Group | None = None
    bound: set[str] = field(default_factory=set)
    groups: list[Group] = field(default_factory=list)
    mentioned: frozenset[str] = frozenset()
    waiting: defaultdict[str, list[_Implication]] = field(
        default_factory=lambda: defaultdict(list)
    )

    @property
    def is_dead(self) -> bool:
        """Tell whether the body holds `false`, so that it never matters."""
        return any(isinstance(c, Truth) and not c.value for c in self.body)


def scopes_of(body: Body) -> list[Scope]:
    """Give the scopes of a body, itself first, with the variables that are bound in each."""
    root = Scope(body)
    scopes = [root]
    queue: list[tuple[Scope, str]] = []
    for scope in scopes:  # grows while it is walked
        for conjunct in scope.body:
            if isinstance(conjunct, Alternatives | NegatedGroup):
                group = _group(conjunct, scope)
                scope.groups.append(group)
                scopes += group.scopes
            else:
                queue += [(scope, name) for name in _connect(conjunct, scope)]
    _bind(queue)
    return scopes


def assume(scope: Scope, name: str) -> None:
    """Take a variable of a scope for bound, with all that follows from it."""
    _bind([(scope, name)])


def awaited(scope: Scope) -> set[str]:
    """Give the variables of a scope that would be bound if others were."""
    waiting = (each for implications in scope.waiting.values() for each in implications)
    return {name for implication in waiting for name in implication.outputs}


def _bind(queue: list[tuple[Scope, str]]) -> None:
    while queue:
        scope, name = queue.pop()
        if name not in scope.bound:
            scope.bound.add(name)
            queue += _consequences(scope, name)


def _group(conjunct: Alternatives | NegatedGroup, outer: Scope) -> Group:
    group = Group(outer, [], 0, isinstance(conjunct, NegatedGroup), conjunct)
    for number, body in enumerate(conjunct.bodies, 1):
        group.scopes.append(Scope(body, number, group, mentioned=_mentioned(body)))
    group.live = sum(not scope.is_dead for scope in group.scopes)
    return group


def _mentioned(body: Body) -> frozenset[str]:
    return frozenset(
        variable.name
        for conjunct in literals_of(body)
        for variable in variables_of(*expressions_of(conjunct))
    )


def _connect(conjunct: Conjunct, scope: Scope) -> list[str]:
    """Note what a conjunct binds once others are bound; give what it binds at once."""
    match conjunct:
        case Literal(atom, negated=False):
            values = [argument.value for argument in atom.arguments]
            builtin = find_call(atom)
            if builtin is None:
                # An expression stands for `v = expression`: it gives its variables no values.
                return [value.name for value in values if isinstance(value, Variable)]
            inputs = len(builtin.inputs)
            return _imply(scope, values[:inputs], values[inputs:])
        case Comparison("=", left, right):
            return [*_imply(scope, [left], [right]), *_imply(scope, [right], [left])]
        case Membership(Variable(name), _, negated=False):
            return [name]
    return []


def _imply(scope: Scope, inputs: list[Expression], outputs: list[Expression]) -> list[str]:
    if any(isinstance(part, Wildcard) for value in inputs for part in parts_of(value)):
        return []
    names = [value.name for value in outputs if isinstance(value, Variable)]
    needed = set(_names(inputs))
    if not needed:
        return names
    implication = _Implication(len(needed), tuple(names))
    for name in needed:
        scope.waiting[name].append(implication)
    return []


def _names(values: Iterable[Expression]) -> list[str]:
    return [variable.name for variable in variables_of(*values)]


def _consequences(scope: Scope, name: str) -> list[tuple[Scope, str]]:
    """Give what follows from a variable that was just bound in a scope."""
    found: list[tuple[Scope, str]] = []
    for implication in scope.waiting.pop(name, ()):
        implication.missing -= 1
        if not implication.missing:
            found += [(scope, output) for output in implication.outputs]
    for group in scope.groups:
        found += [(inner, name) for inner in group.scopes if name in inner.mentioned]
    group_above = scope.parent
    if group_above is not None and not group_above.is_negated and not scope.is_dead:
        group_above.bound_counts[name] += 1
        if group_above.bound_counts[name] == group_above.live:
            found.append((group_above.outer, name))
    return found
