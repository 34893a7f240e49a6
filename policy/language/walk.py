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


def conjuncts_of(body: Body) -> Iterator[tuple[Conjunct, bool]]:
    """Give every conjunct, groups and what is in them, in text order; tell which are under `not`.

    Shapes: a negated literal is not under its own `not`.
    """
    stack: list[tuple[Conjunct, bool]] = [(conjunct, False) for conjunct in reversed(body)]
    while stack:
        conjunct, negated = stack.pop()
        yield conjunct, negated
        if isinstance(conjunct, Alternatives | NegatedGroup):
            inside = negated ^ isinstance(conjunct, NegatedGroup)
            for inner in reversed(conjunct.bodies):
                stack += [(c, inside) for c in reversed(inner)]


def literals_of(body: Body) -> Iterator[Conjunct]:
    """Give the conjuncts that are not groups, in text order."""
    for conjunct, _ in conjuncts_of(body):
        if not isinstance(conjunct, Alternatives | NegatedGroup):
            yield conjunct


def expressions_of(conjunct: Conjunct) -> tuple[Expression, ...]:
    """Give the expressions that stand in a conjunct itself, not in the groups inside of it."""
    if isinstance(conjunct, Literal):
        return tuple(argument.value for argument in conjunct.atom.arguments)
    if isinstance(conjunct, Comparison):
        return (conjunct.left, conjunct.right)
    if isinstance(conjunct, Membership):
        return (conjunct.term, *conjunct.constants)
    return ()


def parts_of(*expressions: Expression) -> Iterator[Expression]:
    """Give expressions and all that they consist of, in text order."""
    stack = list(reversed(expressions))
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
    return (part for part in parts_of(*expressions) if isinstance(part, Variable))


def aggregates_of(rule: Rule) -> list[Aggregate]:
    """Give the aggregates in a rule's head."""
    values = (argument.value for argument in rule.head.arguments)
    return [value for value in values if isinstance(value, Aggregate)]


def variables_of_rule(rule: Rule) -> Iterator[Variable]:
    """Give each occurrence of a variable in a rule, the head's first."""
    yield from variables_of(*(argument.value for argument in rule.head.arguments))
    for conjunct in literals_of(rule.body or ()):
        yield from variables_of(*expressions_of(conjunct))
