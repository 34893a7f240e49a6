"""Check: the policy's kind allows the rule."""

from __future__ import annotations

from collections.abc import Iterator

from ..diagnostics import Diagnostic
from ..policy_kinds import DATABASE, DATASOURCE
from .batch import Batch


def find_misplaced_rules(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse rules in database policies and anything in a datasource."""
    for policy, rule in batch.rules:
        kind = batch.program.kind(policy)
        if kind == DATABASE and rule.modal is not None:
            yield batch.report(
                "modal",
                f"the policy {policy!r} is a database: it holds facts, no actions",
                rule.head.span,
                hint="put the rule into another policy",
            )
        elif kind == DATABASE and not rule.is_fact:
            yield batch.report(
                "rule-in-database",
                f"the policy {policy!r} is a database: it holds facts, no rules",
                rule.head.span,
                hint=f"put the rule into another policy and read {policy}:… there",
            )
        elif kind == DATASOURCE:
            yield batch.report(
                "rule-in-datasource",
                f"{policy!r} is a datasource: its tables come from outside",
                rule.head.span,
                hint=f"put the rule into a policy and read {policy}:… there",
            )
