"""Which tables a table rests on, through all rules: what is wanted, and what an answer used."""

from __future__ import annotations

from collections.abc import Iterable

from .language.ast import Rule
from .planner.normal_form import TableKey
from .planner.program import body_atoms, head_key


def tables_read(policy: str, rule: Rule) -> set[TableKey]:
    """Give the tables that a rule of a policy reads."""
    return {(atom.policy or policy, atom.table) for atom in body_atoms(rule.body or ())}


class Dependencies:
    """The tables that each derived table reads, at one revision.

    Cost: built in time proportional to the rules; an answer visits each table once.
    """

    def __init__(self, rules: Iterable[tuple[str, Rule]]) -> None:
        self._reads: dict[TableKey, set[TableKey]] = {}
        self._all: set[TableKey] = set()
        for policy, rule in rules:
            read = tables_read(policy, rule)
            self._all |= read
            self._reads.setdefault(head_key(policy, rule), set()).update(read)

    def read_by_rules(self) -> frozenset[TableKey]:
        """Give every table that some rule reads."""
        return frozenset(self._all)

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
