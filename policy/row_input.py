"""Rows as callers have them: tuples, columns in buffers, Arrow tables, files.

What lies in memory as numbers or as bytes of text is left there: the kernel reads it itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeGuard, runtime_checkable

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.row import Cell, encode_row

from .kernel import ArrowTable, BulkRows, Column, InvalidColumns
from .language.names import column_names
from .table_files import any_schema, read_table, read_untyped


@runtime_checkable
class ArrowStream(Protocol):
    """A table in Arrow's memory, like those of pyarrow, polars, pandas and duckdb."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Hand the table over in batches: the Arrow C stream interface."""
        ...


@runtime_checkable
class ArrowBatch(Protocol):
    """A batch of rows in Arrow's memory, like pyarrow's RecordBatch."""

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """Hand the batch over: the Arrow C data interface."""
        ...


Columns = Mapping[str, Any]
"""By column name a buffer (array.array, memoryview, an array of numpy), an array of Arrow's, or
some values.
"""

TableInput = Iterable[Sequence[Cell]] | Columns | ArrowStream | ArrowBatch | Path
"""The rows of one table: tuples; columns; or a file: CSV, TSV, JSON lines, JSON or YAML."""

TableInputs = Mapping[str, TableInput]

PLAIN = (list, tuple, set, frozenset, BulkRows)
"""Rows as they are; the others cost a look at each attribute of a protocol."""
_PLAIN = frozenset(PLAIN)


def rows_of(
    given: TableInput, columns: Sequence[str] | None, name: str
) -> Iterable[Sequence[Cell]]:
    """Give the rows of a table whose columns are known, or of one that takes what comes.

    Shapes: columns and files may have their columns in another order than the table.
    Raises: InvalidRow: columns of different lengths, other columns than the table's.
        NotFound: there is no such file. InvalidRequest: a file or memory that cannot be read, or
        no rows at all.
    """
    if type(given) in PLAIN:
        return given  # type: ignore[return-value]
    if isinstance(given, Path):
        return _rows_of_file(given, columns)
    if isinstance(given, ArrowStream | ArrowBatch):
        return _rows_of_columns(_arrow_columns(given, name), columns, name)
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


def held(source: str, tables: TableInputs) -> TableInputs:
    """Give tables of which nothing is still to come: neither rows nor cells of a column.

    Ordering: before the engine is entered: an iterator, or a stream of Arrow's, may wait for
        anything, even for ever.
    Raises: InvalidRequest: as `tables_given`, or a stream that cannot be read.
    """
    tables = tables_given(tables)
    if are_plain(tables):
        return dict(tables)
    return {
        table: given if type(given) in PLAIN else _held_table(given, f"{source}:{table}")
        for table, given in tables.items()
    }


def are_plain(tables: Mapping[str, object]) -> bool:
    """Tell whether the rows of all tables are what they are to be: of most changes they are."""
    return _PLAIN.issuperset(map(type, tables.values()))


def _held_table(given: TableInput, name: str) -> TableInput:
    # Ordering: first, as pyarrow's RecordBatchReader is an iterator too: of batches, not of rows.
    if isinstance(given, ArrowStream):
        return _arrow_columns(given, name)
    if isinstance(given, Iterator):
        return list(given)
    if isinstance(given, Mapping):
        return {
            column: list(cells) if isinstance(cells, Iterator) else cells
            for column, cells in given.items()
        }
    return given


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
    if isinstance(given, ArrowStream | ArrowBatch):
        given = _arrow_columns(given, name)
    if isinstance(given, Mapping):
        return tuple(given), _rows_of_columns(given, None, name)
    rows = list(rows_of(given, None, name))
    if not rows:
        what = f"the columns of {name!r} are not known; tell them by set_schema"
        raise InvalidRequest(what, table=name)
    if not is_row(rows[0]):
        raise InvalidRow(f"row 0 given for table {name!r} is {_kind(rows[0])}; {ROW}", table=name)
    return column_names(len(rows[0])), rows


def _rows_of_file(path: Path, columns: Sequence[str] | None) -> Iterable[Sequence[Cell]]:
    return read_untyped(path)[1] if columns is None else read_table(path, any_schema(columns))[1]


def _arrow_columns(given: ArrowStream | ArrowBatch, name: str) -> dict[str, Column]:
    try:
        columns = ArrowTable(given).columns()
    except InvalidColumns as error:
        raise _unreadable(error, name) from error
    found: dict[str, Column] = {}
    for column, cells in columns:
        if column in found:
            raise InvalidRow(
                f"table {name!r} is given more than one column {column!r}", table=name
            )
        found[column] = cells
    return found


def _rows_of_columns(given: Columns, columns: Sequence[str] | None, name: str) -> BulkRows:
    names = tuple(given) if columns is None else tuple(columns)
    if set(names) != set(given):
        raise InvalidRow(
            f"table {name!r} has the columns {', '.join(names)},"
            f" given are {', '.join(given) or 'none'}"
        )
    cells = [_column(given[column], name, column) for column in names]
    if len({len(column) for column in cells}) > 1:
        sizes = ", ".join(f"{n}: {len(c)}" for n, c in zip(names, cells, strict=True))
        raise InvalidRow(f"the columns given for table {name!r} differ in length ({sizes})")
    try:
        return BulkRows(cells)
    except InvalidColumns as error:
        raise _unreadable(error, name) from error


def _column(given: Any, name: str, column: str) -> Column:
    """Give a column in memory as it lies there, anything else as a list of its values."""
    if isinstance(given, Column):
        return given
    try:
        if not isinstance(given, str | bytes):
            return Column(given)
    except TypeError:
        pass
    except InvalidColumns as error:
        raise _unreadable(error, name) from error
    values = _values(given)
    if values is None:
        what = f"column {column!r} of table {name!r} is given as {_kind(given)}"
        raise InvalidRequest(f"{what}, expected a sequence of values", table=name)
    return Column(values)


def _values(column: Any) -> list[Cell] | None:
    """Give the values of a column; None when it has none that can be read."""
    if isinstance(column, str | bytes):
        return None
    for method in ("to_pylist", "tolist"):
        as_list = getattr(column, method, None)
        if as_list is not None:
            try:
                values = as_list()
            except NotImplementedError:  # memoryview, of cells that are no numbers
                return None
            if isinstance(values, list):
                return values
    return list(column) if isinstance(column, Iterable) else None


def _unreadable(error: InvalidColumns, name: str) -> InvalidRequest:
    return InvalidRequest(f"table {name!r} is given as {error}", table=name)
