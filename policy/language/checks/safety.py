"""Check: every variable gets its values from a condition that can give them, whatever the order."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Atom, Comparison, Conjunct, Literal, Membership, Rule, Variable, Wildcard
from ..bindings import Scope, scopes_of
from ..builtins import find_call
from ..diagnostics import Diagnostic
from ..printer import print_conjunct, print_rule
from ..walk import variables_of
from .batch import Batch, did_you_mean

_MEANT = "every variable must stand in a positive condition that gives it values"


def find_unsafe_variables(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse variables of heads, negations, comparisons and builtin inputs that are not bound."""
    for _, rule in batch.rules:
        if rule.body is None:
            yield from _not_ground(batch, rule)
            continue
        root, *others = scopes_of(rule.body)
        yield from _unsafe_head(batch, rule, root)
        for scope in (root, *others):
            for conjunct in scope.body:
                yield from _unsafe_conjunct(batch, conjunct, scope)


def _not_ground(batch: Batch, rule: Rule) -> Iterator[Diagnostic]:
    for argument in rule.head.arguments:
        if isinstance(argument.value, Variable | Wildcard):
            name = argument.value.name if isinstance(argument.value, Variable) else "_"
            yield batch.report(
                "fact-not-ground",
                f"the fact {print_rule(rule)!r} has the variable {name!r}",
                argument.value.span,
                note="a fact consists of values; a variable needs a body that gives it values",
                hint=f'write "{name}" in quotes if text is meant',
            )
            return


def _unsafe_head(batch: Batch, rule: Rule, root: Scope) -> Iterator[Diagnostic]:
    for argument in rule.head.arguments:
        if isinstance(argument.value, Wildcard):
            yield batch.report(
                "unsafe-variable",
                "'_' stands in the head, where a value is needed",
                argument.value.span,
                hint="name a variable that the body binds",
            )
    for variable in _unbound(variables_of(*(a.value for a in rule.head.arguments)), root):
        yield batch.report(
            "unsafe-variable",
            f"the variable {variable.name!r} of the head is not bound in the body",
            variable.span,
            note=_partly_bound(variable.name, root) or _MEANT,
            hint=did_you_mean(variable.name, root.bound) if len(variable.name) > 1 else "",
        )


def _partly_bound(name: str, root: Scope) -> str:
    """Tell which alternatives leave a variable unbound that others bind."""
    for group in root.groups:
        without = [n for n, scope in enumerate(group.scopes, 1) if name not in scope.bound]
        if len(without) < len(group.scopes):
            numbers = ", ".join(map(str, without))
            return f"alternative {numbers} of {len(group.scopes)} does not bind it"
    return ""


def _unsafe_conjunct(batch: Batch, conjunct: Conjunct, scope: Scope) -> Iterator[Diagnostic]:
    if isinstance(conjunct, Literal):
        yield from _unsafe_literal(batch, conjunct, scope)
    elif isinstance(conjunct, Comparison):
        operands = (conjunct.left, conjunct.right)
        yield from _wildcards(batch, conjunct, operands)
        for variable in _unbound(variables_of(*operands), scope):
            yield _unsafe(batch, variable, conjunct, scope)
    elif isinstance(conjunct, Membership):
        yield from _wildcards(batch, conjunct, (conjunct.term,))
        for variable in _unbound(variables_of(conjunct.term), scope):
            yield _unsafe(batch, variable, conjunct, scope)


def _unsafe_literal(batch: Batch, literal: Literal, scope: Scope) -> Iterator[Diagnostic]:
    atom = literal.atom
    builtin = find_call(atom)
    values = [argument.value for argument in atom.arguments]
    if builtin is not None:
        yield from _wildcards(batch, literal, tuple(values[: len(builtin.inputs)]))
    if builtin is not None and not literal.negated:
        values = values[: len(builtin.inputs)]
    if literal.negated or builtin is not None:
        for variable in _unbound(variables_of(*values), scope):
            yield _unsafe(batch, variable, literal, scope)


def _wildcards(
    batch: Batch, conjunct: Conjunct, terms: tuple[object, ...]
) -> Iterator[Diagnostic]:
    for term in terms:
        if isinstance(term, Wildcard):
            yield batch.report(
                "unsafe-variable",
                f"'_' stands in {print_conjunct(conjunct)!r}, where a value is needed",
                term.span,
                hint="name a variable that another condition binds",
            )


def _unbound(variables: Iterator[Variable], scope: Scope) -> Iterator[Variable]:
    """Give the first occurrence of each variable that is not bound."""
    seen: set[str] = set()
    for variable in variables:
        if variable.name not in scope.bound and variable.name not in seen:
            seen.add(variable.name)
            yield variable


def _unsafe(batch: Batch, variable: Variable, conjunct: Conjunct, scope: Scope) -> Diagnostic:
    note = f"in alternative {scope.number}: {_MEANT}" if scope.number else _MEANT
    hint = did_you_mean(variable.name, scope.bound) if len(variable.name) > 1 else ""
    if not hint and isinstance(conjunct, Literal) and _is_negated_table(conjunct):
        hint = "write _ for any value, or bind it by another condition"
    return batch.report(
        "unsafe-variable",
        f"the variable {variable.name!r} of {print_conjunct(conjunct)!r} is not bound",
        variable.span,
        note=note,
        hint=hint,
    )


def _is_negated_table(literal: Literal) -> bool:
    atom: Atom = literal.atom
    return literal.negated and find_call(atom) is None
