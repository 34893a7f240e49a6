"""What is known of each table of a datasource after each read: pure, in the words of streams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from congress_dist.protocol.published_table import TableRead, TableResult, TableUpdate
from congress_dist.protocol.stream import (
    UNREAD,
    StateKind,
    TableState,
    failing,
    unavailable,
)

from .encoding import Encoded, EncodedChanges, Gone, Refused, TableOutcome


@dataclass(frozen=True, slots=True)
class StateChange:
    """A table's state became another; worth a line in the log."""

    table: str
    before: TableState
    after: TableState


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read means: the results to publish, and which states changed by it.

    Units: `age` is how many seconds ago it began.
    """

    results: dict[str, TableRead]
    changes: list[StateChange]
    age: float = 0.0


class Readings:
    """Turns outcomes of reads into table results.

    A table fails with the rows of its last good read. Before its first read there are none here,
    but subscribers may hold some from an earlier turn: it fails all the same, and they keep them.
    Once the source has said that it has none, it is unavailable.
    """

    def __init__(self, tables: Iterable[str]) -> None:
        self._states = dict.fromkeys(tables, UNREAD)
        # What the source itself said last: what an unchanged source says again.
        self._said: dict[str, TableState] = {}
        # Invariant: exactly the tables that the source did without in its last good read.
        self._gone: set[str] = set()
        # Invariant: exactly the tables whose rows were given and not refused or gone since.
        self._given: set[str] = set()

    def on_read(self, outcomes: Mapping[str, TableOutcome]) -> Reading:
        """Take in what a read gave for each of its tables."""
        results = {table: self._result(table, outcome) for table, outcome in outcomes.items()}
        return self._reading(results)

    def on_failure(self, tables: Iterable[str], reason: str) -> Reading:
        """Take in that these tables could not be read."""
        results: dict[str, TableRead] = {
            table: TableResult(None, self._failed(table, reason)) for table in tables
        }
        return self._reading(results)

    def states(self) -> dict[str, TableState]:
        """Give the present state of each table."""
        return dict(self._states)

    def _result(self, table: str, outcome: TableOutcome) -> TableRead:
        if isinstance(outcome, EncodedChanges) and table not in self._given:
            outcome = Refused("the driver gave changes of a table whose rows are not known")
        if isinstance(outcome, Encoded | EncodedChanges):
            self._gone.discard(table)
            self._given.add(table)
            state = self._said[table] = TableState(StateKind.READY, note=outcome.note)
            if isinstance(outcome, Encoded):
                return TableResult(outcome.rows, state)
            return TableUpdate(outcome.removed, outcome.added, state)
        if isinstance(outcome, Gone):
            self._gone.add(table)
            self._given.discard(table)
            self._said[table] = unavailable(outcome.reason)
        elif isinstance(outcome, Refused):
            self._given.discard(table)
            self._said[table] = self._failed(table, outcome.reason)
        elif table not in self._said:
            reason = "the driver said unchanged before it gave any rows"
            return TableResult(None, self._failed(table, reason))
        return TableResult(None, self._said[table])

    def _failed(self, table: str, reason: str) -> TableState:
        return unavailable(reason) if table in self._gone else failing(reason)

    def _reading(self, results: dict[str, TableRead]) -> Reading:
        changes = [
            StateChange(table, self._states[table], result.state)
            for table, result in results.items()
            if self._states[table] != result.state
        ]
        self._states.update((table, result.state) for table, result in results.items())
        return Reading(results, changes)
