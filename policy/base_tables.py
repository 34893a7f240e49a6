"""Datasource tables in the engine: what came in, what is still missing and why.

Not thread safe: the replica calls it under its lock. It keeps three things apart: what the
publisher says of a table (its state), whether its rows are in the engine, and whether they have
the shape that the program's revision knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from congress_dist.row import Cell, Row, decode_row, encode_row
from congress_dist.schema import TableSchema
from congress_dist.source_status import SourceStatus
from congress_dist.stream import (
    UNREAD,
    Position,
    StateKind,
    TableChange,
    TableState,
    Transaction,
)

from .engine import Engine
from .planner.normal_form import TableKey

WAITING = "waiting for first data"
NO_PUBLISHER = "no publisher"
OTHER_SCHEMA = "schema: its rows do not have the registered columns"

_NOTHING = TableChange()


@dataclass(slots=True)
class _Held:
    """One wanted table.

    Invariant: `loaded` and `aside` exclude each other; the engine holds the rows exactly when
    `loaded`, and otherwise knows the table as missing for `reason`.
    """

    state: TableState = UNREAD
    loaded: bool = False
    version: str = ""
    """The schema version of the rows; empty before the first."""
    aside: set[Row] | None = None
    """Rows of another schema than the program's, kept until one catches up with the other."""
    reason: str = ""


class BaseTables:
    """The wanted tables of all datasources."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._held: dict[TableKey, _Held] = {}
        self._schemas: dict[str, Mapping[str, TableSchema]] = {}
        self._positions: dict[str, Position] = {}

    def position(self, source: str) -> Position | None:
        """Give the position up to which the engine has a source."""
        return self._positions.get(source)

    def wanted(self) -> list[TableKey]:
        """Give the tables that are wanted."""
        return list(self._held)

    def is_loaded(self, table: TableKey) -> bool:
        """Tell whether the engine holds the rows of a table."""
        held = self._held.get(table)
        return held is not None and held.loaded

    def is_settled(self, table: TableKey) -> bool:
        """Tell whether the rows of a wanted table are there, or why not is known."""
        held = self._held.get(table)
        return held is not None and held.reason != WAITING

    def fits(self, transaction: Transaction) -> bool:
        """Tell whether the schemas of a transaction's rows are the program's."""
        schemas = self._schemas.get(transaction.source, {})
        return all(
            name in schemas and change.schema_version in ("", schemas[name].version)
            for name, change in transaction.tables.items()
        )

    def want(self, tables: Iterable[TableKey]) -> None:
        """Begin to hold tables; until their rows come they are missing."""
        for source, table in tables:
            if (source, table) not in self._held:
                self._held[source, table] = _Held()
                self._miss(source, {table: WAITING})

    def set_schemas(self, source: str, schemas: Mapping[str, TableSchema]) -> None:
        """Give a datasource these tables; rows of another shape are set aside."""
        before = self._schemas.get(source, {})
        self._schemas[source] = schemas
        for table, held in self._of(source):
            if held.loaded and before.get(table) != schemas.get(table):
                self._set_aside_if_other(source, table, held)
        self._engine.set_schema(source, schemas)
        for table, held in self._of(source):
            if held.aside is not None and self._fits(source, table, held):
                self._engine.load(source, {table: _cells_of(held.aside)})
                self._loaded(source, table)
            elif not held.loaded and table in schemas:
                self._engine.mark_missing(source, [table], held.reason)

    def forget(self, source: str) -> None:
        """Take a datasource away, with its tables and rows."""
        for table, _ in self._of(source):
            del self._held[source, table]
        self._positions.pop(source, None)
        if self._schemas.pop(source, None) is not None:
            self._engine.remove_source(source)

    def apply(self, transaction: Transaction) -> None:
        """Bring the engine from the source's position before to the one after."""
        source = transaction.source
        loads: dict[str, set[Row]] = {}
        deltas: dict[str, TableChange] = {}
        misses: dict[str, str] = {}
        for table in sorted({*transaction.tables, *transaction.states}):
            held = self._held.setdefault((source, table), _Held())
            change = transaction.tables.get(table, _NOTHING)
            held.state = transaction.states.get(table) or change.state or held.state
            held.version = change.schema_version or held.version
            if held.state.kind is StateKind.UNAVAILABLE:
                held.loaded, held.aside = False, None
                misses[table] = reason_of(held.state)
            elif not self._fits(source, table, held):
                self._set_aside_if_other(source, table, held)
                held.aside = ((held.aside or set()) - change.removed) | change.added
                misses[table] = OTHER_SCHEMA
            elif held.loaded:
                deltas[table] = change
            elif held.state.kind is not StateKind.UNREAD or held.aside is not None:
                loads[table] = ((held.aside or set()) - change.removed) | change.added
        self._engine.transact(
            source,
            loaded={table: _cells_of(rows) for table, rows in loads.items()},
            added={table: _cells_of(change.added) for table, change in deltas.items()},
            removed={table: _cells_of(change.removed) for table, change in deltas.items()},
            missing={t: r for t, r in misses.items() if self._is_known(source, t)},
        )
        for table in loads:
            self._loaded(source, table)
        for table, reason in misses.items():
            self._held[source, table].reason = reason
        self._positions[source] = transaction.position

    def explain(self, source: str, status: SourceStatus) -> None:
        """Bring the reasons of tables that are not there up to date with what the node knows."""
        for table, held in self._of(source):
            known = status.tables.get(table)
            if known is not None and not held.loaded and held.aside is None:
                self._miss(source, {table: reason_of(known.state)})

    def _of(self, source: str) -> list[tuple[str, _Held]]:
        return [(table, held) for (owner, table), held in self._held.items() if owner == source]

    def _fits(self, source: str, table: str, held: _Held) -> bool:
        schema = self._schemas.get(source, {}).get(table)
        return schema is not None and held.version in ("", schema.version)

    def _set_aside_if_other(self, source: str, table: str, held: _Held) -> None:
        if held.loaded and not self._fits(source, table, held):
            rows = self._engine.rows(source, table)
            held.loaded, held.aside, held.reason = False, set(map(encode_row, rows)), OTHER_SCHEMA

    def _miss(self, source: str, reasons: Mapping[str, str]) -> None:
        for table, reason in reasons.items():
            held = self._held[source, table]
            if held.reason != reason and self._is_known(source, table):
                self._engine.mark_missing(source, [table], reason)
            held.reason = reason

    def _is_known(self, source: str, table: str) -> bool:
        return table in self._schemas.get(source, {})

    def _loaded(self, source: str, table: str) -> None:
        held = self._held[source, table]
        held.loaded, held.aside, held.reason = True, None, ""


def _cells_of(rows: Iterable[Row]) -> list[tuple[Cell, ...]]:
    return [decode_row(row) for row in rows]


def reason_of(state: TableState) -> str:
    """Say why a table in this state has no rows."""
    if state.kind is not StateKind.UNAVAILABLE:
        return WAITING
    return state.reason if state.reason == NO_PUBLISHER else f"unavailable: {state.reason}"
