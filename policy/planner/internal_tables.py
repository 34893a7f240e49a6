"""The internal tables of one rule, each defined once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from congress_dist.row import Cell

from .internal_key import Conjunction, InternalKey, InternalKind, digest
from .kernel_rules import (
    AgeCondition,
    AnyKernelRule,
    KernelCrossings,
    KernelRule,
    RelationKey,
    read,
)
from .normal_form import Call, Match, NormalLiteral, TableKey, literals_within
from .symbols import Id

Values = Callable[[Id], Cell]


class InternalTables:
    """Collects the rules of internal tables, each after what it reads.

    Shapes: `is_recursive` tells whether a table's rows may depend on those of the rule's head;
        `values` gives the values of constants.
    """

    def __init__(self, is_recursive: Callable[[RelationKey], bool], values: Values) -> None:
        self.values = values
        self.rules: list[AnyKernelRule] = []
        self.widths: dict[InternalKey, int] = {}
        self._is_recursive = is_recursive
        self._recursive: set[RelationKey] = set()

    def define(
        self, kind: InternalKind, width: int, conjunctions: Sequence[Conjunction]
    ) -> InternalKey:
        """Give the internal table of the rows that follow from any of some conjunctions."""
        key = InternalKey(kind, digest(width, conjunctions))
        if any(self.depends_on_head(literal) for _, body in conjunctions for literal in body):
            self._recursive.add(key)
        return self._add(key, width, conjunctions)

    def without_any(self, match: Match) -> Match:
        """Give what tests for the same rows with a term for each column.

        Before: `not ports(x, _, 1)`; after: `not $ports(x, 1)`, with the internal table
        `$ports(c0, c2) :- ports(c0, _, c2)`.
        """
        if None not in match.terms:
            return match
        columns = tuple(n for n, term in enumerate(match.terms) if term is not None)
        names = tuple(None if term is None else f"c{n}" for n, term in enumerate(match.terms))
        terms = tuple(f"c{n}" for n in columns)
        key = InternalKey("projection", (match.table, len(names), columns))
        self._add(key, len(columns), [(terms, (read(match.table, names),))])
        values = tuple(match.terms[n] for n in columns)
        return read(key, values, negated=match.negated, origin=match.origin)

    def those_passing(
        self, times: InternalKey, clock: TableKey, moment: Call, test: AgeCondition
    ) -> InternalKey:
        """Give the internal table of those of some times whose age passes a test."""
        key = InternalKey("crossing", (times, clock, moment.builtin, test))
        if key not in self.widths:
            self.widths[key] = 1
            self.rules.append(KernelCrossings(key, times, clock, moment, test))
        return key

    def depends_on_head(self, literal: NormalLiteral) -> bool:
        """Tell whether a literal reads a table whose rows may depend on those of the head."""
        matches = (inner for inner in literals_within([literal]) if isinstance(inner, Match))
        return any(self._is_recursive(m.table) or m.table in self._recursive for m in matches)

    def _add(
        self, key: InternalKey, width: int, conjunctions: Sequence[Conjunction]
    ) -> InternalKey:
        if key not in self.widths:
            self.widths[key] = width
            self.rules += [KernelRule(key, terms, body) for terms, body in conjunctions]
        return key
