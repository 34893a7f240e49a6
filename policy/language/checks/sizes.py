"""Check: a table and a rule are no larger than can be evaluated."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Atom, Rule
from ..diagnostics import Diagnostic
from ..names import MAX_COLUMNS
from ..walk import variables_of_rule
from .batch import Batch, is_table

MAX_VARIABLES = 3_000
"""In one rule; far above what 1,000 literals need."""


def find_too_large_rules(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse atoms with more columns than a table may have, and rules with too many variables."""
    for _, rule in batch.rules:
        for atom in _tables_of(batch, rule):
            width = len(atom.arguments)
            if width > MAX_COLUMNS:
                yield batch.report(
                    "too-large",
                    f"{atom.table!r} has {width} columns, at most {MAX_COLUMNS:,} are possible",
                    atom.span,
                    hint="give some of the columns a table of their own",
                )
        variables = {variable.name for variable in variables_of_rule(rule)}
        if len(variables) > MAX_VARIABLES:
            yield batch.report(
                "too-large",
                f"the rule has {len(variables)} variables, at most {MAX_VARIABLES:,} are possible",
                rule.head.span,
                hint="give a part of the rule a table of its own",
            )


def _tables_of(batch: Batch, rule: Rule) -> Iterator[Atom]:
    yield rule.head
    yield from (literal.atom for literal in batch.literals(rule) if is_table(literal))
