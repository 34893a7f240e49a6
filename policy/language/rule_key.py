"""When two rules of a policy are the same rule."""

from __future__ import annotations

from collections import Counter

from .ast import Atom, Conjunct, Rule

_Parts = tuple[str | None, Atom, bool, frozenset[tuple[Conjunct, int]]]


class RuleKey:
    """What makes two rules of a policy one: head and body, whose order does not matter."""

    __slots__ = ("_hash", "_parts")

    def __init__(self, parts: _Parts) -> None:
        self._parts = parts
        self._hash = hash(parts)  # once: it walks over the whole rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RuleKey) and self._parts == other._parts

    def __hash__(self) -> int:
        return self._hash

    def __repr__(self) -> str:
        return f"RuleKey({self._parts!r})"


def rule_key(rule: Rule) -> RuleKey:
    """Give what makes two rules of a policy the same."""
    body = Counter(rule.body or ())
    return RuleKey((rule.modal, rule.head, rule.body is None, frozenset(body.items())))
