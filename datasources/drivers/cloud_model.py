"""A cloud that never was: its tables at any size, and what happens in it.

The same for the same size on every machine: each table is a fixed sequence of draws, so their
order may not change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from congress_dist.clock import Random, new_random

Row = tuple[str | int, ...]
Tables = Mapping[str, Sequence[Row]]

FEWEST_SERVERS = 100
MOST_SERVERS = 1_000_000
"""The networks of more have no addresses."""
KINDS = ("add a server", "remove a server", "change a status", "add a member", "remove a member")
"""What may happen in one transaction."""
_TABLES_SEED, _CHANGES_SEED = 44, 7
_FLAVORS = ("m1.small", "m1.medium", "m1.large", "c1.xlarge", "db.large")
_STATES = ("ACTIVE",) * 90 + ("SHUTOFF",) * 8 + ("ERROR",) * 2
_IMAGES = ("debian-12", "ubuntu-24.04", "centos-9", "rhel-9", "legacy-centos6-deprecated")
_STAGES = ("prod", "stage", "dev", "test")
_RANGES = ("10.0.0.0/8", "10.1.0.0/16", "192.168.0.0/16", "172.16.0.0/12", "10.2.3.0/24")


@dataclass(frozen=True, slots=True)
class Size:
    """How many there are of each kind; all follow from the servers."""

    servers: int

    @property
    def tenants(self) -> int:
        """Give the tenants, of whom one in twenty has no user."""
        return self.servers // 50

    @property
    def hosts(self) -> int:
        """Give the machines under the servers."""
        return self.servers // 50

    @property
    def networks(self) -> int:
        """Give the networks, three in ten of them shared."""
        return self.servers // 20

    @property
    def security_groups(self) -> int:
        """Give the security groups, of five rules each."""
        return self.servers // 50

    @property
    def users(self) -> int:
        """Give the users."""
        return self.servers // 5

    @property
    def user_groups(self) -> int:
        """Give the groups of users."""
        return self.servers * 3 // 100

    @property
    def memberships(self) -> int:
        """Give the draws of who is in which group; some come twice."""
        return self.servers * 295 // 1000

    @property
    def admins(self) -> int:
        """Give the draws of who is in the group of administrators."""
        return self.servers // 200

    @property
    def volumes(self) -> int:
        """Give the volumes."""
        return self.servers * 6 // 5


def make_tables(size: Size) -> dict[str, Sequence[Row]]:
    """Give the rows of all tables.

    Cost: some 40 us a server.
    """
    rng = new_random(_TABLES_SEED)
    servers = [_server(rng, size, number) for number in range(size.servers)]
    networks = [_network(rng, size, number) for number in range(size.networks)]
    ports = _ports(rng, size, servers, networks)
    groups = range(size.security_groups)
    security_rules = {_security_rule(rng, group) for group in groups for _ in range(5)}
    users = [_user(rng, size, number) for number in range(size.users)]
    members = {
        (_user_name(rng, size), f"grp-{rng.randrange(size.user_groups):04d}")
        for _ in range(size.memberships)
    }
    members |= {(_user_name(rng, size), "admins") for _ in range(size.admins)}
    volumes = [_volume(rng, size, number) for number in range(size.volumes)]
    return {
        "servers": servers,
        "ports": ports,
        "networks": networks,
        "sg_rules": sorted(security_rules),
        "users": users,
        "group_members": sorted(members),
        "volumes": volumes,
    }


def _tenant(rng: Random, tenants: int) -> str:
    return f"ten-{rng.randrange(tenants):05d}"


def _user_name(rng: Random, size: Size) -> str:
    return f"usr-{rng.randrange(size.users):05d}"


def _server(rng: Random, size: Size, number: int) -> Row:
    # Ordering: of the draws, left to right.
    return (
        f"srv-{number:06d}",
        f"{rng.choice(_STAGES)}-app{rng.randrange(5_000)}",
        _tenant(rng, size.tenants),
        rng.choice(_FLAVORS),
        f"host-{rng.randrange(size.hosts):04d}",
        rng.choice(_STATES),
        _IMAGES[min(4, int(rng.expovariate(1.2)))],
        rng.randrange(1_600_000_000, 1_760_000_000),
    )


def _network(rng: Random, size: Size, number: int) -> Row:
    tenant = _tenant(rng, size.tenants)
    shared = int(rng.random() < 0.30)
    cidr = f"10.{number // 250}.{number % 250}.0/24"
    return f"net-{number:05d}", f"n{number}", tenant, shared, cidr


def _ports(rng: Random, size: Size, servers: Sequence[Row], networks: Sequence[Row]) -> list[Row]:
    own_networks = defaultdict(list)
    for network in networks:
        own_networks[network[2]].append(network)
    shared = [network for network in networks if network[3]] or networks
    ports: list[Row] = []
    for number in range(2 * len(servers)):
        server = servers[rng.randrange(len(servers))]
        luck = rng.random()
        own = own_networks.get(server[2])
        if own and luck < 0.70:
            network = rng.choice(own)
        elif luck < 0.97:
            network = rng.choice(shared)
        else:
            network = networks[rng.randrange(len(networks))]
        if rng.random() < 0.995:
            ip = _address(rng, network)
        else:
            ip = f"192.168.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        ports.append((f"port-{number:06d}", server[0], network[0], ip, _group(rng, size)))
    return ports


def _address(rng: Random, network: Row) -> str:
    return f"{str(network[4]).rsplit('.', 1)[0]}.{rng.randrange(1, 255)}"


def _group(rng: Random, size: Size) -> str:
    return f"sg-{rng.randrange(size.security_groups):05d}"


def _security_rule(rng: Random, group: int) -> Row:
    low = rng.choice([22, 80, 443, 3306, 8000, 1])
    high = low if rng.random() < 0.8 else low + rng.randrange(1, 3000)
    direction = rng.choice(["ingress", "ingress", "egress"])
    protocol = rng.choice(["tcp", "tcp", "udp", "icmp"])
    is_narrow = rng.random() < 0.93
    cidr = rng.choice(_RANGES) if is_narrow else "0.0.0.0/0"
    return f"sg-{group:05d}", direction, protocol, low, high, cidr


def _user(rng: Random, size: Size, number: int) -> Row:
    domain = "corp.example.com" if rng.random() < 0.95 else "mail.example.net"
    tenant = _tenant(rng, size.tenants * 95 // 100)
    return f"usr-{number:05d}", f"user{number}", f"user{number}@{domain}", tenant


def _volume(rng: Random, size: Size, number: int) -> Row:
    server = f"srv-{rng.randrange(size.servers):06d}"
    gigabytes = rng.choice([10, 20, 50, 100, 200, 500, 1000])
    return f"vol-{number:06d}", server, gigabytes, int(rng.random() < 0.9)


@dataclass(frozen=True, slots=True)
class Transaction:
    """Something that happens; rows by table."""

    kind: str
    added: Tables
    removed: Tables


class CloudChanges:
    """Draws what happens in a cloud, one transaction after the other.

    A removed server is one that was added before, with its ports and its volume.
    """

    def __init__(self, size: Size, tables: Tables) -> None:
        self._size = size
        self._servers = list(tables["servers"])
        self._networks = list(tables["networks"])
        self._members = list(tables["group_members"])
        self._is_member = set(self._members)
        self._own: list[Tables] = []
        self._rng = new_random(_CHANGES_SEED)
        self.count = 0
        """Transactions that were drawn."""

    def take(self, count: int) -> Iterator[Transaction]:
        """Draw the next transactions.

        Cost: some 10 us each.
        """
        for _ in range(count):
            self.count += 1
            yield self._draw(self._kind())

    def _kind(self) -> str:
        kind = self._rng.choice(KINDS)
        if kind == "remove a server" and not self._own:
            return "add a server"
        if kind == "remove a member" and not self._members:
            return "add a member"
        most = self._size.users * self._size.user_groups // 2
        if kind == "add a member" and len(self._members) >= most:
            return "remove a member"
        return kind

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
        self._is_member.discard(last)
        return Transaction(kind, {}, {"group_members": [last]})

    def _new_server(self) -> Tables:
        rng, size, number = self._rng, self._size, self.count
        tenant = _tenant(rng, size.tenants)
        status = rng.choice(["ACTIVE", "ERROR"])
        name, host = f"prod-new{number}", f"host-{rng.randrange(size.hosts):04d}"
        server = f"new-{number:06d}"
        ports: list[Row] = []
        for place in "ab":
            network = self._networks[rng.randrange(size.networks)]
            ip = _address(rng, network)
            port = f"new-port-{number:06d}{place}"
            ports.append((port, server, network[0], ip, _group(rng, size)))
        gigabytes = rng.choice([10, 500])
        return {
            "servers": [
                (server, name, tenant, "db.large", host, status, "debian-12", 1_650_000_000)
            ],
            "ports": ports,
            "volumes": [(f"new-vol-{number:06d}", server, gigabytes, 0)],
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
            row = (
                _user_name(self._rng, self._size),
                (f"grp-{self._rng.randrange(self._size.user_groups):04d}"),
            )
            if row not in self._is_member:
                self._members.append(row)
                self._is_member.add(row)
                return row
