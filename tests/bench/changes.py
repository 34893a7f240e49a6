"""Small transactions on workload W4, by kind, the same ones in every run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from .workloads import NETWORKS, SECURITY_GROUPS, TENANTS, USER_GROUPS, USERS, Row, Tables

SEED = 7
KINDS = ("add a server", "remove a server", "change a status", "add a member", "remove a member")
FAN_OUT = ("add a member", "remove a member")
"""Kinds after which whole groups of tenants may come to share a group, or stop to."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Rows by table."""

    kind: str
    added: Tables
    removed: Tables

    @property
    def has_fan_out(self) -> bool:
        return self.kind in FAN_OUT


class Cloud:
    """The base tables of W4 as sets, to draw transactions from and to recompute with."""

    def __init__(self, tables: Tables) -> None:
        self.tables: dict[str, dict[Row, None]] = {
            name: dict.fromkeys(rows) for name, rows in tables.items()
        }
        self._servers = list(tables["servers"])
        self._networks = list(tables["networks"])
        self._members = list(tables["group_members"])
        self._own: list[Tables] = []
        self._rng = Random(SEED)
        self._count = 0

    def transactions(self, count: int) -> Iterator[Transaction]:
        """Draw transactions; each is carried out on the sets when it is given."""
        for _ in range(count):
            self._count += 1
            kind = self._rng.choice(KINDS)
            if kind == "remove a server" and not self._own:
                kind = "add a server"
            transaction = self._draw(kind)
            for table, rows in transaction.removed.items():
                for row in rows:
                    del self.tables[table][row]
            for table, rows in transaction.added.items():
                self.tables[table].update(dict.fromkeys(rows))
            yield transaction

    def _draw(self, kind: str) -> Transaction:
        if kind == "add a server":
            rows = self._new_server()
            self._own.append(rows)
            return Transaction(kind, rows, {})
        if kind == "remove a server":
            return Transaction(kind, {}, self._own.pop(self._rng.randrange(len(self._own))))
        if kind == "change a status":
            return self._new_status()
        if kind == "add a member":
            return Transaction(kind, {"group_members": [self._new_member()]}, {})
        place = self._rng.randrange(len(self._members))
        self._members[place], last = self._members[-1], self._members[place]
        self._members.pop()
        return Transaction(kind, {}, {"group_members": [last]})

    def _new_server(self) -> Tables:
        rng, number = self._rng, self._count
        tenant = f"ten-{rng.randrange(TENANTS):05d}"
        status = rng.choice(["ACTIVE", "ERROR"])
        name, host = f"prod-new{number}", f"host-{rng.randrange(2_000):04d}"
        server = f"new-{number:06d}"
        ports: list[Row] = []
        for place in "ab":
            network = self._networks[rng.randrange(NETWORKS)]
            ip = f"{str(network[4]).rsplit('.', 1)[0]}.{rng.randrange(1, 255)}"
            group = f"sg-{rng.randrange(SECURITY_GROUPS):05d}"
            ports.append((f"new-port-{number:06d}{place}", server, network[0], ip, group))
        size = rng.choice([10, 500])
        return {
            "servers": [
                (server, name, tenant, "db.large", host, status, "debian-12", 1_650_000_000)
            ],
            "ports": ports,
            "volumes": [(f"new-vol-{number:06d}", server, size, 0)],
        }

    def _new_status(self) -> Transaction:
        place = self._rng.randrange(len(self._servers))
        before = self._servers[place]
        status = "SHUTOFF" if before[5] == "ACTIVE" else "ACTIVE"
        after = (*before[:5], status, *before[6:])
        self._servers[place] = after
        return Transaction("change a status", {"servers": [after]}, {"servers": [before]})

    def _new_member(self) -> Row:
        while True:
            user = f"usr-{self._rng.randrange(USERS):05d}"
            row = user, f"grp-{self._rng.randrange(USER_GROUPS):04d}"
            if row not in self.tables["group_members"]:
                self._members.append(row)
                return row
