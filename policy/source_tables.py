"""Changes of the rows of datasources, each one transaction over all tables that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from itertools import combinations

from congress_dist.errors import InvalidRequest, InvalidRow, NotFound
from congress_dist.row import Cell

from .evaluator import Agenda, BaseTable, Evaluator
from .kernel import BulkRows
from .language.counts import counted
from .planner.answers import Changes
from .planner.kernel_face import RowsRefused
from .planner.normal_form import TableKey
from .planner.symbols import ALLOWED
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

    def transact(
        self,
        source: str,
        *,
        loaded: GivenRows,
        added: GivenRows,
        removed: GivenRows,
        missing: Mapping[str, str],
    ) -> Changes:
        """Replace, add and remove rows, and make tables unknown; bring derived tables up to date.

        Shapes: a row both added and removed is present afterwards; adding what is there and
            removing what is not change nothing. `loaded` tables are known from then on; `missing`
            ones lose their rows.
        Raises: NotFound: the datasource has no such table. InvalidRow: a row of another width, a
            cell that no table may hold, what is no row. InvalidRequest: no reason is given, or a
            table is to be two of loaded, changed and missing.
        """
        _refuse_overlap(loaded.keys(), added.keys() | removed.keys(), missing.keys())
        agenda = Agenda()
        for table, rows in loaded.items():
            agenda.loaded[source, table] = self._table(source, table).width, _listed(rows)
        for table, reason in missing.items():
            missing_reason(f"{source}:{table}", reason)
            agenda.loaded[source, table] = self._table(source, table).width, ()
        for given, rows_by_table in ((agenda.added, added), (agenda.removed, removed)):
            for table, rows in rows_by_table.items():
                self._table(source, table)
                given[source, table] = _listed(rows)
        for table in loaded:
            self._mark((source, table), None, agenda)
        for table, reason in missing.items():
            self._mark((source, table), reason, agenda)
        try:
            return self._evaluator.refresh(agenda)
        except RowsRefused as refused:
            raise self._refused_row(refused) from refused.__cause__

    def change(self, source: str, added: GivenRows, removed: GivenRows) -> Changes:
        """Add and remove rows as `transact` does."""
        try:
            return self._evaluator.change(self._keyed(source, added), self._keyed(source, removed))
        except RowsRefused as refused:
            raise self._refused_row(refused) from refused.__cause__

    def _keyed(
        self, source: str, rows_by_table: GivenRows
    ) -> dict[TableKey, Sequence[Sequence[Cell]]]:
        keyed: dict[TableKey, Sequence[Sequence[Cell]]] = {}
        for table, rows in rows_by_table.items():
            key = source, table
            if key not in self._evaluator.base:
                self._table(source, table)
            keyed[key] = _listed(rows)
        return keyed

    def _table(self, source: str, table: str) -> BaseTable:
        found = self._evaluator.base.get((source, table))
        if found is None:
            raise NotFound(
                f"datasource {source!r} has no table {table!r}", datasource=source, table=table
            )
        return found

    def _mark(self, key: TableKey, reason: str | None, agenda: Agenda) -> None:
        if self._evaluator.base[key].reason != reason:
            self._evaluator.mark_base(key, reason)
            agenda.missing.add(key)

    def _refused_row(self, refused: RowsRefused) -> InvalidRow:
        """Tell which row of which table no table may hold, and why."""
        (source, table), row = refused.table, refused.row
        if refused.column < refused.width:
            reason = f"a cell holds {refused.reason}; {ALLOWED}"
            return self._refused_cell(reason, source, table, refused.number, refused.column)
        if not is_row(row):
            return _no_row(row, source, table, refused.number)
        what = f"has {counted(len(row), 'cell')}, expected {refused.width}"
        return _refused(what, source, table, refused.number)

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


def _listed(rows: Iterable[Sequence[Cell]]) -> Sequence[Sequence[Cell]]:
    """Give rows that can be gone through more than once."""
    return rows if isinstance(rows, list | tuple | BulkRows) else list(rows)


def _no_row(given: object, source: str, table: str, number: int) -> InvalidRow:
    return _refused(f"is {type(given).__name__} ({given!r:.60}); {ROW}", source, table, number)


def _refused(what: str, source: str, table: str, number: int, column: int = -1) -> InvalidRow:
    return InvalidRow(
        f"row {number} given for table '{source}:{table}' {what}",
        table=f"{source}:{table}",
        row=number,
        column=column,
    )
