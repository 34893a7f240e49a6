"""The names of internal tables."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Literal

from .normal_form import Call, Choice, Condition, Group, Match, NormalLiteral, Term

InternalKind = Literal[
    "projection", "group", "part", "piece", "input", "report", "times", "crossing"
]
Conjunction = tuple[tuple[Term, ...], tuple[NormalLiteral, ...]]
"""The terms that follow, and the body."""


@dataclass(frozen=True, slots=True)
class InternalKey:
    """Names an internal table; while constants keep their ids, equal keys have equal contents.

    Shapes: `name` is for a projection (table, its width, columns), for the rows that one rule
        reports the rule's owner, for times that pass a test of their age the table of the times
        and the test, for every other table the digest of what defines it.
    """

    kind: InternalKind
    name: Hashable


def digest(width: int, conjunctions: Sequence[Conjunction]) -> str:
    """Give a text for what defines a table, another one for each: short however deep it nests."""
    text = blake2b(repr(width).encode(), digest_size=16)
    for terms, body in conjunctions:
        text.update(repr(("or", terms)).encode())
        for token in _tokens(body):
            text.update(repr(token).encode())
    return text.hexdigest()


def _tokens(body: Sequence[NormalLiteral]) -> Iterator[object]:
    """Give the literals of a body in plain parts, without recursion."""
    stack: list[NormalLiteral | str] = list(reversed(body))
    while stack:
        match stack.pop():
            case Match(table, terms, negated):
                yield "match", table, terms, negated
            case Condition(operator, left, right):
                yield operator, left, right
            case Choice(term, constants, negated):
                yield "in", term, sorted(constants), negated
            case Call(builtin, _, inputs, outputs, negated):
                yield "call", builtin, inputs, outputs, negated
            case Group(bodies, shared, negated):
                yield "(", shared, negated
                stack.append(")")
                for inner in reversed(bodies):
                    stack += [*reversed(inner), "or"]
            case str(mark):
                yield mark
