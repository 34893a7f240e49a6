"""Check: every variable gets its values from a condition that can give them, in any order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from ..ast import (
    Aggregate,
    Body,
    Comparison,
    Conjunct,
    Expression,
    Literal,
    Membership,
    Rule,
    Variable,
    Wildcard,
)
from ..bindings import Scope, assume, awaited, scopes_of
from ..builtins import find_call
from ..diagnostics import Diagnostic
from ..policy_kinds import ACTION
from ..walk import expressions_of, parts_of, variables_of
from .batch import Batch

_MEANT = "every variable must stand in a positive condition that gives it values"
_MAX_FINDINGS = 20
"""Findings in one rule; nobody reads more, and each looks at a good part of the rule."""
"""Bound variables among which a likely one is looked for."""


class _Use(NamedTuple):
    """A variable where it must be bound: its scope's number, its conjunct, None in the head."""

    variable: Variable
    scope: int
    conjunct: Conjunct | None


def find_unsafe_variables(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse variables of heads, negations, comparisons and builtin inputs that are not bound.

    In an action policy a head may have one that stands alone: `p+(new, x) :- create(x)` makes up
    a new value.
    """
    for policy, rule in batch.rules:
        if rule.body is None:
            yield from _not_ground(batch, rule)
            continue
        yield from islice(_unsafe_in(batch, policy, rule, rule.body), _MAX_FINDINGS)


def _unsafe_in(batch: Batch, policy: str, rule: Rule, body: Body) -> Iterator[Diagnostic]:
    scopes = batch.scopes(rule)
    uses = []
    for number, scope in enumerate(scopes):
        for conjunct in scope.body:
            yield from _wildcards(batch, conjunct)
            uses += [
                _Use(variable, number, conjunct)
                for variable in _needed(conjunct)
                if variable.name not in scope.bound
            ]
    values = [argument.value for argument in rule.head.arguments]
    if batch.program.kind(policy) == ACTION and not any(map(_is_aggregate, values)):
        values = [value for value in values if not isinstance(value, Variable)]
    yield from _wildcards_of_head(batch, values)
    unbound = (v for v in variables_of(*values) if v.name not in scopes[0].bound)
    uses += [_Use(variable, 0, None) for variable in unbound]
    for use in _causes(uses, body):
        scope = scopes[use.scope]
        if use.conjunct is None:
            yield _unsafe_head(batch, use.variable, scope)
        else:
            yield _unsafe(batch, use.variable, use.conjunct, scope)


def _causes(uses: Sequence[_Use], body: Body) -> Iterator[_Use]:
    """Give the first use of each unbound variable, without those that another one explains.

    Before: `q(z) :- x = 1, plus(x, y, z)` binds neither y nor z; after: y, which would bind z.
    """
    if not uses:
        return
    assumed = scopes_of(body)
    waiting = [awaited(scope) for scope in assumed]
    named: set[str] = set()
    # Ordering: what nothing else could bind comes before what would follow from it.
    for use in sorted(uses, key=lambda use: use.variable.name in waiting[use.scope]):
        name = use.variable.name
        if name not in named and name not in assumed[use.scope].bound:
            named.add(name)
            assume(assumed[use.scope], name)
            yield use


def _not_ground(batch: Batch, rule: Rule) -> Iterator[Diagnostic]:
    for argument in rule.head.arguments:
        if isinstance(argument.value, Variable | Wildcard):
            name = argument.value.name if isinstance(argument.value, Variable) else "_"
            yield batch.report(
                "fact-not-ground",
                f"the fact {batch.quote_rule(rule)} has the variable {name!r}",
                argument.value.span,
                note="a fact consists of values; a variable needs a body that gives it values",
                hint=f'write "{name}" in quotes if text is meant',
            )
            return


def _is_aggregate(value: Expression) -> bool:
    return isinstance(value, Aggregate)


def _wildcards_of_head(batch: Batch, values: Sequence[Expression]) -> Iterator[Diagnostic]:
    for part in parts_of(*values):
        if isinstance(part, Wildcard):
            yield batch.report(
                "unsafe-variable",
                "'_' stands in the head, where a value is needed",
                part.span,
                hint="name a variable that the body binds",
            )


def _unsafe_head(batch: Batch, variable: Variable, root: Scope) -> Diagnostic:
    return batch.report(
        "unsafe-variable",
        f"the variable {variable.name!r} of the head is not bound in the body",
        variable.span,
        note=_partly_bound(variable.name, root) or _MEANT,
        hint=_close(batch, variable.name, root) or _bind_it(variable.name),
    )


def _partly_bound(name: str, scope: Scope) -> str:
    """Tell which alternatives leave a variable unbound that others bind."""
    for group in scope.groups:
        if group.is_negated:
            if any(name in inner.bound for inner in group.scopes):
                return "what is inside of not (…) gives no values to what is outside"
            continue
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
        inputs = 0 if builtin is None else len(builtin.inputs)
        for number, value in enumerate(values):
            # An expression is worked out from its variables; it gives them no values.
            if conjunct.negated or number < inputs or not isinstance(value, Variable | Aggregate):
                yield from variables_of(value)
    elif isinstance(conjunct, Comparison | Membership):
        yield from variables_of(*expressions_of(conjunct))


def _wildcards(batch: Batch, conjunct: Conjunct) -> Iterator[Diagnostic]:
    """Refuse `_` where a value is needed: in comparisons, expressions and a builtin's inputs."""
    values: list[Expression] = list(expressions_of(conjunct))
    if isinstance(conjunct, Literal):
        builtin = find_call(conjunct.atom)
        inputs = 0 if builtin is None else len(builtin.inputs)
        values = [v for n, v in enumerate(values) if n < inputs or not isinstance(v, Wildcard)]
    for part in parts_of(*values):
        if isinstance(part, Wildcard):
            yield batch.report(
                "unsafe-variable",
                f"'_' stands in {batch.quote(conjunct)}, where a value is needed",
                part.span,
                hint="name a variable that another condition binds",
            )


def _unsafe(batch: Batch, variable: Variable, conjunct: Conjunct, scope: Scope) -> Diagnostic:
    note = _partly_bound(variable.name, scope) or _MEANT
    if scope.parent is not None:
        note = f"{_place(scope)}: {note}"
    hint = _close(batch, variable.name, scope) or _bind_it(variable.name)
    if isinstance(conjunct, Literal) and find_call(conjunct.atom) is None:
        stands_alone = any(variable == argument.value for argument in conjunct.atom.arguments)
        if stands_alone and not _close(batch, variable.name, scope):
            hint = "write _ for any value, or bind it by another condition"
    return batch.report(
        "unsafe-variable",
        f"the variable {variable.name!r} of {batch.quote(conjunct)} is not bound",
        variable.span,
        note=note,
        hint=hint,
    )


def _place(scope: Scope) -> str:
    """Tell in which group a scope is, and in which of its alternatives."""
    group = scope.parent
    if group is None or not group.is_negated:
        return f"in alternative {scope.number}"
    inside = "inside of not (…)"
    return f"{inside}, alternative {scope.number}" if len(group.scopes) > 1 else inside


def _bind_it(name: str) -> str:
    return f"add a condition that gives {name!r} values, as table({name}) or {name} = 1"


def _close(batch: Batch, name: str, scope: Scope) -> str:
    return batch.did_you_mean(name, sorted(scope.bound), id(scope)) if len(name) > 1 else ""
