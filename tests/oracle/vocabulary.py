"""The tables, values and calls that random programs are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table that rules may name."""

    owner: str
    name: str
    width: int
    level: int
    """Rules read tables up to their own level; under `not` and in aggregates only below."""

    @property
    def is_base(self) -> bool:
        """Tell whether a datasource has it."""
        return self.level == 0


SCHEMAS: dict[str, dict[str, int]] = {
    "d": {"e": 2, "f": 1, "g": 2, "h": 3, "z": 0},
    "k": {"v": 2, "w": 1},
    "clock": {"now": 1},
}
BASE = tuple(
    Table(source, name, width, 0)
    for source, tables in SCHEMAS.items()
    for name, width in tables.items()
    if source != "clock"
)
CLOCK = Table("clock", "now", 1, 0)
DERIVED = (
    Table("m", "p", 2, 1),
    Table("m", "q", 1, 1),
    Table("n", "o", 2, 1),
    Table("m", "r", 2, 2),
    Table("n", "s", 1, 2),
    Table("m", "b", 0, 2),
    Table("n", "t", 2, 3),
    Table("m", "error", 1, 3),
    Table("n", "u", 3, 3),
    Table("m", "i", 0, 3),
)

VALUES: tuple[Any, ...] = (
    1,
    2,
    0,
    "a",
    1.0,
    "1",
    True,
    None,
    0.5,
    "",
    -5,
    "a,b",
    "aé",
    False,
    2**63 - 1,
    -(2**63),
    2**53 + 1,
    float(2**53),
    1e308,
    -1e308,
    3_000_000_000,
    2**31,
    -(2**27) - 1,
    5e-324,
    "2020-01-01 00:00:00",
    -0.0,
)

CLOSE: tuple[Any, ...] = (2**53 + 1, float(2**53), 2**53, 2**63 - 1, float(2**63), 2**63 - 2)
"""Numbers that differ, but not as floats."""

TIMES: tuple[Any, ...] = (
    "2026-01-01 00:00:00",
    "2026-01-01 00:01:00",
    "2026-01-01T00:00:30Z",
    "2026-01-01 02:00:45+02:00",
    "2026-01-01",
    "00:01",
    "soon",
    "1 Jan 2026 00:02",
)
"""Moments; one without a date and one that is none."""

TICKS = tuple(f"2026-01-01 00:0{second // 60}:{second % 60:02}" for second in range(0, 300, 15))
"""What the clock says, one after the other."""

ODD_TICKS: tuple[Any, ...] = ("2025-12-31", "2026-01-01T00:01:00+01:00", "00:02", "soon", 1, None)

DOMAINS: tuple[tuple[Any, ...], ...] = (
    ("10.0.0.1", "10.0.0.0/8", "10.0.0.0/24", "::1", "10.0.0.300", 167772161),
    ("1.2.0", "1.10.0", "1.10.0-rc1", "1:1.0-1", "1.0-1", "x"),
    ('{"a": [1, "1", {"b": null}]}', "a.0", "/a/1", "a.2.b", "[1", ""),
    ("a.c", "abc", "^a", "(", "[a-c]+", "", "b"),
    TIMES,
)
"""Values that whole families of builtins are for."""

FILTERS = (
    ("lt", 2),
    ("gteq", 2),
    ("equal", 2),
    ("starts_with", 2),
    ("contains", 2),
    ("semver_lt", 2),
    ("matches", 2),
    ("ip_in_network", 2),
    ("networks_overlap", 2),
    ("cidr_contains", 2),
    ("ips_lteq", 2),
    ("debver_lt", 2),
    ("datetime_lt", 2),
    ("ends_with", 2),
)
"""Builtins without outputs, with the number of their inputs."""

FUNCTIONS = (
    ("plus", 2, 1),
    ("minus", 2, 1),
    ("mul", 2, 1),
    ("div", 2, 1),
    ("mod", 2, 1),
    ("max", 2, 1),
    ("min", 2, 1),
    ("concat", 2, 1),
    ("len", 1, 1),
    ("upper", 1, 1),
    ("split", 2, 1),
    ("int", 1, 1),
    ("float", 1, 1),
    ("abs", 1, 1),
    ("hash", 1, 1),
    ("unpack_date", 1, 3),
    ("json_get", 2, 1),
    ("ip_version", 1, 1),
    ("validate_int", 3, 1),
    ("datetime_plus", 2, 1),
    ("datetime_to_seconds", 1, 1),
    ("extract_time", 1, 1),
    ("round", 1, 1),
    ("substr", 3, 1),
    ("replace", 3, 1),
)
"""Builtins with the numbers of their inputs and outputs."""


def column(number: int) -> str:
    """Give the name of a column of a datasource's table."""
    return f"c{number}"


def text_of(value: Any) -> str:
    """Give a constant as rules write it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
