"""Recorded tables: the rows of datasources in a directory, for work without a running system.

DIR/schema.json                {"sources": {SOURCE: {TABLE: {"columns": […], "description": …}}}}
DIR/SOURCE/TABLE.jsonl         one row per line, a list of cells or an object by column names

`.json`, `.yaml` and `.csv` files are read too; a table that schema.json does not name has the
columns that its file shows. A table that schema.json names and that has no file is not known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from congress_dist.errors import Conflict, InvalidRequest, NotFound
from congress_dist.schema import Column, ColumnType, TableSchema

from .engine import Engine
from .language.known_keys import refuse_unknown_keys
from .language.names import refuse_column_names, refuse_owner_name, refuse_table_names
from .language.text_files import (
    entries_of,
    is_directory,
    read_text,
)
from .table_files import SUFFIXES, Row, json_value, read_table

SCHEMA_FILE = "schema.json"
_TABLE_KEYS = ("columns", "description", "missing")
_COLUMN_KEYS = ("name", "type", "nullable", "description")


@dataclass(frozen=True, slots=True)
class RecordedTable:
    """A table's columns and rows; `missing` tells why the rows are not known, if they are not."""

    schema: TableSchema
    rows: Sequence[Row] = ()
    missing: str | None = None


Recording = Mapping[str, Mapping[str, RecordedTable]]
"""Tables by datasource and name."""


def read_recording(directory: Path) -> dict[str, dict[str, RecordedTable]]:
    """Read recorded tables.

    Raises: NotFound: no such directory, or nothing in it. InvalidRequest, InvalidRow: a file that
        cannot be read, with file and line. Conflict: a table with two files.
    """
    if not is_directory(directory):
        raise NotFound(
            f"there is no directory '{directory}' with recorded tables", path=str(directory)
        )
    schemas, reasons = _read_schemas(directory)
    files = _table_files(directory)
    if not schemas and not files:
        raise NotFound(
            f"'{directory}' holds no recorded tables; expected {SCHEMA_FILE} and a file "
            "SOURCE/TABLE.jsonl for each table",
            path=str(directory),
        )
    tables: dict[str, dict[str, RecordedTable]] = {}
    for source, table in sorted(schemas.keys() | files.keys()):
        known, reason = schemas.get((source, table)), reasons.get((source, table))
        file = files.get((source, table))
        tables.setdefault(source, {})[table] = _recorded(known, reason, file, f"{source}/{table}")
    return tables


def load_recording(engine: Engine, recording: Recording) -> None:
    """Load tables into an engine, one datasource after the other."""
    for source, tables in recording.items():
        engine.set_schema(source, {name: table.schema for name, table in tables.items()})
        engine.transact(
            source,
            loaded={name: t.rows for name, t in tables.items() if t.missing is None},
            missing={name: t.missing for name, t in tables.items() if t.missing is not None},
        )


def schema_of(given: Any, place: str) -> TableSchema:
    """Make a schema of its plain form; columns may be plain names, or a list of them the whole.

    Raises: InvalidRequest: another shape; `place` says where.
    """
    if isinstance(given, list):
        given = {"columns": given}
    if not isinstance(given, dict) or not isinstance(given.get("columns"), list):
        raise InvalidRequest(f"{place}: expected a list of columns, or an object with 'columns'")
    refuse_unknown_keys(given, _TABLE_KEYS, place)
    columns = tuple(_column(column, place) for column in given["columns"])
    refuse_column_names([column.name for column in columns], place)
    return TableSchema(columns, str(given.get("description") or ""))


def _column(given: Any, place: str) -> Column:
    if isinstance(given, str):
        return Column(given, "any", nullable=True)
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise InvalidRequest(f"{place}: a column is a name, or an object with 'name' and 'type'")
    refuse_unknown_keys(given, _COLUMN_KEYS, f"{place}: column '{given['name']}'")
    kind = given.get("type", "any")
    if kind not in get_args(ColumnType):
        raise InvalidRequest(
            f"{place}: column '{given['name']}' has the type {kind!r}; types are "
            f"{', '.join(get_args(ColumnType))}"
        )
    nullable = given.get("nullable", kind == "any")
    if not isinstance(nullable, bool):
        raise InvalidRequest(
            f"{place}: column '{given['name']}': nullable is {nullable!r:.60}, expected true or "
            "false"
        )
    return Column(given["name"], kind, nullable, str(given.get("description") or ""))


def _read_schemas(
    directory: Path,
) -> tuple[dict[tuple[str, str], TableSchema], dict[tuple[str, str], str]]:
    """Give the schemas that are written down, and why tables are not known."""
    path = directory / SCHEMA_FILE
    if path not in entries_of(directory):
        return {}, {}
    value = json_value(read_text(path), str(path))
    sources = value.get("sources") if isinstance(value, dict) else None
    if not isinstance(sources, dict):
        raise InvalidRequest(f"'{path}' has no object 'sources' of datasources and their tables")
    schemas: dict[tuple[str, str], TableSchema] = {}
    reasons: dict[tuple[str, str], str] = {}
    for source, tables in sources.items():
        refuse_owner_name(source, f"'{path}': a datasource")
        if not isinstance(tables, dict):
            raise InvalidRequest(f"'{path}': source '{source}' is no object of tables")
        for table, given in tables.items():
            _refuse_odd_names(source, table)
            refuse_table_names(source, table, ())
            schemas[source, table] = schema_of(given, f"'{path}': table '{source}:{table}'")
            if isinstance(given, dict) and given.get("missing") is not None:
                reasons[source, table] = str(given["missing"])
    return schemas, reasons


def _table_files(directory: Path) -> dict[tuple[str, str], Path]:
    files: dict[tuple[str, str], Path] = {}
    sources = [path for path in entries_of(directory) if is_directory(path)]
    for path in (file for source in sources for file in entries_of(source)):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        key = path.parent.name, path.stem
        if key in files:
            raise Conflict(f"'{files[key]}' and '{path}' are both the table {':'.join(key)!r}")
        refuse_owner_name(key[0], f"the datasource of '{path}'")
        files[key] = path
    return files


def _recorded(
    schema: TableSchema | None, reason: str | None, file: Path | None, name: str
) -> RecordedTable:
    if reason is not None and schema is not None:
        return RecordedTable(schema, missing=reason)
    if file is not None:
        return RecordedTable(*read_table(file, schema))
    assert schema is not None  # noqa: S101
    return RecordedTable(schema, missing=f"not recorded: there is no file {name}.jsonl")


def _refuse_odd_names(*names: str) -> None:
    for name in names:
        if not name or "/" in name or "\0" in name or name.startswith("."):
            raise InvalidRequest(f"{name!r} cannot name a file, so its table cannot be recorded")
