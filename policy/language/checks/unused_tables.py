"""Check (warning): tables that nothing reads, in a program of which all rules are known."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Atom, Rule
from ..diagnostics import Diagnostic
from .batch import Batch, Table, table_literals


def find_unused_tables(batch: Batch) -> Iterator[Diagnostic]:
    """Warn of tables that lead to no violation, no action and no annotated rule.

    Shapes: nothing is said of a policy without any of these: its tables are there to be asked for.
    """
    rules = list(batch.all_rules())
    wanted = {(p, rule.head.table) for p, rule in rules if _is_result(rule)}
    owners = {policy for policy, rule in rules if _is_result(rule)}
    read = {(atom.policy or p, atom.table) for p, rule in rules for atom in _atoms(rule)}
    seen: set[Table] = set()
    for policy, rule in batch.rules:
        table = (policy, rule.head.table)
        is_known = table in wanted or table in read or table in seen or _is_result(rule)
        if policy in owners and not is_known:
            seen.add(table)
            yield batch.report(
                "unused-table",
                f"nothing reads the table '{policy}:{rule.head.table}'",
                rule.head.span,
                note="it is no violation, and no rule with annotations or an action needs it",
                hint='take it out, or say what it is for: @title("…")',
                is_warning=True,
            )


def _atoms(rule: Rule) -> Iterator[Atom]:
    return (literal.atom for literal in table_literals(rule))


def _is_result(rule: Rule) -> bool:
    """Tell whether a rule is there for its own sake."""
    is_effect = rule.head.table[-1] in "+-"
    return is_effect or rule.is_reporting or rule.modal is not None or bool(rule.annotations)
