"""The components that are still to be refreshed, and what in each of them was reached."""

from __future__ import annotations

import heapq
from collections import defaultdict

from .active_rule import ActiveRule
from .components import Component, EvaluationOrder
from .normal_form import TableKey


class Pending:
    """A queue of components, each given once, after all that it reads."""

    def __init__(self, order: EvaluationOrder[TableKey]) -> None:
        self._order = order
        self._by_number: dict[int, Component[TableKey]] = {}
        self._queue: list[int] = []
        self.rules: defaultdict[TableKey, dict[ActiveRule, None]] = defaultdict(dict)
        """By the tables of their heads, the rules that were reached."""

    def add_table(self, table: TableKey) -> None:
        """Take that something about a derived table itself has changed."""
        component = self._order.find(table)
        if component is not None and component.number not in self._by_number:
            self._by_number[component.number] = component
            heapq.heappush(self._queue, component.number)

    def add_rule(self, rule: ActiveRule) -> None:
        """Take that a rule is new, or that something that it reads has changed."""
        self.rules[rule.head][rule] = None
        self.add_table(rule.head)

    def next(self) -> Component[TableKey] | None:
        """Give the next component; None when all are done."""
        return self._by_number[heapq.heappop(self._queue)] if self._queue else None
