"""Changes of the rows of datasources, each one transaction over all tables that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import combinations

from congress_dist.errors import InvalidRequest, InvalidRow, NotFound
from congress_dist.row import Cell, encode_row

from .evaluator import Agenda, BaseTable, Evaluator
from .planner.normal_form import TableKey
from .planner.relation import Change
from .planner.symbols import Symbols, Tuple
from .row_input import ROW, is_row, missing_reason

GivenRows = Mapping[str, Iterable[Sequence[Cell]]]
ColumnsOf = Callable[[str], Mapping[str, Sequence[str]]]
"""Gives a datasource's tables with the names of their columns."""


class SourceTables:
    """The rows of all datasources.

    Promises: a method that raises has changed nothing.
    """

    def __init__(self, evaluator: Evaluator, columns_of: ColumnsOf) -> None:
        self._evaluator = evaluator
        self._columns_of = columns_of
        self._symbols: Symbols = evaluator.symbols

    def transact(
        self,
        source: str,
        *,
        loaded: GivenRows,
        added: GivenRows,
        removed: GivenRows,
        missing: Mapping[str, str],
    ) -> dict[TableKey, Change]:
        """Replace, add and remove rows, and make tables unknown; bring derived tables up to date.

        Shapes: a row both added and removed is present afterwards; adding what is there and
            removing what is not change nothing. `loaded` tables are known from then on; `missing`
            ones lose their rows.
        Raises: NotFound: the datasource has no such table. InvalidRow: a row of another width, a
            cell that no table may hold, what is no row. InvalidRequest: no reason is given, or a
            table is to be two of loaded, changed and missing.
        """
        _refuse_overlap(loaded.keys(), added.keys() | removed.keys(), missing.keys())
        plan: dict[str, Change] = {}
        for table, rows in loaded.items():
            wanted, present = self._encode(source, table, rows), self._rows(source, table)
            plan[table] = Change(wanted - present if present else wanted, present - wanted)
        for table in {**added, **removed}:
            plan[table] = self._net(source, table, added.get(table, ()), removed.get(table, ()))
        for table, reason in missing.items():
            missing_reason(f"{source}:{table}", reason)
            plan[table] = Change(frozenset(), set(self._rows(source, table)))
        agenda = Agenda()
        for table, change in plan.items():
            self._apply((source, table), change, agenda)
        for table in loaded:
            self._mark((source, table), None, agenda)
        for table, reason in missing.items():
            self._mark((source, table), reason, agenda)
        return self._evaluator.refresh(agenda)

    def _table(self, source: str, table: str) -> BaseTable:
        found = self._evaluator.base.get((source, table))
        if found is None:
            raise NotFound(
                f"datasource {source!r} has no table {table!r}", datasource=source, table=table
            )
        return found

    def _rows(self, source: str, table: str) -> set[Tuple] | frozenset[Tuple]:
        return self._table(source, table).relation.rows  # type: ignore[return-value]

    def _net(
        self,
        source: str,
        table: str,
        added: Iterable[Sequence[Cell]],
        removed: Iterable[Sequence[Cell]],
    ) -> Change:
        present = self._rows(source, table)
        wanted = self._encode(source, table, added)
        unwanted = self._find(source, table, removed)
        return Change(wanted - present, (present & unwanted) - wanted)

    def _apply(self, key: TableKey, change: Change, agenda: Agenda) -> None:
        if change:
            self._evaluator.change_base(key, change)
            agenda.rows.add(key)

    def _mark(self, key: TableKey, reason: str | None, agenda: Agenda) -> None:
        if self._evaluator.base[key].reason != reason:
            self._evaluator.mark_base(key, reason)
            agenda.missing.add(key)

    def _find(self, source: str, table: str, rows: Iterable[Sequence[Cell]]) -> set[Tuple]:
        """Give the rows whose values are known; what could not be added is refused here too."""
        width, find = self._table(source, table).width, self._symbols.find_row
        found = set()
        for number, row in enumerate(rows):
            if type(row) is not tuple and not is_row(row):
                raise _no_row(row, source, table, number)
            if len(row) != width:
                raise _refused(f"has {len(row)} cells, expected {width}", source, table, number)
            encoded = find(row)
            if encoded is not None:
                found.add(encoded)
                continue
            try:
                encode_row(row)
            except InvalidRow as error:
                reason, column = f"a cell holds {error.fields['reason']}", error.fields["column"]
                raise self._refused_cell(reason, source, table, number, column) from error
        return found

    def _encode(self, source: str, table: str, rows: Iterable[Sequence[Cell]]) -> set[Tuple]:
        width, encode = self._table(source, table).width, self._symbols.encode
        encoded = set()
        for number, row in enumerate(rows):
            if type(row) is not tuple and not is_row(row):
                raise _no_row(row, source, table, number)
            if len(row) != width:
                raise _refused(f"has {len(row)} cells, expected {width}", source, table, number)
            try:
                encoded.add(encode(row))
            except InvalidRow as error:
                reason, column = error.message, error.fields["column"]
                raise self._refused_cell(reason, source, table, number, column) from error
        return encoded

    def _refused_cell(
        self, reason: str, source: str, table: str, number: int, column: int
    ) -> InvalidRow:
        name = self._columns_of(source)[table][column]
        what = f"is refused: column {column}, {name!r}: {reason}"
        return _refused(what, source, table, number, column)


def _refuse_overlap(loaded: Set[str], changed: Set[str], missing: Set[str]) -> None:
    tables_by_fate = {"loaded": loaded, "changed": changed, "missing": missing}
    for (one, some), (other, others) in combinations(tables_by_fate.items(), 2):
        for table in sorted(some & others):
            raise InvalidRequest(f"table {table!r} is both {one} and {other}", table=table)


def _no_row(given: object, source: str, table: str, number: int) -> InvalidRow:
    return _refused(f"is {type(given).__name__} ({given!r:.60}); {ROW}", source, table, number)


def _refused(what: str, source: str, table: str, number: int, column: int = -1) -> InvalidRow:
    return InvalidRow(
        f"row {number} given for table '{source}:{table}' {what}",
        table=f"{source}:{table}",
        row=number,
        column=column,
    )
