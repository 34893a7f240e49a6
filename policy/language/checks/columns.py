"""Check: columns named in bodies exist, each once, positions before names."""

from __future__ import annotations

from collections.abc import Iterator

from ..ast import Argument, Atom
from ..counts import counted
from ..diagnostics import Diagnostic
from ..names import table_name
from ..policy_kinds import DATASOURCE
from .batch import Batch, Table, listed


def find_wrong_columns(batch: Batch) -> Iterator[Diagnostic]:
    """Refuse column references that do not fit; nothing is said of a table that is not known."""
    for policy, rule in batch.rules:
        for literal in batch.table_literals(rule):
            atom = literal.atom
            if any(argument.column is not None for argument in atom.arguments):
                yield from _wrong_references(batch, (atom.policy or policy, atom.table), atom)


def _wrong_references(batch: Batch, table: Table, atom: Atom) -> Iterator[Diagnostic]:
    names = batch.columns(table)
    by_name = {name: number for number, name in enumerate(names or ()) if name}
    given: set[int | str] = set()
    seen_named = False
    for position, argument in enumerate(atom.arguments):
        column: int | str | None = argument.column
        if column is None:
            if seen_named:
                yield _positional_after_named(batch, argument)
                return
            given.add(position)
            continue
        seen_named = True
        if names is not None:
            problem = _unknown_column(batch, table, argument, by_name, names)
            if problem is not None:
                yield problem
                continue
            column = by_name.get(column, column) if isinstance(column, str) else column
        if column in given:
            yield batch.report(
                "column-twice",
                f"column {argument.column!r} of table '{table_name(table)}' is given twice",
                argument.span,
                note="arguments by position take the columns from the first on",
                hint="leave one of them out; for two conditions on a column compare a variable",
            )
        given.add(column)


def _unknown_column(
    batch: Batch,
    table: Table,
    argument: Argument,
    by_name: dict[str, int],
    names: tuple[str | None, ...],
) -> Diagnostic | None:
    column = argument.column
    if isinstance(column, int):
        if column < len(names):
            return None
        message = (
            f"table '{table_name(table)}' has {counted(len(names), 'column')}, numbered from 0"
        )
        hint = f"write a number from 0 to {len(names) - 1}" if names else "leave the column out"
        return batch.report("unknown-column", message, argument.span, hint=hint)
    if column is None or column in by_name:
        return None
    note = f"its columns are {listed(by_name)}"
    if batch.program.kind(table[0]) != DATASOURCE:
        note = (
            f"{note}; a column has the name that all heads give it"
            if by_name
            else "its heads do not agree on names for its columns; use numbers, from 0"
        )
    return batch.report(
        "unknown-column",
        f"table '{table_name(table)}' has no column {column!r}",
        argument.span,
        note=note,
        hint=batch.did_you_mean(column, by_name, table) or _columns_hint(table, by_name),
    )


def _columns_hint(table: Table, by_name: dict[str, int]) -> str:
    if by_name:
        return f"take one of its columns: {table[1]}({next(iter(by_name))}=…)"
    return f"name a column by its number: {table[1]}(0=…)"


def _positional_after_named(batch: Batch, argument: Argument) -> Diagnostic:
    return batch.report(
        "positional-after-named",
        "an argument by position follows one by name",
        argument.span,
        hint="put it first, or name its column",
    )
