"""What the kernel is given: conjunctions and aggregate steps over tables and internal tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from ..language.ast import Conjunct
from .internal_key import InternalKey
from .normal_form import Call, Group, Match, NormalLiteral, TableKey, Term, literals_within

RelationKey = TableKey | InternalKey


@dataclass(frozen=True, slots=True)
class KernelRule:
    """One conjunction, as the kernel runs it.

    Shapes: the body has the literals of normal form, but a `Match` may read an internal table, and
        a negated one has a value for each column once the other literals have run. A group is only
        there where no table can take its place: as a test of variables that the others bind.
    """

    head: RelationKey
    terms: tuple[Term, ...]
    body: tuple[NormalLiteral, ...]

    def matches(self) -> Iterator[Match]:
        """Give the literals on tables, negated ones too, in their order; none of a group."""
        return (literal for literal in self.body if isinstance(literal, Match))

    def asks(self) -> Iterator[Match]:
        """Give the literals on tables in groups: when one changes, the rule is to be redone."""
        groups = [literal for literal in self.body if isinstance(literal, Group)]
        return (inner for inner in literals_within(groups) if isinstance(inner, Match))


@dataclass(frozen=True, slots=True)
class KernelFold:
    """The aggregate step of a rule.

    Shapes: the rows of each of the `inputs` (a table and its width) are the cells of the group,
        `groups` many, then the aggregated ones. `parts` has for each column of the head ("group",
        column) or (function, number of the input).
    """

    head: RelationKey
    groups: int
    inputs: tuple[tuple[InternalKey, int], ...]
    parts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class AgeCondition:
    """A test of an age in microseconds.

    Shapes: for the least age it comes out as `at_first` says, and from each of the `turns`, which
        ascend, the other way round.
    """

    at_first: bool
    turns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KernelCrossings:
    """The rows of a table of times whose age passes a test now.

    Shapes: `times` and `clock` have one column; `moment` calls what gives the microseconds of a
        time.
    """

    head: InternalKey
    times: InternalKey
    clock: TableKey
    moment: Call
    test: AgeCondition

    def inputs(self) -> tuple[tuple[RelationKey, int], ...]:
        """Give the tables that it reads, with their widths."""
        return (self.times, 1), (self.clock, 1)


AnyKernelRule = KernelRule | KernelFold | KernelCrossings


@dataclass(frozen=True, slots=True)
class Lowered:
    """What a rule comes to in the kernel.

    Shapes: an internal table's rules stand before what reads it; `widths` has each internal table.
    """

    rules: tuple[AnyKernelRule, ...]
    widths: Mapping[InternalKey, int]


def read(
    table: RelationKey,
    terms: tuple[Term, ...],
    *,
    negated: bool = False,
    origin: Conjunct | None = None,
) -> Match:
    """Give the literal that reads a table or an internal table."""
    return Match(cast("TableKey", table), terms, negated, origin)
