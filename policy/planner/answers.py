"""What the engine answers with: plain rows of values, and the reasons why some are not known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from congress_dist.row import Cell

from ..language.ast import Rule
from ..language.diagnostics import Diagnostic
from .active_rule import Missing
from .normal_form import TableKey

Row = tuple[Cell, ...]

Changes = dict[TableKey, tuple[Sequence[Row], Sequence[Row]]]
"""For each derived table that changed the rows that appeared and the rows that disappeared."""


class Violation(NamedTuple):
    """A row derived by a rule that reports something wrong."""

    policy: str
    rule: Rule
    table: str
    row: Row


class Waiting(NamedTuple):
    """A rule that cannot say all it would, and what it lacks: `source:table` → reason."""

    policy: str
    rule: Rule
    reasons: Missing


@dataclass(frozen=True, slots=True)
class Failure:
    """Calls of a builtin, or an aggregate, that failed in a rule for one reason: no rows of it."""

    policy: str
    rule: Rule
    builtin: str
    reason: str
    count: int
    example: Row
    """The inputs of a call that failed; of an aggregate the group."""


@dataclass(frozen=True, slots=True)
class Footprint:
    """What an engine keeps in memory.

    Shapes: `size_bytes` are those of rows, indexes and values; `values` are the distinct values
        that it knows, `queries` the texts whose plans it keeps; `indexes` has for each table,
        `owner:table`, the columns of each of its indexes.
    """

    size_bytes: int
    values: int
    queries: int
    indexes: Mapping[str, tuple[tuple[int, ...], ...]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of a query, what keeps them from being all, and what is doubtful about it.

    Shapes: `failures` are the calls that failed when the rows were derived: they gave none.
    """

    rows: list[Row]
    missing: Missing
    warnings: tuple[Diagnostic, ...] = ()
    failures: tuple[Failure, ...] = ()
