"""Rows as callers have them: tuples, columns in buffers, Arrow tables, CSV and TSV files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.row import Cell
from congress_dist.schema import Column, TableSchema

from .table_files import read_table


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
"""The rows of one table: tuples; columns; or a `.csv` or `.tsv` file with a line of names."""

TableInputs = Mapping[str, TableInput]


def rows_of(
    given: TableInput, columns: Sequence[str] | None, name: str
) -> Iterable[Sequence[Cell]]:
    """Give the rows of a table whose columns are known, or of one that takes what comes.

    Shapes: columns and files may have their columns in another order than the table.
    Raises: InvalidRow: columns of different lengths, other columns than the table's.
        InvalidRequest: a file that cannot be read.
    """
    if isinstance(given, Path):
        return _rows_of_file(given, columns)
    if isinstance(given, ColumnTable):
        return _rows_of_columns(given.to_pydict(), columns, name)
    if isinstance(given, Mapping):
        return _rows_of_columns(given, columns, name)
    return given


def column_names_of(given: TableInput) -> tuple[str, ...] | None:
    """Give the names that rows bring along; None for plain rows."""
    if isinstance(given, Path):
        return read_table(given, None)[0].names
    if isinstance(given, ColumnTable):
        return tuple(given.column_names)
    return tuple(given) if isinstance(given, Mapping) else None


def _rows_of_file(path: Path, columns: Sequence[str] | None) -> Iterable[Sequence[Cell]]:
    # Why not the guess of each column's type: one cell of text would turn numbers into text.
    names = read_table(path, None)[0].names if columns is None else columns
    known = TableSchema(tuple(Column(name, "any", nullable=True) for name in names))
    return read_table(path, known)[1]


def _rows_of_columns(
    given: Columns, columns: Sequence[str] | None, name: str
) -> Iterable[Sequence[Cell]]:
    names = tuple(given) if columns is None else tuple(columns)
    if set(names) != set(given):
        raise InvalidRow(
            f"table {name!r} has the columns {', '.join(names)}, given are {', '.join(given)}"
        )
    values = [_values(given[column]) for column in names]
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
