"""A cloud that never was, to load a system with: any size, changing at any rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from congress_dist.clock import Clock, SystemClock, utc_now

from ..driver import (
    UNCHANGED,
    Changes,
    Column,
    Driver,
    Option,
    Poll,
    Table,
    TableRead,
    TableSchema,
    schema,
)
from .cloud_model import (
    FEWEST_SERVERS,
    MOST_SERVERS,
    CloudChanges,
    Row,
    Size,
    Transaction,
    make_tables,
)

_INTERVAL = 0.1
_LONGEST_STEP = 5.0
"""Seconds: of a longer pause the changes are not made up for."""


class SimulatedCloud(Driver):
    """The same tables and the same changes, in the same order, for the same size."""

    name = "simulated_cloud"
    description = "A made-up cloud of any size that changes at a set rate, for load tests"
    options = (
        Option("servers", "servers; all other sizes follow", int, default=1000),
        Option("changes_per_second", "transactions of the cloud in a second", float, default=10.0),
        Option(
            "most_changes", "transactions after which it stands still, 0 for never", int, default=0
        ),
    )
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "servers": schema(
            Column("id", description="server"),
            Column("name", description="begins with its stage: prod, stage, dev or test"),
            Column("tenant", description="who owns it"),
            Column("flavor", description="how large it is"),
            Column("host", description="machine that it runs on"),
            Column("status", description="ACTIVE, SHUTOFF or ERROR"),
            Column("image", description="what it was started from"),
            Column("created", "int", description="seconds since 1970"),
            description="every server",
        ),
        "ports": schema(
            Column("id", description="port"),
            Column("server", description="server that has it"),
            Column("net", description="network that it is in"),
            Column("ip", description="address; one in 200 is not of its network"),
            Column("sg", description="security group"),
            description="two ports for each server, unevenly spread",
        ),
        "networks": schema(
            Column("id", description="network"),
            Column("name", description="its name"),
            Column("tenant", description="who owns it"),
            Column("shared", "int", description="1 if every tenant may use it, else 0"),
            Column("cidr", description="its addresses"),
            description="one network for each 20 servers",
        ),
        "sg_rules": schema(
            Column("sg", description="security group"),
            Column("dir", description="ingress or egress"),
            Column("proto", description="tcp, udp or icmp"),
            Column("pmin", "int", description="first port number"),
            Column("pmax", "int", description="last port number"),
            Column("cidr", description="addresses from or to which it lets through"),
            description="the rules of the security groups, five each",
        ),
        "users": schema(
            Column("id", description="user"),
            Column("name", description="login name"),
            Column("email", description="mail address; one in 20 is not of the company"),
            Column("tenant", description="whom the user belongs to"),
            description="one user for each five servers",
        ),
        "group_members": schema(
            Column("user", description="user"),
            Column("grp", description="group of users; one is called admins"),
            description="who is in which group",
        ),
        "volumes": schema(
            Column("id", description="volume"),
            Column("server", description="server that it is attached to"),
            Column("size", "int", description="GB"),
            Column("encrypted", "int", description="1 or 0"),
            description="six volumes for each five servers",
        ),
        "progress": schema(
            Column("changes", "int", description="transactions so far"),
            Column("at", "float", description="when the last of them was made, since 1970 in s"),
            description="one row: how far the cloud has come",
        ),
    }
    polls = (Poll("cloud", tuple(tables), interval=_INTERVAL, timeout=120.0),)

    def __init__(self, config: Mapping[str, Any], *, clock: Clock | None = None) -> None:
        super().__init__(config)
        self._clock = clock or SystemClock()
        self._size = Size(config.get("servers", 1000))
        self._rate: float = config.get("changes_per_second", 10.0)
        self._most: int = config.get("most_changes", 0)
        if not FEWEST_SERVERS <= self._size.servers <= MOST_SERVERS:
            raise ValueError(f"servers must be from {FEWEST_SERVERS} to {MOST_SERVERS}")
        if not 0 <= self._rate < math.inf or self._most < 0:
            raise ValueError("changes_per_second and most_changes must be finite and not below 0")
        self._changes: CloudChanges | None = None
        self._progress: Row | tuple[int, float] = ()
        self._read_at = 0.0
        self._due = 0.0

    def read(self, poll: str) -> Mapping[str, TableRead]:  # noqa: ARG002 - there is one
        """Give the whole cloud first, and then what happened in it since the last read."""
        now = self._clock.monotonic()
        if self._changes is None:
            tables = make_tables(self._size)
            self._changes, self._read_at = CloudChanges(self._size, tables), now
            self._progress = (0, utc_now().timestamp())
            rows = {name: Table(table) for name, table in tables.items()}
            return {**rows, "progress": Table([self._progress])}
        self._due += self._rate * min(now - self._read_at, _LONGEST_STEP)
        self._read_at = now
        count = int(self._due)
        self._due -= count
        if self._most:
            count = min(count, self._most - self._changes.count)
        if count == 0:
            return dict.fromkeys(self.tables, UNCHANGED)
        return self._take(self._changes, count)

    def start_over(self, poll: str) -> None:  # noqa: ARG002 - there is one
        """Begin with another cloud."""
        self._changes = None

    def _take(self, changes: CloudChanges, count: int) -> Mapping[str, TableRead]:
        net = _net(changes.take(count))
        before, self._progress = self._progress, (changes.count, utc_now().timestamp())
        reads: dict[str, TableRead] = dict.fromkeys(self.tables, UNCHANGED)
        reads |= {name: Changes(added, removed) for name, (added, removed) in net.items()}
        return {**reads, "progress": Changes([self._progress], [before])}


def _net(transactions: Iterable[Transaction]) -> dict[str, tuple[set[Row], set[Row]]]:
    """Give by table which rows came and which went, all in all."""
    net: dict[str, tuple[set[Row], set[Row]]] = {}
    for transaction in transactions:
        for name, rows in transaction.removed.items():
            added, removed = net.setdefault(name, (set(), set()))
            removed |= set(rows) - added
            added -= set(rows)
        for name, rows in transaction.added.items():
            added, removed = net.setdefault(name, (set(), set()))
            added |= set(rows) - removed
            removed -= set(rows)
    return net
