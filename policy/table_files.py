"""Rows of one table from a file: JSON lines, JSON, YAML or CSV, checked against its columns.

A row is a list of cells, or a mapping by column names. What a cell may hold is row.py's matter;
here every refusal gets its file and line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.row import Cell, encode_row
from congress_dist.schema import Column, ColumnType, TableSchema

from .kernel import BulkRows, TextRefused, TextTable
from .language.counts import counted
from .language.names import column_names
from .language.text_files import decoded, read_bytes, read_text, yaml_value
from .planner.symbols import ALLOWED

SUFFIXES = (".jsonl", ".json", ".yaml", ".yml", ".csv", ".tsv")
"""In the order in which they are looked for."""

_DELIMITERS = {".csv": ",", ".tsv": "\t"}

Row = tuple[Cell, ...]
_Given = tuple[str, Any]
"""Where a row was found, and the row."""

_TYPE_NAMES: dict[type, ColumnType] = {str: "str", int: "int", float: "float", bool: "bool"}
_NOUNS = {"str": "text", "int": "an integer", "float": "a float", "bool": "a boolean"}


def read_table(path: Path, schema: TableSchema | None) -> tuple[TableSchema, Sequence[Row]]:
    """Read a file; without a schema the columns are those that the rows show.

    Shapes: rows of CSV become Python objects when somebody looks at them.
    Raises: InvalidRequest: the file cannot be read as what its ending says. InvalidRow: a row does
        not fit; both name file and line (of CSV and JSON lines) or entry.
    """
    suffix = _suffix_of(path)
    if suffix in _DELIMITERS:
        text = _text_table(path, _DELIMITERS[suffix])
        known = schema or TableSchema(tuple(Column(*seen) for seen in text.seen_types()))
        return known, _text_rows(path, text, known)
    given = list(_READERS[suffix](path))
    known = schema or _seen_columns(path, given)
    rows = [row_of(row, known, place) for place, row in given]
    return (known, rows) if schema else (_typed(known, rows), rows)


def read_untyped(path: Path) -> tuple[tuple[str, ...], Sequence[Row]]:
    """Read the names of a file's columns and its rows, each cell by itself.

    Raises: as `read_table`.
    """
    # Why not the guess of each column's type: one cell of text would turn numbers into text.
    suffix = _suffix_of(path)
    if suffix in _DELIMITERS:
        text = _text_table(path, _DELIMITERS[suffix])
        return tuple(text.header()), _text_rows(path, text, any_schema(text.header()))
    given = list(_READERS[suffix](path))
    known = _seen_columns(path, given)
    return known.names, [row_of(row, known, place) for place, row in given]


def any_schema(names: Iterable[str]) -> TableSchema:
    """Give columns that hold whatever comes."""
    return TableSchema(tuple(Column(name, "any", nullable=True) for name in names))


def row_of(given: Any, schema: TableSchema, place: str) -> Row:
    """Make a row of a list or mapping; columns that a mapping leaves out are null.

    Raises: InvalidRow: another width, an unknown column, a cell of another type than the column;
        `place` says where.
    """
    names = schema.names
    if isinstance(given, Mapping):
        unknown = [str(name) for name in given if name not in names]
        if unknown:
            raise InvalidRow(
                f"{place}: there is no column '{unknown[0]}'; columns are {', '.join(names)}"
            )
        cells = tuple(given.get(name) for name in names)
    elif isinstance(given, Sequence) and not isinstance(given, str | bytes):
        cells = tuple(given)
        if len(cells) != len(names):
            raise InvalidRow(
                f"{place}: the row has {counted(len(cells), 'cell')}, expected {len(names)}: "
                f"{', '.join(names)}"
            )
    else:
        raise InvalidRow(f"{place}: a row is a list of cells or a mapping, found {given!r:.60}")
    return _checked(cells, schema, place)


def json_value(text: str, place: str) -> Any:
    """Read JSON as tables need it: no NaN, no name twice. Raises: InvalidRequest."""
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_pairs)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"{place}: not JSON: {error}") from error


def _suffix_of(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidRequest(f"'{path}' is no file of rows; those end in {', '.join(SUFFIXES)}")
    return suffix


def _checked(cells: Row, schema: TableSchema, place: str) -> Row:
    for cell, column in zip(cells, schema.columns, strict=True):
        if cell is None and not column.nullable and column.type != "any":
            raise InvalidRow(f"{place}: column '{column.name}' is null, which its schema forbids")
        if cell is None or column.type == "any":
            continue
        if _TYPE_NAMES.get(type(cell)) != column.type:
            hint = "; quote it to make it text" if column.type == "str" else ""
            raise InvalidRow(
                f"{place}: column '{column.name}' holds {cell!r:.60}, expected "
                f"{_NOUNS[column.type]}{hint}"
            )
    try:
        encode_row(cells)
    except InvalidRow as error:
        name, reason = schema.names[error.fields["column"]], error.fields["reason"]
        raise InvalidRow(f"{place}: column '{name}' holds {reason}") from error
    return tuple(cell + 0.0 if type(cell) is float else cell for cell in cells)


def _read_lines(path: Path) -> Iterator[_Given]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if line.strip():
            place = f"{path}:{number}"
            yield place, json_value(line, place)


def _read_json(path: Path) -> Iterator[_Given]:
    return _entries(path, json_value(read_text(path), str(path)))


def _read_yaml(path: Path) -> Iterator[_Given]:
    value = yaml_value(read_text(path), path)
    return _entries(path, [] if value is None else value)


_READERS: dict[str, Callable[[Path], Iterator[_Given]]] = {
    ".jsonl": _read_lines,
    ".json": _read_json,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}


def _entries(path: Path, value: Any) -> Iterator[_Given]:
    if not isinstance(value, list):
        raise InvalidRequest(f"'{path}' holds {type(value).__name__}, expected a list of rows")
    return ((f"{path}: row {number}", row) for number, row in enumerate(value, 1))


def _seen_columns(path: Path, given: Sequence[_Given]) -> TableSchema:
    """Give the columns of rows without a schema: the names of mappings, else Col0, Col1, …"""
    names: dict[str, None] = {}
    for _, row in given:
        if isinstance(row, Mapping):
            names.update(dict.fromkeys(map(str, row)))
    if not names and given and isinstance(given[0][1], list):
        names = dict.fromkeys(column_names(len(given[0][1])))
    if not names:
        raise InvalidRequest(f"the columns of '{path}' are not known; name them in schema.json")
    return any_schema(names)


def _typed(schema: TableSchema, rows: Sequence[Row]) -> TableSchema:
    """Give each column the type that all its cells share."""
    columns = []
    for number, column in enumerate(schema.columns):
        kinds = {type(row[number]) for row in rows}
        nullable = type(None) in kinds
        kinds.discard(type(None))
        shared = _TYPE_NAMES[kinds.pop()] if len(kinds) == 1 else "any"
        columns.append(Column(column.name, shared, nullable))
    return TableSchema(tuple(columns))


def _text_table(path: Path, mark: str) -> TextTable:
    data = read_bytes(path)
    try:
        return TextTable(data, mark)
    except TextRefused as error:
        flaw, line, column, detail = error.args
        if flaw == "encoding":
            decoded(data, path)  # tells in which line
        if flaw == "syntax":
            refused = InvalidRequest(f"{path}:{line}: not CSV: {detail}")
        elif flaw == "empty":
            refused = InvalidRequest(f"'{path}' is empty; its first line names the columns")
        elif flaw == "twice":
            refused = InvalidRequest(f"{path}:{line}: a column is named twice in {detail}")
        else:
            what = f"the line has {counted(int(detail), 'cell')}, its header {column}"
            refused = InvalidRow(f"{path}:{line}: {what}")
        raise refused from error


def _text_rows(path: Path, text: TextTable, schema: TableSchema) -> BulkRows:
    try:
        return text.rows([(c.name, c.type, c.nullable) for c in schema.columns])
    except TextRefused as error:
        flaw, line, number, detail = error.args
        if flaw == "unknown":
            known = ", ".join(schema.names)
            what = f"there is no column '{detail}'; columns are {known}"
            raise InvalidRow(f"{path}:{line}: {what}") from error
        column = schema.columns[number]
        if flaw == "null":
            what = "is null, which its schema forbids"
        elif flaw == "type":
            what = f"holds {detail!r:.60}, expected {_NOUNS[column.type]}"
        else:
            what = f"holds {detail}; {ALLOWED}"
        raise InvalidRow(f"{path}:{line}: column '{column.name}' {what}") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that a table may hold")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found
