"""Check (warnings): tables that nothing defines, and policies that do not exist."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Atom, Rule
from ..builtins import find_call
from ..diagnostics import Diagnostic
from ..policy_kinds import DATASOURCE
from .batch import Batch


def find_unknown_tables(batch: Batch) -> Iterator[Diagnostic]:
    """Warn of what a body reads and nothing gives; once per table and rule."""
    for policy, rule in batch.rules:
        seen = set()
        for literal in batch.table_literals(rule):
            atom = literal.atom
            table = (atom.policy or policy, atom.table)
            if table not in seen and not batch.is_defined(table):
                seen.add(table)
                yield _unknown(batch, table[0], atom)
        yield from _unknown_clock(batch, rule)


def _unknown_clock(batch: Batch, rule: Rule) -> Iterator[Diagnostic]:
    """Do the same for the table that builtins read to know the time."""
    for literal in batch.literals(rule):
        builtin = find_call(literal.atom)
        if builtin is not None and builtin.reads and not batch.is_defined(builtin.reads):
            owner, table = builtin.reads
            yield _unknown(batch, owner, Atom(table, (), owner, literal.atom.span))
            return


def _unknown(batch: Batch, owner: str, atom: Atom) -> Diagnostic:
    kind = batch.program.kind(owner)
    if kind is None:
        return batch.report(
            "unknown-policy",
            f"there is no policy or datasource {owner!r}",
            atom.span,
            note="the rule waits until there is one",
            hint=batch.likely_policy(owner),
            is_warning=True,
        )
    if kind == DATASOURCE:
        return batch.report(
            "unknown-table",
            f"the datasource {owner!r} has no table {atom.table!r}",
            atom.span,
            note="the rule waits until it has",
            hint=f"list its tables with: congress datasource schema {owner}",
            is_warning=True,
        )
    hint = _likely(batch, owner, atom)
    return batch.report(
        "unknown-table",
        f"nothing defines the table '{owner}:{atom.table}'",
        atom.span,
        note="the rule waits until a rule or a fact does"
        if any(argument.column is not None for argument in atom.arguments)
        else "it is empty until a rule or a fact does",
        hint=hint,
        is_warning=True,
    )


def _likely(batch: Batch, owner: str, atom: Atom) -> str:
    hint = batch.likely_table(owner, atom.table)
    builtin = batch.likely_builtin(atom.table) if not hint and atom.policy is None else ""
    return f"did you mean the builtin {builtin!r}?" if builtin else hint
