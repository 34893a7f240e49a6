"""Check: groups of one rule do not use one name for variables that have nothing to do with each
other.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Span
from ..bindings import Group, Scope
from ..diagnostics import Diagnostic
from ..walk import expressions_of, literals_of, variables_of
from .batch import Batch


def find_shared_names(batch: Batch) -> Iterator[Diagnostic]:
    """Look at names that stand in several groups of a body and get no value outside of them.

    Refused is a name that one alternative binds and a `not (…)` uses: it would mean something else
    for each alternative. Of others there is a warning.
    """
    for _, rule in batch.rules:
        for scope in batch.scopes(rule):
            for name, groups in _shared(scope).items():
                if len(groups) > 1:
                    yield _report(batch, name, groups)


def _shared(scope: Scope) -> dict[str, list[Group]]:
    groups_by_name: dict[str, list[Group]] = {}
    if len(scope.groups) < 2:
        return groups_by_name
    for group in scope.groups:
        names = frozenset().union(*(inner.mentioned for inner in group.scopes))
        for name in sorted(names - scope.bound):
            groups_by_name.setdefault(name, []).append(group)
    return groups_by_name


def _report(batch: Batch, name: str, groups: list[Group]) -> Diagnostic:
    binding = [group for group in groups if not group.is_negated and _binds(group, name)]
    negated = [group for group in groups if group.is_negated]
    if binding and negated:
        return batch.report(
            "unsafe-variable",
            f"the variable {name!r} of 'not (…)' is bound by some alternatives only",
            _place(negated[0], name),
            note=f"{_unbinding(binding[0], name)} does not bind it",
            hint="bind it in every alternative, or give the one inside of not (…) another name",
        )
    note = "each not (…) has a variable of its own with this name"
    if not negated:
        note = "where an alternative of both holds, it has one value in both"
    return batch.report(
        "shared-name",
        f"the variable {name!r} stands in several groups, and nothing outside of them binds it",
        _place(groups[1], name),
        note=note,
        hint="give it another name in each group, or bind it by a condition outside of them",
        is_warning=True,
    )


def _binds(group: Group, name: str) -> bool:
    return any(name in scope.bound for scope in _live(group))


def _unbinding(group: Group, name: str) -> str:
    number = next(scope.number for scope in _live(group) if name not in scope.bound)
    return f"alternative {number} of {len(group.scopes)}"


def _live(group: Group) -> Iterator[Scope]:
    return (scope for scope in group.scopes if not scope.is_dead)


def _place(group: Group, name: str) -> Span:
    """Give the first place of a name in a group."""
    for conjunct in literals_of((group.conjunct,)):
        for variable in variables_of(*expressions_of(conjunct)):
            if variable.name == name:
                return variable.span
    return group.conjunct.span
