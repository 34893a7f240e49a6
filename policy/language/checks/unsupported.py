"""Check: what can be read but not evaluated yet is refused, with its place."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import (
    Aggregate,
    Atom,
    Expression,
    Literal,
    NegatedGroup,
    Negative,
    Operation,
    Rule,
    Span,
)
from ..builtins import find_call
from ..diagnostics import Diagnostic
from ..walk import conjuncts_of, expressions_of
from .batch import Batch

_ACTION = "action"


def find_unsupported(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse aggregates, arithmetic, `not (…)`, ensure, and `p+` outside of action policies."""
    for policy, rule in batch.rules:
        is_action = batch.program.kind(policy) == _ACTION
        for what, span, hint in _parts(rule, is_action=is_action):
            yield batch.report("not-supported", f"{what} not supported yet", span, hint=hint)


def _parts(rule: Rule, *, is_action: bool) -> Iterator[tuple[str, Span, str]]:
    if rule.modal == "ensure":
        yield "ensure[…] is", rule.head.span, "use execute[…]"
    yield from _atom_parts(rule.head, is_action=is_action)
    for conjunct, _ in conjuncts_of(rule.body or ()):
        if isinstance(conjunct, NegatedGroup):
            hint = "give the group a table of its own and negate that: not helper(x)"
            yield "not (…) is", conjunct.span, hint
        elif isinstance(conjunct, Literal):
            yield from _atom_parts(conjunct.atom, is_action=is_action)
            builtin = find_call(conjunct.atom)
            if builtin is not None and builtin.reads is not None:
                hint = "read the time from a table of your own"
                yield f"the builtin {builtin.name} is", conjunct.atom.span, hint
        else:
            for expression in expressions_of(conjunct):
                yield from _expression_parts(expression)


def _atom_parts(atom: Atom, *, is_action: bool) -> Iterator[tuple[str, Span, str]]:
    if atom.table[-1] in "+-" and not is_action:
        what = f"the table {atom.table!r} of an action's effects is"
        yield what, atom.span, "effects stand in policies of kind action"
    for argument in atom.arguments:
        yield from _expression_parts(argument.value)


def _expression_parts(expression: Expression) -> Iterator[tuple[str, Span, str]]:
    if isinstance(expression, Aggregate):
        yield (
            f"the aggregate {expression.function} is",
            expression.span,
            "take max or min of two values",
        )
    elif isinstance(expression, Operation | Negative):
        yield "arithmetic is", expression.span, "call the builtin: plus, minus, mul, div or mod"
