"""Check: a head names a table of its own policy that rules may define."""

from __future__ import annotations

from collections.abc import Iterator

from ..builtins import PREFIX, find_call
from ..diagnostics import Diagnostic
from ..policy_kinds import ACTION, DATASOURCE
from .batch import Batch


def find_wrong_heads(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse heads that name a policy, a builtin or columns; modals may name all but builtins."""
    for policy, rule in batch.rules:
        head = rule.head
        is_effect = head.table[-1] in "+-" and batch.program.kind(policy) == ACTION
        if head.policy == PREFIX or (find_call(head) is not None and rule.modal is None):
            yield batch.report(
                "builtin-head",
                f"{head.table!r} is a builtin, rules cannot define it",
                head.span,
                hint="give the table another name",
            )
        elif head.policy is not None and rule.modal is None and not is_effect:
            is_source = batch.program.kind(head.policy) == DATASOURCE
            yield batch.report(
                "head-names-policy",
                f"the head names the {'datasource' if is_source else 'policy'} {head.policy!r}",
                head.span,
                note="a rule defines a table of the policy that it stands in",
                hint=f"write {head.table}(…), and insert the rule into {head.policy!r}"
                if batch.program.kind(head.policy) not in (None, DATASOURCE)
                else f"write {head.table}(…)",
            )
        if rule.modal is None:
            for argument in head.arguments:
                if argument.column is not None:
                    yield batch.report(
                        "column-in-head",
                        "a head names its columns by variables, not by '='",
                        argument.span,
                        hint="name columns in execute[…] and in bodies only",
                    )
                    break
