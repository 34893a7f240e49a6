"""A node for the tests of the policy service: what a source says is said by the test."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from congress_dist.protocol.source_status import SourceStatus, TableStatus
from congress_dist.protocol.stream import (
    READY,
    UNREAD,
    Epoch,
    Position,
    Seq,
    TableChange,
    TableState,
    Transaction,
)
from congress_dist.row import Cell, Row, encode_row
from congress_dist.schema import TableSchema

Cells = Sequence[Cell]


@dataclass
class FakeSubscription:
    source: str
    listener: Callable[[Transaction], None]
    tables: set[str] = field(default_factory=set)
    live: bool = False
    position: Position | None = None
    states: dict[str, TableState] = field(default_factory=dict)
    ages: dict[str, float] = field(default_factory=dict)
    stale: set[str] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)
    heard: dict[str, TableStatus] = field(default_factory=dict)
    stopped: bool = False

    def status(self) -> SourceStatus:
        tables = {
            table: TableStatus(
                state=self.states.get(table, UNREAD),
                source_age=self.ages.get(table),
                stale=table in self.stale,
                rows=self.rows.get(table, 0),
                position=self.position,
            )
            for table in self.tables
        }
        link_age = 0.5 if self.live else None
        return SourceStatus(self.position, self.live, link_age, tables, heard=self.heard)

    def stop(self) -> None:
        self.stopped = True


class FakeNode:
    def __init__(self) -> None:
        self.subscriptions: dict[str, FakeSubscription] = {}
        self.epochs: dict[str, int] = {}
        self.besides: list[str | None] = []

    def heard_epoch(self, name: str, *, besides: str | None = None) -> int:
        self.besides.append(besides)
        return self.epochs.get(name, 0)

    def subscribe(
        self, source: str, tables: Iterable[str], listener: Callable[[Transaction], None]
    ) -> FakeSubscription:
        found = self.subscriptions.setdefault(source, FakeSubscription(source, listener))
        found.tables |= set(tables)
        return found

    def say(
        self,
        source: str,
        seq: int,
        added: Mapping[str, Iterable[Cells]] | None = None,
        removed: Mapping[str, Iterable[Cells]] | None = None,
        states: Mapping[str, TableState] | None = None,
        *,
        epoch: int = 1,
        schemas: Mapping[str, TableSchema] | None = None,
    ) -> None:
        """Let a source publish one transaction; without states all its tables are ready."""
        subscription = self.subscriptions[source]
        added, removed = added or {}, removed or {}
        tables = {
            table: TableChange(
                removed=_rows(removed.get(table, ())),
                added=_rows(added.get(table, ())),
                schema_version=schemas[table].version if schemas and table in schemas else "",
            )
            for table in {*added, *removed}
        }
        said = dict.fromkeys(added, READY) if states is None else dict(states)
        subscription.live = True
        subscription.position = Position(Epoch(epoch), Seq(seq))
        subscription.states |= said
        for table in subscription.tables:
            subscription.ages.setdefault(table, 1.0)
        subscription.listener(Transaction(source, subscription.position, tables, said))


def _rows(rows: Iterable[Cells]) -> frozenset[Row]:
    return frozenset(encode_row(tuple(row)) for row in rows)
