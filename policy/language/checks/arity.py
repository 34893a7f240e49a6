"""Check: a table has as many columns here as everywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..ast import Atom
from ..counts import counted
from ..diagnostics import Diagnostic
from ..names import table_name
from ..policy_kinds import DATASOURCE
from .batch import Batch, Table, listed, table_literals

_HINT = "write _ for columns that do not matter, or name those that do: table(column=x)"


def find_wrong_widths(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse atoms whose number of arguments is not that of the schema or of other rules.

    Shapes: an atom of a datasource may have fewer by position; named columns are another check's.
    """
    for policy, rule in batch.rules:
        if rule.modal is None:
            yield from _wrong_width(batch, (policy, rule.head.table), rule.head, hint="")
    yield from _wrong_body_widths(batch)


def find_wrong_query_widths(batch: Batch) -> Iterator[Diagnostic]:
    """Warn of such atoms in queries, as in Congress: no row has that width; a head is no table."""
    return (replace(found, severity="warning") for found in _wrong_body_widths(batch))


def _wrong_body_widths(batch: Batch) -> Iterator[Diagnostic]:
    for policy, rule in batch.rules:
        for literal in table_literals(rule):
            atom = literal.atom
            if all(argument.column is None for argument in atom.arguments):
                table = (atom.policy or policy, atom.table)
                yield from _wrong_width(batch, table, atom, hint=_HINT)


def _wrong_width(batch: Batch, table: Table, atom: Atom, *, hint: str) -> Iterator[Diagnostic]:
    known, used = batch.arity(table), len(atom.arguments)
    is_datasource = batch.program.kind(table[0]) == DATASOURCE
    if known is None or used == known or (is_datasource and used < known):
        return
    if not hint or used > known:
        hint = f"give it {counted(known, 'argument')}"
    names = [name for name in batch.program.columns(*table) or () if not name.startswith("Col")]
    yield batch.report(
        "arity",
        f"table '{table_name(table)}' has {counted(known, 'column')}, here are {used}",
        atom.span,
        note=f"its columns are {listed(names)}" if names else "",
        hint=hint,
    )
