"""Small transactions on workload W4, by kind, the same ones in every run."""

from __future__ import annotations

from collections.abc import Iterator

from congress_dist.datasources.drivers.cloud_model import (
    KINDS,
    CloudChanges,
    Row,
    Tables,
    Transaction,
)

from .workloads import W4_SIZE

__all__ = ["FAN_OUT", "KINDS", "Cloud", "Transaction"]

FAN_OUT = ("add a member", "remove a member")
"""Kinds after which whole groups of tenants may come to share a group, or stop to."""


class Cloud:
    """The base tables of W4 as sets, to draw transactions from and to recompute with."""

    def __init__(self, tables: Tables) -> None:
        self.tables: dict[str, dict[Row, None]] = {
            name: dict.fromkeys(rows) for name, rows in tables.items()
        }
        self._changes = CloudChanges(W4_SIZE, tables)

    def transactions(self, count: int) -> Iterator[Transaction]:
        """Draw transactions; each is carried out on the sets when it is given."""
        for transaction in self._changes.take(count):
            for table, rows in transaction.removed.items():
                for row in rows:
                    del self.tables[table][row]
            for table, rows in transaction.added.items():
                self.tables[table].update(dict.fromkeys(rows))
            yield transaction
