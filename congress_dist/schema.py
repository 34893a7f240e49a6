"""What a table's columns are: names, types, descriptions, and a version that changes with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import blake2b
from typing import Any, Literal

import msgspec

ColumnType = Literal["str", "int", "float", "bool", "any"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name in rules, the type of its cells, whether null may stand there."""

    name: str
    type: ColumnType = "str"
    nullable: bool = False
    description: str = ""


@dataclass(frozen=True, slots=True)
class TableSchema:
    """The columns of a table, in order."""

    columns: tuple[Column, ...]
    description: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Give the column names in order."""
        return tuple(column.name for column in self.columns)

    @property
    def version(self) -> str:
        """Give a short name that equal columns (names, types, order) share and others do not."""
        shape = [(column.name, column.type, column.nullable) for column in self.columns]
        return blake2b(msgspec.json.encode(shape), digest_size=6).hexdigest()

    def to_wire(self) -> dict[str, Any]:
        """Give the plain form that `from_wire` reads."""
        return asdict(self)

    @classmethod
    def from_wire(cls, data: dict[str, Any]) -> TableSchema:
        """Rebuild a schema from its plain form."""
        return cls(tuple(Column(**column) for column in data["columns"]), data["description"])


def schema(*columns: Column | str, description: str = "") -> TableSchema:
    """Make a schema; a bare name is a text column that is never null."""
    return TableSchema(_columns(columns), description)


def _columns(columns: Iterable[Column | str]) -> tuple[Column, ...]:
    return tuple(Column(c) if isinstance(c, str) else c for c in columns)
