"""Datasource tables in the engine: what came in, what is still missing and why.

Not thread safe: the replica calls it under its lock. It keeps three things apart: what the
publisher says of a table (its state), whether its rows are in the engine, and whether they have
the shape that the program's revision knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from congress_dist.protocol.source_status import SourceStatus
from congress_dist.protocol.stream import (
    UNREAD,
    Position,
    StateKind,
    TableChange,
    TableState,
    Transaction,
)
from congress_dist.row import Cell, Row, decode_row, encode_row
from congress_dist.schema import TableSchema

from .engine import Engine
from .planner.normal_form import TableKey

WAITING = "waiting for first data"
NO_PUBLISHER = "no publisher"
OTHER_SCHEMA = "schema: its rows do not have the registered columns"

_NOTHING = TableChange()


@dataclass(frozen=True, slots=True)
class _Held:
    """One wanted table.

    Invariant: the engine holds the rows exactly when `reason` is empty, and otherwise knows the
    table as missing for that reason; `aside` is None when `reason` is empty.
    """

    state: TableState = UNREAD
    version: str = ""
    """The schema version of the rows; empty before the first."""
    reason: str = WAITING
    aside: frozenset[Row] | None = None
    """Rows of another schema than the program's, kept until one catches up with the other."""

    @property
    def is_loaded(self) -> bool:
        """Tell whether the engine holds the rows."""
        return not self.reason


@dataclass(slots=True)
class _Plan:
    """What a transaction does, worked out before anything is changed."""

    held: dict[TableKey, _Held] = field(default_factory=dict)
    loaded: dict[str, Iterable[Row]] = field(default_factory=dict)
    changed: dict[str, TableChange] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


class BaseTables:
    """The wanted tables of all datasources.

    Promises: a method that raises has changed nothing.
    """

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

    def is_settled(self, table: TableKey) -> bool:
        """Tell whether the rows of a wanted table are there, or why not is known."""
        held = self._held.get(table)
        return held is not None and held.reason != WAITING

    def fits(self, transaction: Transaction) -> bool:
        """Tell whether the rows of a transaction have the shapes that the program knows."""
        return all(
            self._fits(transaction.source, table, change.schema_version)
            for table, change in transaction.tables.items()
        )

    def want(self, tables: Iterable[TableKey]) -> None:
        """Begin to hold tables; until their rows come they are missing."""
        for source, table in tables:
            if (source, table) not in self._held:
                self._held[source, table] = _Held()
                self._tell_missing(source, table)

    def set_schemas(self, source: str, schemas: Mapping[str, TableSchema]) -> None:
        """Give a datasource these tables; rows of another shape are set aside."""
        before = self._schemas.get(source, {})
        aside = {
            table: self._engine.rows(source, table)
            for table, held in self._of(source)
            if held.is_loaded and before.get(table) != schemas.get(table)
        }
        self._engine.set_schema(source, schemas)
        self._schemas[source] = schemas
        for table, rows in aside.items():
            encoded = frozenset(map(encode_row, rows))
            self._update(source, table, reason=OTHER_SCHEMA, aside=encoded)
        for table, held in self._of(source):
            if held.aside is not None and self._fits(source, table, held.version):
                self._engine.load(source, {table: _cells_of(held.aside)})
                self._update(source, table, reason="", aside=None)
            elif not held.is_loaded:
                self._tell_missing(source, table)

    def forget(self, source: str) -> None:
        """Take a datasource away, with its tables and rows."""
        if source in self._schemas:
            self._engine.remove_source(source)
        for table, _ in self._of(source):
            del self._held[source, table]
        self._positions.pop(source, None)
        self._schemas.pop(source, None)

    def apply(self, transaction: Transaction) -> None:
        """Bring the engine from the source's position before to the one after."""
        plan = self._plan(transaction)
        self._engine.transact(
            transaction.source,
            loaded={table: _cells_of(rows) for table, rows in plan.loaded.items()},
            added={table: _cells_of(change.added) for table, change in plan.changed.items()},
            removed={table: _cells_of(change.removed) for table, change in plan.changed.items()},
            missing=plan.missing,
        )
        self._held.update(plan.held)
        self._positions[transaction.source] = transaction.position

    def explain(self, source: str, status: SourceStatus) -> None:
        """Bring the reasons of tables that are not there up to date with what the node knows."""
        for table, held in self._of(source):
            known = status.tables.get(table)
            if known is None or held.is_loaded or held.aside is not None:
                continue
            reason = reason_of(known.state)
            if reason != held.reason:
                self._update(source, table, reason=reason)
                self._tell_missing(source, table)

    def _plan(self, transaction: Transaction) -> _Plan:
        plan = _Plan()
        for table in sorted({*transaction.tables, *transaction.states}):
            held = self._held.get((transaction.source, table))
            if held is not None:
                change = transaction.tables.get(table, _NOTHING)
                state = transaction.states.get(table) or change.state or held.state
                self._plan_table((transaction.source, table), held, state, change, plan)
        return plan

    def _plan_table(
        self, key: TableKey, held: _Held, state: TableState, change: TableChange, plan: _Plan
    ) -> None:
        source, table = key
        version = change.schema_version or held.version
        aside: frozenset[Row] | None = None
        reason = ""
        if state.kind is StateKind.UNAVAILABLE:
            plan.missing[table] = reason = reason_of(state)
        elif not self._fits(source, table, version):
            aside = self._rows_after(key, held, change)
            reason = OTHER_SCHEMA
            if self._is_known(source, table):
                plan.missing[table] = reason
        elif held.is_loaded:
            plan.changed[table] = change
        elif state.kind is not StateKind.UNREAD or held.aside is not None:
            plan.loaded[table] = self._rows_after(key, held, change)
        else:
            reason = held.reason
        plan.held[key] = _Held(state, version, reason, aside)

    def _of(self, source: str) -> list[tuple[str, _Held]]:
        return [(table, held) for (owner, table), held in self._held.items() if owner == source]

    def _rows(self, key: TableKey, held: _Held) -> frozenset[Row]:
        if held.is_loaded:
            return frozenset(map(encode_row, self._engine.rows(*key)))
        return held.aside or frozenset()

    def _rows_after(self, key: TableKey, held: _Held, change: TableChange) -> frozenset[Row]:
        before = self._rows(key, held)
        # Why not the set operations alone: of no rows they would make a copy of all that come.
        return before - change.removed | change.added if before else change.added

    def _is_known(self, source: str, table: str) -> bool:
        return table in self._schemas.get(source, {})

    def _fits(self, source: str, table: str, version: str) -> bool:
        schema = self._schemas.get(source, {}).get(table)
        return schema is not None and version in ("", schema.version)

    def _update(
        self, source: str, table: str, *, reason: str, aside: frozenset[Row] | None = None
    ) -> None:
        held = self._held[source, table]
        self._held[source, table] = replace(held, reason=reason, aside=aside)

    def _tell_missing(self, source: str, table: str) -> None:
        # A table that the program does not know is missing by itself.
        if self._is_known(source, table):
            reason = self._held[source, table].reason
            self._engine.mark_missing(source, [table], reason)


def reason_of(state: TableState) -> str:
    """Say why a table in this state has no rows."""
    if state.kind is not StateKind.UNAVAILABLE:
        return f"failing: {state.reason}" if state.reason else WAITING
    return state.reason if state.reason == NO_PUBLISHER else f"unavailable: {state.reason}"


def is_coming(reason: str) -> bool:
    """Tell whether a table that is missing for this reason is on its way."""
    return reason in (WAITING, OTHER_SCHEMA)


def _cells_of(rows: Iterable[Row]) -> Iterator[tuple[Cell, ...]]:
    """Decode rows one by one: all of a large table at once leave the memory full of holes."""
    return map(decode_row, rows)
