"""When two rules of a policy are the same rule."""

from __future__ import annotations

from collections import Counter

from .ast import Atom, Conjunct, Rule

_Body = frozenset[Conjunct] | frozenset[tuple[Conjunct, int]]
"""The conjuncts; where one stands several times, each with how often."""
_Parts = tuple[str | None, Atom, bool, _Body]


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
    conjuncts = rule.body or ()
    body: _Body = frozenset(conjuncts)
    if len(body) < len(conjuncts):
        body = frozenset(Counter(conjuncts).items())
    return RuleKey((rule.modal, rule.head, rule.body is None, body))
