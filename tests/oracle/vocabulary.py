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
}
BASE = tuple(
    Table(source, name, width, 0)
    for source, tables in SCHEMAS.items()
    for name, width in tables.items()
)
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
)

CLOSE: tuple[Any, ...] = (2**53 + 1, float(2**53), 2**53, 2**63 - 1, float(2**63), 2**63 - 2)
"""Numbers that differ, but not as floats."""

FILTERS = (
    ("lt", 2),
    ("gteq", 2),
    ("equal", 2),
    ("starts_with", 2),
    ("contains", 2),
    ("semver_lt", 2),
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
