"""One rule at work: its normal form, what it reads, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ..kernel import Hold
from ..language.ast import Rule
from .normal_form import NormalRule, TableKey

Missing = dict[str, str]
"""`source:table` → reason: what keeps something from being known. Empty: it is complete."""


class ActiveRule:
    """A rule and its state; the kernel derives its rows while it is not off."""

    __slots__ = (
        "_hold",
        "alternatives",
        "head",
        "is_off",
        "missing",
        "negated_reads",
        "parked",
        "policy",
        "reads",
        "rule",
        "unresolved",
    )

    def __init__(self, policy: str, rule: Rule, head: TableKey) -> None:
        self.policy = policy
        self.rule = rule
        self.head = head
        self.missing: Missing = {}
        """What the rule's tables lack."""
        self.is_off = False
        """It needs to know an absence that is not known, so it derives nothing."""
        self.parked: Missing = {}
        """Why the rule was stopped; it stays so until it is inserted anew."""
        self.unresolved: Missing = {}
        """Tables whose columns the rule waits for."""
        self.alternatives: tuple[NormalRule, ...] = ()
        self.reads: frozenset[TableKey] = frozenset()
        self.negated_reads: frozenset[TableKey] = frozenset()
        self._hold: Hold | None = None

    @property
    def width(self) -> int:
        """Give the number of columns of its head."""
        return len(self.rule.head.arguments)

    def resolve(self, alternatives: tuple[NormalRule, ...], hold: Hold | None = None) -> None:
        """Take the rule's normal form, and what keeps its constants."""
        self.alternatives = alternatives
        self.unresolved = {}
        self._hold = hold
        self.reads = frozenset(table for rule in alternatives for table in rule.reads())
        self.negated_reads = frozenset(t for rule in alternatives for t in rule.reads_whole())

    def wait(self, reasons: Missing, tables: Iterable[TableKey]) -> None:
        """Take that the rule cannot run; it still counts as a reader of its tables."""
        self.alternatives = ()
        self.unresolved = reasons
        self._hold = None
        self.reads, self.negated_reads = frozenset(tables), frozenset()

    def memento(self) -> Callable[[], None]:
        """Give what brings the rule back to its present state."""
        kept = [(name, getattr(self, name)) for name in self.__slots__]

        def restore() -> None:
            for name, value in kept:
                setattr(self, name, value)

        return restore

    def settle(self, missing_of: Mapping[TableKey, Missing]) -> bool:
        """Work out what the rule lacks and if it is off; tell whether that changed."""
        was_off = self.is_off
        self.missing = {}
        for table in self.reads:
            self.missing.update(missing_of[table])
        self.missing.update(self.unresolved | self.parked)
        unknown_absence = any(missing_of[table] for table in self.negated_reads)
        self.is_off = bool(self.parked or self.unresolved or unknown_absence)
        return was_off is not self.is_off
