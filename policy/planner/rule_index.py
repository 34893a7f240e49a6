"""The rules of a program by what checks ask of them, so that nobody walks through all of them."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from ..language.ast import Rule

K = TypeVar("K", bound=Hashable)


class RuleIndex(Generic[K]):
    """Rules by keys, each with its policy, in the order of their insertion."""

    def __init__(self) -> None:
        self._rules: dict[K, dict[int, tuple[str, Rule]]] = {}

    def get(self, key: K) -> Iterable[tuple[str, Rule]]:
        """Give the rules that have a key."""
        found = self._rules.get(key)
        return found.values() if found else ()

    def add(self, keys: Iterable[K], policy: str, rule: Rule) -> None:
        """Take a rule in under each of its keys."""
        # By identity: a rule is itself only, and hashing one costs as much as walking it.
        for key in keys:
            self._rules.setdefault(key, {})[id(rule)] = (policy, rule)

    def remove(self, keys: Iterable[K], rule: Rule) -> None:
        """Take the very rule out that was added with these keys."""
        for key in keys:
            rules = self._rules.get(key, {})
            rules.pop(id(rule), None)
            if not rules:
                self._rules.pop(key, None)
