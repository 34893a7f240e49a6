"""Check: annotations are known, stand once, and have values that make sense; ids are unique."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..ast import (
    ACTION_ANNOTATIONS,
    ANNOTATIONS,
    DRY_RUN,
    SEVERITIES,
    Annotation,
    Rule,
    Variable,
)
from ..diagnostics import Diagnostic
from ..rule_key import rule_key
from .batch import Batch, listed

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def find_wrong_annotations(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse annotations that are unknown, given twice, misplaced, or without meaning."""
    for _, rule in batch.rules:
        seen: set[str] = set()
        for annotation in rule.annotations:
            if annotation.name in seen:
                yield batch.report(
                    "annotation",
                    f"@{annotation.name} stands twice",
                    annotation.span,
                    hint="leave one of them out",
                )
            else:
                yield from _wrong(batch, rule, annotation)
            seen.add(annotation.name)


def find_duplicate_ids(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse an @id that another rule of the policy has; the same rule may come again."""
    owners: dict[tuple[str, object], Rule] = {}
    for policy, rule in batch.rules:
        key = (policy, rule.annotation("id"))
        if key[1] is None:
            continue
        if key not in owners:
            owners[key] = next((r for _, r in batch.program.identified(*key)), rule)
        owner = owners[key]
        if owner is not rule and rule_key(owner) != rule_key(rule):
            place = next(a.span for a in rule.annotations if a.name == "id")
            yield batch.report(
                "duplicate-id",
                f"the policy {policy!r} has another rule with the id {key[1]!r}",
                place,
                note=f"it defines {owner.head.table!r}",
                hint="ids are unique within a policy",
            )


def _wrong(batch: Batch, rule: Rule, annotation: Annotation) -> Iterator[Diagnostic]:
    name, value = annotation.name, annotation.value
    known = (*ANNOTATIONS, *ACTION_ANNOTATIONS)
    if name not in known:
        yield batch.report(
            "annotation",
            f"there is no annotation @{name}",
            annotation.span,
            note=f"annotations are {listed(known)}",
            hint=batch.did_you_mean(name, known, known) or "take one of these, or write a comment",
        )
    elif name not in ANNOTATIONS and rule.modal is None:
        yield batch.report(
            "annotation",
            f"@{name} belongs to actions: execute[…] or ensure[…]",
            annotation.span,
            hint="leave it out, or put it before the rule of an action",
        )
    elif name == DRY_RUN:
        if not isinstance(value, bool):
            yield batch.report(
                "annotation",
                "@dry_run is true or false",
                annotation.span,
                hint="write @dry_run(true) or @dry_run(false)",
            )
    elif not isinstance(value, str) or not value:
        yield batch.report(
            "annotation",
            f"the value of @{name} is not a text",
            annotation.span,
            hint=f'write @{name}("…")',
        )
    elif name == "severity" and value not in SEVERITIES:
        yield batch.report(
            "severity",
            f"there is no severity {value!r}",
            annotation.span,
            note=f"severities are {listed(SEVERITIES)}",
            hint=batch.did_you_mean(value.lower(), SEVERITIES, SEVERITIES) or "take one of these",
        )
    elif name == "message":
        yield from _wrong_message(batch, rule, annotation)


def _wrong_message(batch: Batch, rule: Rule, annotation: Annotation) -> Iterator[Diagnostic]:
    arguments = rule.head.arguments
    names = dict.fromkeys(a.value.name for a in arguments if isinstance(a.value, Variable))
    known = listed(names) or "no variables"
    for name in _PLACEHOLDER.findall(str(annotation.value)):
        if name not in names:
            yield batch.report(
                "annotation",
                f"the message uses {{{name}}}, which is no variable of the head",
                annotation.span,
                note=f"the head has {known}",
                hint=batch.did_you_mean(name, names, id(rule))
                or "use a variable of the head, or add it there",
            )
