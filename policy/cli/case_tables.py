"""The tables of datasources in a test case: facts, over recorded tables or of their own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.row import Cell
from congress_dist.schema import TableSchema

from ..language.ast import Atom
from ..language.names import column_names
from ..language.package import Package
from ..planner.program import body_atoms
from ..recorded_tables import RecordedTable, Recording
from ..table_files import any_schema, row_of
from .case_file import Case

_PLAIN: Mapping[str, Cell] = {"str": "", "int": 0, "float": 0.0, "bool": False}
"""What stands in a column that a row does not name and that is never null."""

_Tables = dict[str, dict[str, RecordedTable]]


def given_tables(case: Case, recorded: Recording, packages: Sequence[Package]) -> Recording:
    """Put the case's facts over recorded tables; what is not given is empty.

    Shapes: of a datasource whose columns nothing tells, the tables and columns are those that the
        facts and the policies name.
    Raises: InvalidRow, InvalidRequest, NotFound: with file, case and table.
    """
    tables: _Tables = {source: dict(known) for source, known in recorded.items()}
    for source, schemas in case.schemas.items():
        for name, schema in schemas.items():
            tables.setdefault(source, {})[name] = RecordedTable(schema)
    told = set(tables)
    policies = {package.name for package in packages}
    read = _read_columns(packages)
    for (source, name), columns in read.items():
        if source not in told | policies and columns:
            tables.setdefault(source, {})[name] = RecordedTable(any_schema(columns))
    for key, rows in case.facts.items():
        source, mark, name = key.partition(":")
        if mark and source not in policies:
            place = f"'{case.file}': {case.name!r}: facts: {key}"
            known = tables.get(source, {}).get(name) if source in told else None
            schema = known.schema if known else _seen(rows, read.get((source, name), ()), place)
            tables.setdefault(source, {})[name] = RecordedTable(schema, _rows(rows, schema, place))
    _take_out(case, tables)
    return tables


def _take_out(case: Case, tables: _Tables) -> None:
    for key, reason in case.missing.items():
        source, _, name = key.partition(":")
        known = tables.get(source, {}).get(name)
        if known is None:
            raise NotFound(
                f"'{case.file}': {case.name!r}: missing: no table {key!r} is known; tell its "
                "columns under 'schemas'"
            )
        tables[source][name] = RecordedTable(known.schema, missing=reason)


def _rows(rows: Sequence[Any], schema: TableSchema, place: str) -> list[tuple[Cell, ...]]:
    return [
        row_of(_filled(row, schema), schema, f"{place}, row {number}")
        for number, row in enumerate(rows, 1)
    ]


def _filled(row: Any, schema: TableSchema) -> Any:
    """Give a row with a plain value in each column that it leaves out."""
    if not isinstance(row, dict):
        return row if isinstance(row, list) else [row]
    plain = {c.name: None if c.nullable else _PLAIN.get(c.type) for c in schema.columns}
    return {**plain, **row}


def _seen(rows: Sequence[Any], read: Sequence[str], place: str) -> TableSchema:
    """Give the columns that rows name, and further ones that policies read by name."""
    names: dict[str, None] = {}
    for row in rows:
        if isinstance(row, dict):
            names.update(dict.fromkeys(map(str, row)))
    if not names and rows:
        width = len(rows[0]) if isinstance(rows[0], list) else 1
        is_fitting = len(read) == width
        return any_schema(read if is_fitting else column_names(width))
    if not names and not read:
        raise InvalidRequest(f"{place}: its columns are not known; tell them under 'schemas'")
    return any_schema([*names, *(name for name in read if name not in names)])


def _read_columns(packages: Sequence[Package]) -> dict[tuple[str, str], Sequence[str]]:
    """Give the columns by which rules read tables of other owners.

    Shapes: Col0, Col1, … where all atoms of a table go by position; none where some do and some
        give names, as nobody can tell then which is which.
    """
    found: dict[tuple[str, str], list[Atom]] = {}
    for atom in _foreign_atoms(packages):
        found.setdefault((str(atom.policy), atom.table), []).append(atom)
    columns: dict[tuple[str, str], Sequence[str]] = {}
    for key, atoms in found.items():
        arguments = [argument for atom in atoms for argument in atom.arguments]
        names = list(dict.fromkeys(a.column for a in arguments if isinstance(a.column, str)))
        width = max(len(atom.arguments) for atom in atoms)
        if all(isinstance(a.column, str) for a in arguments):
            columns[key] = names
        elif not names and all(a.column is None for a in arguments):
            columns[key] = column_names(width)
    return columns


def _foreign_atoms(packages: Sequence[Package]) -> Iterator[Atom]:
    for package in packages:
        for rule in package.statements:
            for atom in body_atoms(rule.body or ()):
                if atom.policy not in (None, package.name, "clock", "builtin"):
                    yield atom
