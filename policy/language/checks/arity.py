"""Check: a table has as many columns here as everywhere else."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Atom
from ..diagnostics import Diagnostic
from .batch import DATASOURCE, Batch, Table, listed, table_literals


def find_wrong_widths(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse atoms whose number of arguments is not that of the schema or of other rules.

    Shapes: an atom of a datasource may have fewer by position; named columns are another check's.
    """
    for policy, rule in batch.rules:
        if rule.modal is None:
            yield from _wrong_width(batch, (policy, rule.head.table), rule.head)
    yield from find_wrong_body_widths(batch)


def find_wrong_body_widths(batch: Batch) -> Iterator[Diagnostic]:
    """Do the same for bodies only: the head of a query is no table."""
    for policy, rule in batch.rules:
        for literal in table_literals(rule):
            atom = literal.atom
            if all(argument.column is None for argument in atom.arguments):
                yield from _wrong_width(batch, (atom.policy or policy, atom.table), atom)


def _wrong_width(batch: Batch, table: Table, atom: Atom) -> Iterator[Diagnostic]:
    known, used = batch.arity(table), len(atom.arguments)
    is_datasource = batch.program.kind(table[0]) == DATASOURCE
    if known is None or used == known or (is_datasource and used < known):
        return
    names = batch.columns(table)
    yield batch.report(
        "arity",
        f"table '{table[0]}:{table[1]}' has {known} columns, here are {used}",
        atom.span,
        note=f"its columns are {listed(names)}" if names and any(names) else "",
        hint="name the columns that matter: table(column=x)" if used < known else "",
    )
