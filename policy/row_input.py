"""Rows as callers have them: tuples, columns in buffers, Arrow tables, files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.row import Cell, encode_row

from .language.names import column_names
from .table_files import any_schema, read_table, read_untyped


@runtime_checkable
class ColumnTable(Protocol):
    """A table in columns, like pyarrow's Table and RecordBatch."""

    @property
    def column_names(self) -> Sequence[str]:
        """Give the columns' names."""
        ...

    def to_pydict(self) -> dict[str, list[Any]]:
        """Give the columns as lists of Python values."""
        ...


Columns = Mapping[str, Any]
"""By column name a buffer (array.array, memoryview, an array of numpy) or some values."""

TableInput = Iterable[Sequence[Cell]] | Columns | ColumnTable | Path
"""The rows of one table: tuples; columns; or a file: CSV, TSV, JSON lines, JSON or YAML."""

TableInputs = Mapping[str, TableInput]

_NO_VALUES = (ValueError, NotImplementedError)
"""Raised by Arrow for cells that it cannot give as values of Python, as nanoseconds."""
_UNREADABLE = "cells that are no text, number, boolean or null"
PLAIN = (list, tuple, set, frozenset)
"""Rows as they are; the others cost a look at each attribute of a protocol."""


def rows_of(
    given: TableInput, columns: Sequence[str] | None, name: str
) -> Iterable[Sequence[Cell]]:
    """Give the rows of a table whose columns are known, or of one that takes what comes.

    Shapes: columns and files may have their columns in another order than the table.
    Raises: InvalidRow: columns of different lengths, other columns than the table's.
        NotFound: there is no such file. InvalidRequest: a file that cannot be read, or no rows at
        all.
    """
    if type(given) in PLAIN:
        return given  # type: ignore[return-value]
    if isinstance(given, Path):
        return _rows_of_file(given, columns)
    if isinstance(given, ColumnTable):
        return _rows_of_columns(_columns_of(given, name), columns, name)
    if isinstance(given, Mapping):
        return _rows_of_columns(given, columns, name)
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        hint = "; for a file give a pathlib.Path" if isinstance(given, str) else ""
        raise InvalidRequest(
            f"table {name!r} is given as {_kind(given)}, expected rows or columns{hint}",
            table=name,
        )
    return given


def tables_given(tables: TableInputs) -> TableInputs:
    """Give tables that came from a caller. Raises: InvalidRequest: they are no mapping."""
    if type(tables) is dict or isinstance(tables, Mapping):
        return tables
    raise InvalidRequest(
        f"tables are given as {_kind(tables)}, expected a mapping from each table to its rows"
    )


def held(tables: TableInputs) -> TableInputs:
    """Give tables of which none is an iterator any more.

    Ordering: before the engine is entered: an iterator may wait for anything, even for ever.
    Raises: InvalidRequest: as `tables_given`.
    """
    return {
        table: given if type(given) in PLAIN or not isinstance(given, Iterator) else list(given)
        for table, given in tables_given(tables).items()
    }


def marked_missing(tables: Iterable[str], reason: str) -> dict[str, str]:
    """Give tables with the reason for which they are not known.

    Raises: InvalidRequest: `tables` is one text, or the reason says nothing.
    """
    if isinstance(tables, str):
        raise InvalidRequest(f"tables are given as one text; write [{tables!r}]", table=tables)
    return {table: missing_reason(table, reason) for table in tables}


def missing_reason(table: str, reason: str) -> str:
    """Give the reason for which a table is not known. Raises: InvalidRequest: it says nothing."""
    # Without one the table would be known, and empty.
    if not isinstance(reason, str) or not reason.strip():
        raise InvalidRequest(
            f"table {table!r} is missing for no reason: found {reason!r:.60}, expected a text",
            table=table,
        )
    return reason


def row_given(row: Sequence[Cell], name: str) -> Sequence[Cell]:
    """Give a row that a question names.

    Raises: InvalidRow: it is no sequence of cells, or no table may hold it.
    """
    if not is_row(row):
        what = f"a row of table {name!r} is asked for as {_kind(row)}; {ROW}"
        raise InvalidRow(what, table=name)
    encode_row(row, table=name)
    return row


ROW = "a row is a tuple or a list of cells"


def is_row(given: object) -> TypeGuard[Sequence[object]]:
    """Tell whether a value can be a row: texts and mappings are sequences of something else."""
    return isinstance(given, Sequence) and not isinstance(given, str | bytes | bytearray)


def _kind(given: object) -> str:
    return f"{type(given).__name__} ({given!r:.60})"


def table_of(given: TableInput, name: str) -> tuple[Sequence[str], Sequence[Sequence[Cell]]]:
    """Give the columns and rows of a table of which nothing is known yet.

    Shapes: the columns are those that come along, else Col0, Col1, … of the first row.
    Raises: as `rows_of`. InvalidRequest: there are no columns and no row.
    """
    if isinstance(given, Path):
        return read_untyped(given)
    if isinstance(given, ColumnTable):
        given = _columns_of(given, name)
    rows = list(rows_of(given, None, name))
    if isinstance(given, Mapping):
        return tuple(given), rows
    if not rows:
        what = f"the columns of {name!r} are not known; tell them by set_schema"
        raise InvalidRequest(what, table=name)
    if not is_row(rows[0]):
        raise InvalidRow(f"row 0 given for table {name!r} is {_kind(rows[0])}; {ROW}", table=name)
    return column_names(len(rows[0])), rows


def _rows_of_file(path: Path, columns: Sequence[str] | None) -> Iterable[Sequence[Cell]]:
    return read_untyped(path)[1] if columns is None else read_table(path, any_schema(columns))[1]


def _columns_of(given: ColumnTable, name: str) -> dict[str, list[Any]]:
    """Give the columns of a table in columns. Raises: InvalidRow: two have one name."""
    names = given.column_names
    twice = [column for column, count in Counter(names).items() if count > 1]
    if twice:
        raise InvalidRow(f"table {name!r} is given more than one column {twice[0]!r}", table=name)
    try:
        return given.to_pydict()
    except _NO_VALUES as error:
        raise InvalidRow(f"table {name!r} is given {_UNREADABLE}: {error}", table=name) from error


def _rows_of_columns(
    given: Columns, columns: Sequence[str] | None, name: str
) -> Iterable[Sequence[Cell]]:
    names = tuple(given) if columns is None else tuple(columns)
    if set(names) != set(given):
        raise InvalidRow(
            f"table {name!r} has the columns {', '.join(names)}, given are {', '.join(given)}"
        )
    try:
        values = [_values(given[column]) for column in names]
    except _NO_VALUES as error:
        raise InvalidRow(f"table {name!r} is given {_UNREADABLE}: {error}", table=name) from error
    if len({len(column) for column in values}) > 1:
        sizes = ", ".join(f"{n}: {len(v)}" for n, v in zip(names, values, strict=True))
        raise InvalidRow(f"the columns given for table {name!r} differ in length ({sizes})")
    return zip(*values, strict=True)


def _values(column: Any) -> Sequence[Cell]:
    """Give a column as Python values; buffers and arrays turn themselves into lists."""
    for method in ("to_pylist", "tolist"):
        as_list = getattr(column, method, None)
        if as_list is not None:
            values: list[Cell] = as_list()
            return values
    if isinstance(column, Sequence) and not isinstance(column, str | bytes):
        return column
    if isinstance(column, Iterable) and not isinstance(column, str | bytes):
        return list(column)
    raise InvalidRequest(f"a column is a sequence of values, not {type(column).__name__}")
