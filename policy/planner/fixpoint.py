"""The rows of a recursive component, by semi-naive rounds."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from .active_rule import ActiveRule
from .normal_form import TableKey
from .relation import BaseRelation, Change, Relation
from .steps import Context, LimitExceeded
from .symbols import Tuple

Rows = dict[TableKey, set[Tuple]]


class RuleOverLimit(Exception):
    """One rule of the component derives, or joins on the way, more rows than it may."""

    def __init__(self, rule: ActiveRule, reason: str) -> None:
        super().__init__(rule, reason)
        self.rule = rule
        self.reason = reason


class Fixpoint:
    """The evaluation of one recursive component from nothing.

    Promises: the relations of the context stay as they are; the component's are built beside them.
    Source: Bancilhon, "Naive Evaluation of Recursively Defined Relations", 1986 (semi-naive
        evaluation).
    """

    def __init__(
        self,
        rules: Sequence[ActiveRule],
        facts: Mapping[TableKey, AbstractSet[Tuple]],
        context: Context,
    ) -> None:
        self.rows: dict[ActiveRule, set[Tuple]] = {rule: set() for rule in rules}
        """What each rule derives."""
        self._relations = {table: BaseRelation(rows) for table, rows in facts.items()}
        self._deltas = {table: (f"Δ{table[0]}", table[1]) for table in facts}
        self._overlay: ChainMap[TableKey, Relation] = ChainMap(
            {**self._relations},
            context.relations,  # type: ignore[arg-type]
        )
        self._context = replace(context, relations=self._overlay)

    def rounds(self) -> Iterator[Rows]:
        """Give the facts, then the rows that are new in each round until there are none.

        Promises: what is new in a round follows from rows of earlier rounds.
        Raises: RuleOverLimit.
        """
        yield {table: set(relation.rows) for table, relation in self._relations.items()}
        new = self._round(self.rows, first=True)
        while any(new.values()):
            yield new
            for table, rows in new.items():
                self._overlay[self._deltas[table]] = BaseRelation(rows)
            new = self._round(self.rows, first=False)

    def run(self) -> dict[ActiveRule, set[Tuple]]:
        """Give what each rule derives. Raises: RuleOverLimit."""
        for _ in self.rounds():
            pass
        return self.rows

    def _round(self, rules: Iterable[ActiveRule], *, first: bool) -> Rows:
        new: Rows = {table: set() for table in self._relations}
        for rule in rules:
            new[rule.head] |= self._derive(rule, first=first)
        for table, relation in self._relations.items():
            new[table] -= relation.rows
            relation.apply(Change(new[table], frozenset()))
        return new

    def _derive(self, rule: ActiveRule, *, first: bool) -> set[Tuple]:
        try:
            if first:
                rows = rule.derive(self._context)
            else:
                rows = rule.derive_from(self._deltas, self._context)
        except LimitExceeded as error:
            raise RuleOverLimit(rule, str(error)) from error
        self.rows[rule] |= rows
        limit = self._context.max_rows
        if len(self.rows[rule]) > limit:
            raise RuleOverLimit(rule, f"it derives more than {limit} rows")
        return rows
