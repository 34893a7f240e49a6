"""Check: every variable gets its values from a condition that can give them, in any order."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Comparison, Conjunct, Literal, Membership, Rule, Variable, Wildcard
from ..bindings import Scope, scopes_of
from ..builtins import find_call
from ..diagnostics import Diagnostic
from ..printer import print_conjunct, print_rule
from ..walk import expressions_of, variables_of
from .batch import Batch, did_you_mean

_MEANT = "every variable must stand in a positive condition that gives it values"


def find_unsafe_variables(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse variables of heads, negations, comparisons and builtin inputs that are not bound."""
    for _, rule in batch.rules:
        if rule.body is None:
            yield from _not_ground(batch, rule)
            continue
        scopes = scopes_of(rule.body)
        named: set[str] = set()
        for scope in scopes:
            for conjunct in scope.body:
                yield from _wildcards(batch, conjunct)
                for variable in _unbound(_needed(conjunct), scope, named):
                    yield _unsafe(batch, variable, conjunct, scope)
        yield from _unsafe_head(batch, rule, scopes[0], named)


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


def _unsafe_head(batch: Batch, rule: Rule, root: Scope, named: set[str]) -> Iterator[Diagnostic]:
    values = [argument.value for argument in rule.head.arguments]
    for value in values:
        if isinstance(value, Wildcard):
            yield batch.report(
                "unsafe-variable",
                "'_' stands in the head, where a value is needed",
                value.span,
                hint="name a variable that the body binds",
            )
    for variable in _unbound(variables_of(*values), root, named):
        yield batch.report(
            "unsafe-variable",
            f"the variable {variable.name!r} of the head is not bound in the body",
            variable.span,
            note=_partly_bound(variable.name, root) or _MEANT,
            hint=_close(variable.name, root) or _bind_it(variable.name),
        )


def _partly_bound(name: str, root: Scope) -> str:
    """Tell which alternatives leave a variable unbound that others bind."""
    for group in root.groups:
        without = [n for n, scope in enumerate(group.scopes, 1) if name not in scope.bound]
        if len(without) < len(group.scopes):
            numbers = ", ".join(map(str, without))
            return f"alternative {numbers} of {len(group.scopes)} does not bind it"
    return ""


def _needed(conjunct: Conjunct) -> Iterator[Variable]:
    """Give the variables of a conjunct that other conditions must bind."""
    if isinstance(conjunct, Literal):
        builtin = find_call(conjunct.atom)
        values = [argument.value for argument in conjunct.atom.arguments]
        if conjunct.negated:
            yield from variables_of(*values)
        elif builtin is not None:
            yield from variables_of(*values[: len(builtin.inputs)])
    elif isinstance(conjunct, Comparison | Membership):
        yield from variables_of(*expressions_of(conjunct))


def _wildcards(batch: Batch, conjunct: Conjunct) -> Iterator[Diagnostic]:
    """Refuse `_` where a value is needed: in comparisons and as the input of a builtin."""
    values = expressions_of(conjunct)
    if isinstance(conjunct, Literal):
        builtin = find_call(conjunct.atom)
        values = values[: len(builtin.inputs)] if builtin is not None else ()
    for value in values:
        if isinstance(value, Wildcard):
            yield batch.report(
                "unsafe-variable",
                f"'_' stands in {print_conjunct(conjunct)!r}, where a value is needed",
                value.span,
                hint="name a variable that another condition binds",
            )


def _unbound(variables: Iterator[Variable], scope: Scope, named: set[str]) -> Iterator[Variable]:
    """Give the first occurrence of each variable that is not bound; `named` were given before."""
    for variable in variables:
        if variable.name not in scope.bound and variable.name not in named:
            named.add(variable.name)
            yield variable


def _unsafe(batch: Batch, variable: Variable, conjunct: Conjunct, scope: Scope) -> Diagnostic:
    note = f"in alternative {scope.number}: {_MEANT}" if scope.number else _MEANT
    hint = _close(variable.name, scope) or _bind_it(variable.name)
    if isinstance(conjunct, Literal) and find_call(conjunct.atom) is None:
        hint = _close(variable.name, scope) or (
            "write _ for any value, or bind it by another condition"
        )
    return batch.report(
        "unsafe-variable",
        f"the variable {variable.name!r} of {print_conjunct(conjunct)!r} is not bound",
        variable.span,
        note=note,
        hint=hint,
    )


def _bind_it(name: str) -> str:
    return f"add a condition that gives {name!r} values, as table({name}) or {name} = 1"


def _close(name: str, scope: Scope) -> str:
    return did_you_mean(name, scope.bound) if len(name) > 1 else ""
