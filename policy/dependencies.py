"""Which tables a table rests on, through all rules: what is wanted, and what an answer used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Set
from typing import TypeVar

from .language.ast import Rule
from .planner.normal_form import TableKey
from .planner.program import body_atoms, head_key

K = TypeVar("K")
V = TypeVar("V")


def tables_read(policy: str, rule: Rule) -> set[TableKey]:
    """Give the tables that a rule of a policy reads."""
    return {(atom.policy or policy, atom.table) for atom in body_atoms(rule.body or ())}


class Dependencies:
    """The tables that each derived table reads, kept as rules come and go.

    Cost: of a rule that comes or goes its literals; an answer visits each table once.
    """

    def __init__(self) -> None:
        self._reads: dict[TableKey, Counter[TableKey]] = {}
        """By the table that is derived, how many of its rules read another one."""
        self._read: dict[str, Counter[str]] = {}
        """By owner, how many rules read each of its tables."""

    def add(self, policy: str, rule: Rule) -> None:
        """Take in a rule of a policy."""
        self._step(policy, rule, 1)

    def remove(self, policy: str, rule: Rule) -> None:
        """Take out a rule that was added."""
        self._step(policy, rule, -1)

    def read_by_rules(self, owner: str) -> Set[str]:
        """Give the tables of an owner that some rule reads."""
        return self._read.get(owner, Counter()).keys()

    def below(self, tables: Iterable[TableKey]) -> set[TableKey]:
        """Give the given tables and all that they rest on, directly or not."""
        found: set[TableKey] = set()
        pending = list(tables)
        while pending:
            table = pending.pop()
            if table not in found:
                found.add(table)
                pending.extend(self._reads.get(table, ()))
        return found

    def _step(self, policy: str, rule: Rule, step: int) -> None:
        head = head_key(policy, rule)
        for table in tables_read(policy, rule):
            _count(self._reads, head, table, step)
            _count(self._read, *table, step)


def _count(counters: dict[K, Counter[V]], key: K, each: V, step: int) -> None:
    counter = counters.setdefault(key, Counter())
    counter[each] += step
    if not counter[each]:
        del counter[each]
    if not counter:
        del counters[key]
