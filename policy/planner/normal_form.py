"""Rules as the planner sees them: tables resolved, constants as ids, no `or` left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import field
from typing import TYPE_CHECKING

from congress_dist.row import Cell

from ..language.ast import AggregateName, ComparisonOperator, Conjunct
from .symbols import Id

if TYPE_CHECKING:
    from dataclasses import dataclass
else:  # many thousands are made when a program is loaded; see `node`
    from ..language.node import node as dataclass

TableKey = tuple[str, str]
"""(policy or datasource, table)."""

Term = str | Id | None
"""A variable by its name, a constant by its id, or None: any value."""

Solve = Callable[[tuple[Cell, ...]], Iterable[tuple[Cell, ...]]]
"""A builtin's outputs for its inputs, one tuple per solution; it raises BuiltinFailure."""


class Named:
    """A literal that keeps the names of its variables: they are asked for at each step of a plan.

    Shapes: `names` is missing until they are asked for the first time.
    """

    __slots__ = ("names",)
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Match(Named):
    """A row of `table` that agrees with `terms`, one for each column; negated: there is none.

    Shapes: `origin`, here as in the other literals, is what it was read from.
    """

    table: TableKey
    terms: tuple[Term, ...]
    negated: bool = False
    origin: Conjunct | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Condition(Named):
    """A comparison of two terms."""

    operator: ComparisonOperator
    left: Term
    right: Term
    origin: Conjunct | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Choice(Named):
    """A term that is one of some constants; negated: none of them."""

    term: Term
    constants: frozenset[Id]
    negated: bool = False
    origin: Conjunct | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call(Named):
    """A builtin applied; negated: it gives no such outputs."""

    builtin: str
    solve: Solve = field(compare=False, repr=False)
    inputs: tuple[Term, ...]
    outputs: tuple[Term, ...]
    negated: bool = False
    origin: Conjunct | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Group(Named):
    """There is no way to satisfy any of `bodies`; not negated: there is one.

    Shapes: of the bodies' variables all but the `shared` ones are local. These have their values
        from outside; not negated, each body gives the values that are not known from outside.
    """

    bodies: tuple[tuple[NormalLiteral, ...], ...]
    shared: tuple[str, ...]
    negated: bool = True
    origin: Conjunct | None = field(default=None, compare=False, repr=False)


NormalLiteral = Match | Condition | Choice | Call | Group


@dataclass(frozen=True, slots=True)
class Aggregation:
    """An aggregate over the distinct values of some columns; the first is what it works on."""

    function: AggregateName
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """How rows that a body gives, the groups' columns first, become rows of the head.

    Shapes: `parts` has one entry for each column of the head: a column of the group, or an
        aggregate over the group.
    """

    groups: int
    parts: tuple[int | Aggregation, ...]


@dataclass(frozen=True, slots=True)
class NormalRule:
    """One alternative of a rule: `terms` follow from the conjunction `body`.

    Shapes: `terms` are the head's, unless the rows of all alternatives are folded into the head's.
    """

    head: TableKey
    terms: tuple[Term, ...]
    body: tuple[NormalLiteral, ...]
    fold: Fold | None = None

    def matches(self, *, negated: bool = False) -> Iterator[Match]:
        """Give the literals on tables, the positive or the negated ones; none of a group."""
        return (m for m in self.body if isinstance(m, Match) and m.negated is negated)

    def reads(self) -> Iterator[TableKey]:
        """Give every table that the rule reads."""
        return (m.table for m in literals_within(self.body) if isinstance(m, Match))

    def reads_whole(self) -> Iterator[TableKey]:
        """Give the tables in which an absence matters: under `not`, or under an aggregate."""
        if self.fold is not None:
            yield from self.reads()
        stack: list[NormalLiteral] = list(self.body)
        while stack:
            literal = stack.pop()
            if isinstance(literal, Match) and literal.negated:
                yield literal.table
            elif isinstance(literal, Group) and literal.negated:
                inner = literals_within([literal])
                yield from (m.table for m in inner if isinstance(m, Match))
            elif isinstance(literal, Group):
                stack += [other for body in literal.bodies for other in body]


def literals_within(body: Sequence[NormalLiteral]) -> Iterator[NormalLiteral]:
    """Give the literals of a body, groups and what is in them too."""
    stack = list(reversed(body))
    while stack:
        literal = stack.pop()
        yield literal
        if isinstance(literal, Group):
            stack += [inner for body in reversed(literal.bodies) for inner in reversed(body)]


def terms_of(literal: NormalLiteral) -> tuple[Term, ...]:
    """Give all terms of a literal, in order; of a group those that it shares."""
    match literal:
        case Match(terms=terms):
            return terms
        case Condition(left=left, right=right):
            return (left, right)
        case Choice(term=term):
            return (term,)
        case Call(inputs=inputs, outputs=outputs):
            return inputs + outputs
        case Group(shared=shared):
            return shared


def variables_of(literal: NormalLiteral) -> frozenset[str]:
    """Give the names of the variables of a literal; of a group those that it shares."""
    try:
        return literal.names
    except AttributeError:
        names = frozenset([term for term in terms_of(literal) if isinstance(term, str)])
        literal.names = names
        return names


def bound_by(body: Sequence[NormalLiteral], given: Iterable[str] = ()) -> set[str]:
    """Give the variables that a body gives values, and those given.

    A group that is not negated shares only what has a value in the end, from it or from others.
    """
    bound = set(given)
    left = list(body)
    while True:
        binding = [literal for literal in left if _binds(literal, bound)]
        if not binding:
            return bound
        left = [literal for literal in left if not _binds(literal, bound)]
        bound.update(*map(variables_of, binding))


def _binds(literal: NormalLiteral, bound: AbstractSet[str]) -> bool:
    match literal:
        case Match(negated=False) | Choice(negated=False):
            return True
        case Condition(operator="=", left=left, right=right):
            return is_known(left, bound) or is_known(right, bound)
        case Call(negated=False, inputs=inputs):
            return all(is_known(term, bound) for term in inputs)
        case Group(negated=False):
            return True
    return False


def is_known(term: Term, known: AbstractSet[str]) -> bool:
    """Tell whether a term has a value once some variables have theirs."""
    return not isinstance(term, str) or term in known


def constants_in(rules: Iterable[NormalRule]) -> Iterator[Id]:
    """Give the ids of the constants of rules."""
    for rule in rules:
        yield from (term for term in rule.terms if isinstance(term, int))
        for literal in literals_within(rule.body):
            yield from (term for term in terms_of(literal) if isinstance(term, int))
            if isinstance(literal, Choice):
                yield from literal.constants
