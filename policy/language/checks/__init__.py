"""Checks of rules against a program, in one ordered list: each gives diagnostics, none changes
anything. Called with the lock of the program held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from ..ast import Rule
from ..diagnostics import Diagnostic
from .aggregates import find_wrong_aggregates
from .annotations import find_duplicate_ids, find_wrong_annotations
from .arity import find_wrong_query_widths, find_wrong_widths
from .batch import Batch, ProgramView, QueryBatch
from .builtin_calls import find_wrong_calls
from .clock import find_costly_clocks
from .columns import find_wrong_columns
from .heads import find_wrong_heads
from .kinds import find_misplaced_rules
from .layout import find_missing_commas
from .recursion import find_cycles
from .regular_expressions import find_wrong_expressions
from .safety import find_unsafe_variables
from .shared_names import find_shared_names
from .singletons import find_singletons
from .sizes import find_too_large_rules
from .types import find_type_conflicts
from .unknown_tables import find_unknown_tables
from .unreachable import find_unreachable_rules
from .unused_tables import find_unused_tables

__all__ = [
    "CHECKS",
    "QUERY_CHECKS",
    "ProgramView",
    "check",
    "check_program",
    "check_query",
    "refusals",
]

Check = Callable[[Batch], Iterator[Diagnostic]]

CHECKS: tuple[Check, ...] = (
    find_too_large_rules,
    find_misplaced_rules,
    find_wrong_heads,
    find_wrong_calls,
    find_wrong_expressions,
    find_wrong_columns,
    find_wrong_widths,
    find_wrong_aggregates,
    find_unsafe_variables,
    find_shared_names,
    find_cycles,
    find_wrong_annotations,
    find_duplicate_ids,
    find_unknown_tables,
    find_type_conflicts,
    find_unreachable_rules,
    find_costly_clocks,
    find_singletons,
    find_missing_commas,
)
"""What a rule must pass."""

REFUSALS: tuple[Check, ...] = tuple(
    find
    for find in CHECKS
    if find
    not in (
        find_unknown_tables,
        find_type_conflicts,
        find_unreachable_rules,
        find_costly_clocks,
        find_singletons,
        find_missing_commas,
    )
)
"""Those of the checks that give errors; the others warn."""

QUERY_CHECKS: tuple[Check, ...] = (
    find_too_large_rules,
    find_wrong_calls,
    find_wrong_expressions,
    find_wrong_columns,
    find_wrong_query_widths,
    find_wrong_aggregates,
    find_unsafe_variables,
    find_shared_names,
    find_unknown_tables,
    find_type_conflicts,
    find_unreachable_rules,
)
"""What a query must pass: its head is no table, so nothing is asked of it but that it is bound; it
may name what it does not use, as it is written to be asked once."""


def check(
    policy_rules: Sequence[tuple[str, Rule]],
    program: ProgramView,
    *,
    text: str = "",
    texts: Mapping[str, str] | None = None,
) -> list[Diagnostic]:
    """Find what is wrong with rules that are to be added to a program.

    Shapes: errors and warnings in text order, no warning where an error is; `text` is what the
        rules were read from, or `texts` by their sources; without it diagnostics have no place.
    Cost: proportional to the rules and to what their heads depend on; one look at each head of
        the program.
    """
    return _run(CHECKS, Batch(policy_rules, program, text, texts))


def refusals(
    policy_rules: Sequence[tuple[str, Rule]], program: ProgramView, *, text: str = ""
) -> list[Diagnostic]:
    """Find only the errors that `check` finds."""
    found = _run(REFUSALS, Batch(policy_rules, program, text))
    return [diagnostic for diagnostic in found if diagnostic.severity == "error"]


def check_program(
    policy_rules: Sequence[tuple[str, Rule]],
    program: ProgramView,
    *,
    text: str = "",
    texts: Mapping[str, str] | None = None,
) -> list[Diagnostic]:
    """Do what `check` does for rules that are all there will be: what nothing reads is told."""
    batch = Batch(policy_rules, program, text, texts)
    found = _run(CHECKS, batch)
    if any(diagnostic.severity == "error" for diagnostic in found):
        return found  # what a refused rule would have read is not unused
    return _run((*CHECKS, find_unused_tables), batch)


def check_query(
    policy: str, rule: Rule, program: ProgramView, *, text: str = ""
) -> list[Diagnostic]:
    """Find what is wrong with a query; its head may have the name of any table."""
    return _run(QUERY_CHECKS, QueryBatch([(policy, rule)], program, text))


def _run(checks: Sequence[Check], batch: Batch) -> list[Diagnostic]:
    found = [diagnostic for find in checks for diagnostic in find(batch)]
    wrong = {_place(diagnostic) for diagnostic in found if diagnostic.severity == "error"}
    kept = [d for d in found if d.severity == "error" or not d.line or _place(d) not in wrong]
    return sorted(kept, key=_place)


def _place(diagnostic: Diagnostic) -> tuple[str, int, int]:
    return diagnostic.source, diagnostic.line, diagnostic.column
