"""With which literal a body had better begin when all of its tables are gone through."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from .join_order import Columns, bound_columns, order_body, starts_with
from .kernel_rules import KernelRule
from .normal_form import (
    Choice,
    Match,
    NormalLiteral,
    NormalRule,
    TableKey,
    is_known,
    variables_of,
)

_MOST_BEGINNINGS = 6
"""Literals of a body that is tried with each as the first."""
_INDEX_ROW = 4.0
"""What a row in a new index costs, in time and memory, where to look one up costs 1."""


class PlanEstimates(Protocol):
    """What is known of the tables."""

    def size(self, table: object, width: int) -> int:
        """Give the number of rows of a table."""

    def fan_out(self, table: TableKey, columns: Columns, width: int) -> float:
        """Estimate the rows of a table that share the same values in some columns."""

    def search(self, table: TableKey, columns: Columns, width: int) -> Columns:
        """Give those of some bound columns by which to find the rows of a table."""

    def has_index(self, table: TableKey, columns: Columns, width: int) -> bool:
        """Tell whether an index by some columns is there already."""

    def is_read_by_many(self, table: TableKey, width: int) -> bool:
        """Tell whether many rules would go through a table."""

    def are_together(self, rule: KernelRule, match: Match) -> bool:
        """Tell whether a rule reads a table that depends on its head."""


def cheapest_body(rule: NormalRule, estimates: PlanEstimates) -> list[NormalLiteral]:
    """Give the body of a rule in the order in which it costs the least to run it from nothing.

    Other than where something is known, the smallest table is not always the best to begin with:
    it costs more to make an index of a large one than to go through it.
    """
    tried = beginnings(rule, estimates)
    if not tried:
        return order_body(rule, estimates.fan_out)
    return min(tried, key=lambda beginning: beginning[0])[1]


def beginnings(
    rule: NormalRule, estimates: PlanEstimates
) -> list[tuple[float, list[NormalLiteral]]]:
    """Give each order that is tried for a body, with its cost; none where one is enough."""
    matches = list(rule.matches())
    if not 2 <= len(matches) <= _MOST_BEGINNINGS:
        return []
    orders = [starts_with(rule, first, estimates.fan_out) for first in matches]
    return [(cost_of(body, estimates), body) for body in orders]


def cost_of(body: Iterable[NormalLiteral], estimates: PlanEstimates) -> float:
    """Estimate what it costs to run an ordered body: rows looked at, and put into new indexes."""
    cost, bindings = 0.0, 1.0
    known: set[str] = set()
    for literal in body:
        if isinstance(literal, Match) and not literal.negated:
            width = len(literal.terms)
            bound = bound_columns(literal, known)
            size = estimates.size(literal.table, width)
            if known and bound:
                cost += bindings + _cost_of_index(literal, bound, size, estimates)
            else:
                cost += bindings * size
            bindings *= estimates.fan_out(literal.table, bound, width)
            cost += bindings
        elif isinstance(literal, Choice) and not is_known(literal.term, known):
            bindings *= len(literal.constants)
        known |= variables_of(literal)
    return cost


def _cost_of_index(literal: Match, bound: Columns, size: int, estimates: PlanEstimates) -> float:
    width = len(literal.terms)
    columns = estimates.search(literal.table, bound, width)
    if len(bound) == width or estimates.has_index(literal.table, columns, width):
        return 0.0
    return _INDEX_ROW * size
