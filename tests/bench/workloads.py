"""The benchmark workloads: rules, rows made from fixed seeds, and how many rows follow.

The rows are the same on every machine: each table is a fixed sequence of draws, so their order may
not change. They are made when first asked for and kept for the rest of the process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from congress_dist.datasources.drivers.cloud_model import Row, Size, Tables, make_tables

__all__ = ["Row", "Tables"]


@dataclass(frozen=True, slots=True)
class Workload:
    """A program over the tables of datasource `d`; `counts` are the rows that follow."""

    name: str
    rules: str
    columns: Mapping[str, Sequence[str]]
    make_tables: Callable[[], Tables]
    counts: Mapping[str, int]

    def tables(self) -> Tables:
        """Give the base tables' rows; equal tables are the same objects."""
        return _tables_of(self.make_tables)


@cache
def _tables_of(make_tables: Callable[[], Tables]) -> Tables:
    return make_tables()


# --- W1: the transitive closure of a random graph


def _edges(nodes: int, edges: int, seed: int) -> Tables:
    rng = Random(seed)
    found: set[tuple[int, int]] = set()
    while len(found) < edges:
        start, end = rng.randrange(nodes), rng.randrange(nodes)
        if start != end:
            found.add((start, end))
    shuffled = sorted(found)
    rng.shuffle(shuffled)
    return {"edge": shuffled}


_CLOSURE = "tc(x, y) :- d:edge(x, y)\ntc(x, z) :- tc(x, y), d:edge(y, z)"


def _closure(name: str, make_tables: Callable[[], Tables], size: int) -> Workload:
    return Workload(name, _CLOSURE, {"edge": ["x", "y"]}, make_tables, {"tc": size})


W1A = _closure("W1a", lambda: _edges(1_150, 2_875, 1), 1_072_337)
W1B = _closure("W1b", lambda: _edges(3_600, 9_000, 2), 10_274_367)
W1C = _closure("W1c", lambda: _edges(500_000, 475_000, 3), 8_201_783)


# --- W3: points-to analysis with fields


_VARIABLES, _OBJECTS, _FIELDS, _SPAN = 600_000, 90_000, 40, 300


def _pointers() -> Tables:
    rng = Random(33)

    def near(variable: int) -> int:
        return (variable + rng.randrange(-_SPAN, _SPAN + 1)) % _VARIABLES

    new = {(rng.randrange(_VARIABLES), thing) for thing in range(_OBJECTS)}
    assign = set()
    for _ in range(510_000):
        source = rng.randrange(_VARIABLES)
        target = near(source) if rng.random() < 0.97 else rng.randrange(_VARIABLES)
        assign.add((target, source))
    load, store = set(), set()
    for _ in range(60_000):
        variable = rng.randrange(_VARIABLES)
        load.add((variable, near(variable), rng.randrange(_FIELDS)))
    for _ in range(60_000):
        variable = rng.randrange(_VARIABLES)
        store.add((variable, rng.randrange(_FIELDS), near(variable)))
    return {
        "new": sorted(new),
        "assign": sorted(assign),
        "load": sorted(load),
        "store": sorted(store),
    }


W3 = Workload(
    "W3",
    """
pt(v, o) :- d:new(v, o)
pt(v, o) :- d:assign(v, w), pt(w, o)
hpt(o, f, p) :- d:store(b, f, s), pt(b, o), pt(s, p)
pt(v, p) :- d:load(v, b, f), pt(b, o), hpt(o, f, p)
""",
    {"new": ("v", "o"), "assign": ("v", "w"), "load": ("v", "b", "f"), "store": ("b", "f", "s")},
    _pointers,
    {"pt": 575_828, "hpt": 61_870},
)


# --- W4: a cloud and twelve rules about it


W4_SIZE = Size(servers=100_000)

W4 = Workload(
    "W4",
    """
tg(t, g) :- d:users(id=u, tenant=t), d:group_members(user=u, grp=g)
same_group(a, b) :- tg(a, g), tg(b, g)
v1(s, n) :- d:servers(id=s, tenant=st), d:ports(server=s, net=n),
            d:networks(id=n, tenant=nt, shared=0), nt != st, not same_group(st, nt)
v2(s) :- d:servers(id=s, status="ERROR")
v3(s, p) :- d:servers(id=s, status="ACTIVE"), d:ports(id=p, server=s, net=n, sg=sg),
            d:networks(id=n, shared=1), d:sg_rules(sg=sg, dir="ingress", proto="tcp",
            pmin=lo, pmax=hi, cidr="0.0.0.0/0"), lo <= 22, hi >= 22
v4(s) :- d:servers(id=s, status="ACTIVE"), not d:ports(server=s)
v5(v, s) :- d:volumes(id=v, server=s, encrypted=0),
            d:servers(id=s, name=name, status="ACTIVE"), starts_with(name, "prod-")
v6(u) :- d:users(id=u, email=e), d:group_members(user=u, grp="admins"),
         not ends_with(e, "@corp.example.com")
v7(s) :- d:servers(id=s, image=im), contains(im, "deprecated")
v8(p) :- d:ports(id=p, net=n, ip=ip), d:networks(id=n, cidr=c), not ip_in_network(ip, c)
v9(t) :- d:servers(tenant=t), not d:users(tenant=t)
v10(a, b) :- d:ports(id=a, net=n, ip=ip), d:ports(id=b, net=n, ip=ip), a < b
v11(a, b) :- d:servers(id=a, tenant=t, flavor="db.large", host=h, status="ACTIVE"),
             d:servers(id=b, tenant=t, flavor="db.large", host=h, status="ACTIVE"), a < b
v12(s) :- d:servers(id=s, status=st, created=cr), st != "ACTIVE", cr < 1680000000,
          d:volumes(server=s, size=size), size >= 500
""",
    {
        "servers": ("id", "name", "tenant", "flavor", "host", "status", "image", "created"),
        "ports": ("id", "server", "net", "ip", "sg"),
        "networks": ("id", "name", "tenant", "shared", "cidr"),
        "sg_rules": ("sg", "dir", "proto", "pmin", "pmax", "cidr"),
        "users": ("id", "name", "email", "tenant"),
        "group_members": ("user", "grp"),
        "volumes": ("id", "server", "size", "encrypted"),
    },
    lambda: make_tables(W4_SIZE),
    {
        "same_group": 454_750,
        "v1": 3_668,
        "v2": 1_957,
        "v3": 2_330,
        "v4": 12_138,
        "v5": 2_739,
        "v6": 18,
        "v7": 872,
        "v8": 1_012,
        "v9": 100,
        "v10": 21_687,
        "v11": 33,
        "v12": 1_374,
    },
)


# --- W5: roles that members inherit through groups


def _roles() -> Tables:
    rng = Random(55)
    users, groups, roles, resources = 20_000, 3_000, 1_000, 400
    verbs = ("get", "list", "watch", "create", "update", "delete")
    member = {(f"u{rng.randrange(users)}", f"g{rng.randrange(groups)}") for _ in range(40_000)}
    subgroup = set()
    for child in range(50, groups):
        subgroup.add((f"g{child}", f"g{rng.randrange(child // 3 + 1)}"))
        if rng.random() < 0.15:
            subgroup.add((f"g{child}", f"g{rng.randrange(child)}"))
    inherits = {(f"r{role}", f"r{rng.randrange(role // 2 + 1)}") for role in range(20, roles)}
    binding = set()
    for _ in range(5_000):
        is_group = rng.random() < 0.8
        subject = f"g{rng.randrange(groups)}" if is_group else f"u{rng.randrange(users)}"
        binding.add((subject, f"r{rng.randrange(roles)}"))
    perm = set()
    for _ in range(5_000):
        role, verb = rng.randrange(roles), rng.choice(verbs)
        perm.add((f"r{role}", verb, f"res{rng.randrange(resources)}"))
    return {
        "member": sorted(member),
        "subgroup": sorted(subgroup),
        "inherits": sorted(inherits),
        "binding": sorted(binding),
        "perm": sorted(perm),
    }


W5 = Workload(
    "W5",
    """
mem(u, g) :- d:member(u, g)
mem(u, p) :- mem(u, g), d:subgroup(g, p)
rb(r, b) :- d:inherits(r, b)
rb(r, c) :- rb(r, b), d:inherits(b, c)
has(u, r) :- mem(u, g), d:binding(g, r)
has(u, r) :- d:member(u, _), d:binding(u, r)
hasr(u, r) :- has(u, r)
hasr(u, b) :- has(u, r), rb(r, b)
can(u, v, x) :- hasr(u, r), d:perm(r, v, x)
""",
    {
        "member": ("u", "g"),
        "subgroup": ("child", "parent"),
        "inherits": ("role", "base"),
        "binding": ("subject", "role"),
        "perm": ("role", "verb", "res"),
    },
    _roles,
    {"mem": 150_243, "rb": 2_449, "hasr": 575_396, "can": 2_672_928},
)

WORKLOADS = {workload.name: workload for workload in (W1A, W1B, W1C, W3, W4, W5)}
