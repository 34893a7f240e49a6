"""Which rules derived something in at least one test case; those of actions count like others."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from ..engine import Engine
from ..language.ast import Rule
from ..language.package import Package
from ..language.places import line_starts_of
from ..language.printer import print_rule


class Coverage:
    """Rules seen in test cases, and those among them that derived a row; facts do not count."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], str] = {}
        """Where each rule stands, by policy and text."""
        self._covered: set[tuple[str, str]] = set()

    def add(self, packages: Sequence[Package], engine: Engine) -> None:
        """Take in the rules of a case, as they are at work."""
        deriving = {(policy, print_rule(rule)) for policy, rule in engine.deriving()}
        for package in packages:
            starts = {source: line_starts_of(text) for source, text in package.texts.items()}
            for rule in package.statements:
                if rule.is_fact:
                    continue
                key = (package.name, print_rule(rule))
                self._places.setdefault(key, _place(rule, starts))
        self._covered |= deriving & self._places.keys()

    @property
    def total(self) -> int:
        """Count the rules."""
        return len(self._places)

    @property
    def percent(self) -> float:
        """Give how many of 100 rules derived something; 100 when there are none."""
        return 100.0 * len(self._covered) / self.total if self.total else 100.0

    def summary(self) -> str:
        """Say how many rules derived something."""
        return f"{len(self._covered)} of {self.total} rules derived something in a case"

    def uncovered(self) -> list[str]:
        """Give place and first line of each rule that never derived anything."""
        left = [key for key in self._places if key not in self._covered]
        return [f"{self._places[key]}: {key[1]}" for key in left]


def _place(rule: Rule, starts: Mapping[str, Sequence[int]]) -> str:
    line = bisect_right(starts.get(rule.span.source, [0]), rule.head.span.start)
    return f"{rule.span.source}:{line}"
