"""What a driver's read gives, checked against the schema and encoded as streams hold it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from congress_dist.errors import InternalError, InvalidRow, SourceUnavailable
from congress_dist.row import Cell, Row, encode_row
from congress_dist.schema import Column, TableSchema

from .driver import UNCHANGED, Changes, Poll, Table, TableRead


@dataclass(frozen=True, slots=True)
class Encoded:
    """All rows of a table, and its note."""

    rows: frozenset[Row]
    note: str = ""


@dataclass(frozen=True, slots=True)
class EncodedChanges:
    """Rows that came and rows that went, and the table's note."""

    added: frozenset[Row]
    removed: frozenset[Row]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows came that the table may not hold; the reason names the row and the column."""

    reason: str


@dataclass(frozen=True, slots=True)
class Gone:
    """The source says that it has no rows for this table, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class Same:
    """Nothing new since the last read."""


TableOutcome = Encoded | EncodedChanges | Refused | Gone | Same

_PYTHON_TYPE = {"str": str, "int": int, "float": float, "bool": bool}
_ANY_TYPES = frozenset({str, int, float, bool})
_SHOWN_CELL = 80


def encode_read(
    poll: Poll, schemas: Mapping[str, TableSchema], reads: Mapping[str, TableRead]
) -> dict[str, TableOutcome]:
    """Give the outcome of one read for each table of its poll.

    Promises: a bad row concerns its own table only; no row is dropped, duplicates are one row.
    Raises: InternalError: the driver gave other tables than the poll's.
    """
    if set(reads) != set(poll.tables):
        raise InternalError(
            f"the driver's poll {poll.name!r} gave tables {sorted(reads)}, "
            f"expected {sorted(poll.tables)}"
        )
    return {table: _outcome(table, schemas[table], read) for table, read in reads.items()}


def encode_rows(
    table: str, schema: TableSchema, rows: Iterable[tuple[Cell, ...]]
) -> frozenset[Row]:
    """Give the rows as streams hold them.

    Raises: InvalidRow: a row of another width, a cell of another type than its column's, a value
        that no table may hold; names the row by its number and the column by its name.
    """
    fits = _Fit(table, schema)
    return frozenset(fits.encode(number, row) for number, row in enumerate(rows, 1))


def _outcome(table: str, schema: TableSchema, read: TableRead) -> TableOutcome:
    try:
        if isinstance(read, Table):
            return Encoded(encode_rows(table, schema, read.rows), read.note)
        if isinstance(read, Changes):
            added = encode_rows(table, schema, read.added)
            return EncodedChanges(added, encode_rows(table, schema, read.removed), read.note)
    except InvalidRow as error:
        return Refused(error.message)
    if isinstance(read, SourceUnavailable):
        return Gone(read.message)
    if read is UNCHANGED:
        return Same()
    return Refused(f"the driver gave a {type(read).__name__} for table {table!r}")


class _Fit:
    """Checks rows of one table; the types of a whole row are looked up at once."""

    def __init__(self, table: str, schema: TableSchema) -> None:
        self._table = table
        self._columns = schema.columns
        # Rows of a table have few combinations of cell types: each is checked once.
        self._good: set[tuple[type, ...]] = set()

    def encode(self, number: int, row: tuple[Cell, ...]) -> Row:
        kinds = tuple(map(type, row))
        if kinds not in self._good:
            self._check(number, row)
            self._good.add(kinds)
        try:
            return encode_row(row, table=self._table)
        except InvalidRow as error:
            index = error.fields["column"]
            raise self._refused(number, row, index, "cannot be held by a table") from error

    def _check(self, number: int, row: tuple[Cell, ...]) -> None:
        if len(row) != len(self._columns):
            raise InvalidRow(
                f"table {self._table!r}, row {number}: {len(row)} cells, "
                f"the schema has {len(self._columns)} columns",
                table=self._table,
                row=number,
            )
        for index, (cell, column) in enumerate(zip(row, self._columns, strict=True)):
            if not _is_of(column, cell):
                expected = "" if column.type == "any" else f"{column.type}"
                null = " or null" if column.nullable else ", never null"
                raise self._refused(number, row, index, f"is not {expected or 'a value'}{null}")

    def _refused(self, number: int, row: tuple[Cell, ...], index: int, what: str) -> InvalidRow:
        shown = repr(row[index])
        if len(shown) > _SHOWN_CELL:
            shown = shown[:_SHOWN_CELL] + "…"
        column = self._columns[index].name
        return InvalidRow(
            f"table {self._table!r}, row {number}, column {column!r}: {shown} {what}",
            table=self._table,
            row=number,
            column=column,
        )


def _is_of(column: Column, cell: object) -> bool:
    if cell is None:
        return column.nullable
    if column.type == "any":
        return type(cell) in _ANY_TYPES
    return type(cell) is _PYTHON_TYPE[column.type]
