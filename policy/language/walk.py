"""Ways over a rule's body that do not depend on how deep its groups nest."""

from __future__ import annotations

from collections.abc import Iterator

from .ast import (
    Aggregate,
    Alternatives,
    Body,
    Comparison,
    Conjunct,
    Expression,
    Literal,
    Membership,
    NegatedGroup,
    Negative,
    Operation,
    Rule,
    Variable,
)

_GROUPS = (Alternatives, NegatedGroup)
_COMPOUND = (Operation, Negative, Aggregate)


def conjuncts_of(body: Body) -> Iterator[tuple[Conjunct, bool]]:
    """Give every conjunct, groups and what is in them, in text order; tell which are under `not`.

    Shapes: a negated literal is not under its own `not`; what is under two is under `not` too.
    """
    for conjunct in body:
        yield conjunct, False
        if isinstance(conjunct, _GROUPS):
            yield from _within(conjunct)


def _within(group: Alternatives | NegatedGroup) -> Iterator[tuple[Conjunct, bool]]:
    """Give what is in a group, groups and what is in them too."""
    stack = _opened(group, negated=False)
    while stack:
        conjunct, negated = stack.pop()
        yield conjunct, negated
        if isinstance(conjunct, _GROUPS):
            stack += _opened(conjunct, negated=negated)


def _opened(group: Alternatives | NegatedGroup, *, negated: bool) -> list[tuple[Conjunct, bool]]:
    inside = negated or isinstance(group, NegatedGroup)
    return [(c, inside) for body in reversed(group.bodies) for c in reversed(body)]


def literals_of(body: Body) -> Iterator[Conjunct]:
    """Give the conjuncts that are not groups, in text order."""
    for conjunct in body:
        if isinstance(conjunct, _GROUPS):
            for inner, _ in _within(conjunct):
                if not isinstance(inner, _GROUPS):
                    yield inner
        else:
            yield conjunct


def expressions_of(conjunct: Conjunct) -> tuple[Expression, ...]:
    """Give the expressions that stand in a conjunct itself, not in the groups inside of it."""
    if isinstance(conjunct, Literal):
        return tuple([argument.value for argument in conjunct.atom.arguments])
    if isinstance(conjunct, Comparison):
        return (conjunct.left, conjunct.right)
    if isinstance(conjunct, Membership):
        return (conjunct.term, *conjunct.constants)
    return ()


def parts_of(*expressions: Expression) -> Iterator[Expression]:
    """Give expressions and all that they consist of, in text order."""
    for expression in expressions:
        if not isinstance(expression, _COMPOUND):
            yield expression
            continue
        stack: list[Expression] = [expression]
        while stack:
            node = stack.pop()
            yield node
            if isinstance(node, Operation):
                stack += [node.right, node.left]
            elif isinstance(node, Negative):
                stack.append(node.operand)
            elif isinstance(node, Aggregate):
                stack += reversed(node.variables)


def variables_of(*expressions: Expression) -> Iterator[Variable]:
    """Give each occurrence of a variable in expressions, in text order."""
    for expression in expressions:
        if isinstance(expression, Variable):
            yield expression
        elif isinstance(expression, _COMPOUND):
            yield from (part for part in parts_of(expression) if isinstance(part, Variable))


def compounds_of(*expressions: Expression) -> list[Expression]:
    """Give those of some expressions that consist of others."""
    return [expression for expression in expressions if isinstance(expression, _COMPOUND)]


def aggregates_of(rule: Rule) -> list[Aggregate]:
    """Give the aggregates in a rule's head."""
    values = (argument.value for argument in rule.head.arguments)
    return [value for value in values if isinstance(value, Aggregate)]


def variables_of_rule(rule: Rule) -> Iterator[Variable]:
    """Give each occurrence of a variable in a rule, the head's first."""
    yield from variables_of(*(argument.value for argument in rule.head.arguments))
    yield from variables_of_body(rule.body or ())


def variables_of_body(body: Body) -> Iterator[Variable]:
    """Give each occurrence of a variable in a body, groups and what is in them too."""
    for conjunct in literals_of(body):
        yield from variables_of(*expressions_of(conjunct))
