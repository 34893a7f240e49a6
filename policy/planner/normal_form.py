"""Rules as the planner sees them: tables resolved, constants as ids, no `or` left."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from congress_dist.row import Cell

from ..language.ast import ComparisonOperator, Conjunct
from .symbols import Id

TableKey = tuple[str, str]
"""(policy or datasource, table)."""

Term = str | Id | None
"""A variable by its name, a constant by its id, or None: any value."""

Solve = Callable[[tuple[Cell, ...]], Iterable[tuple[Cell, ...]]]
"""A builtin's outputs for its inputs: one tuple per solution, none when it fails."""


@dataclass(frozen=True, slots=True)
class Match:
    """A row of `table` that agrees with `terms`, one for each column; negated: there is none."""

    table: TableKey
    terms: tuple[Term, ...]
    negated: bool = False
    origin: Conjunct | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Condition:
    """A comparison of two terms."""

    operator: ComparisonOperator
    left: Term
    right: Term


@dataclass(frozen=True, slots=True)
class Choice:
    """A term that is one of some constants; negated: none of them."""

    term: Term
    constants: frozenset[Id]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A builtin applied; negated: it gives no such outputs."""

    builtin: str
    solve: Solve = field(compare=False, repr=False)
    inputs: tuple[Term, ...]
    outputs: tuple[Term, ...]
    negated: bool = False


NormalLiteral = Match | Condition | Choice | Call


@dataclass(frozen=True, slots=True)
class NormalRule:
    """One alternative of a rule: `terms` of the head follow from the conjunction `body`."""

    head: TableKey
    terms: tuple[Term, ...]
    body: tuple[NormalLiteral, ...]

    def matches(self, *, negated: bool) -> Iterator[Match]:
        """Give the literals on tables, either the positive or the negated ones."""
        return (m for m in self.body if isinstance(m, Match) and m.negated is negated)


def terms_of(literal: NormalLiteral) -> tuple[Term, ...]:
    """Give all terms of a literal, in order."""
    match literal:
        case Match(terms=terms):
            return terms
        case Condition(left=left, right=right):
            return (left, right)
        case Choice(term=term):
            return (term,)
        case Call(inputs=inputs, outputs=outputs):
            return inputs + outputs


def variables_of(literal: NormalLiteral) -> set[str]:
    """Give the names of the variables of a literal."""
    return {term for term in terms_of(literal) if isinstance(term, str)}
