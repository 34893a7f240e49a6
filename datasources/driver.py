"""The driver contract: what a datasource driver declares and what `read` may give.

A driver imports this module and its own client library; never the bus.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from congress_dist.errors import SourceUnavailable
from congress_dist.row import Cell
from congress_dist.schema import Column, TableSchema, schema

__all__ = [
    "UNCHANGED",
    "Changes",
    "Column",
    "Driver",
    "Option",
    "Poll",
    "SourceUnavailable",
    "Table",
    "TableRead",
    "TableSchema",
    "schema",
    "text_of",
]


@dataclass(frozen=True, slots=True)
class Option:
    """One configuration value of a driver; a secret one is never shown.

    Shapes: `type` is str, int, float, bool, pathlib.Path, or list (texts between commas).
    """

    name: str
    description: str
    type: type = str
    default: Any = None
    required: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Poll:
    """A group of tables that one `read` call gives together, as one transaction.

    Units: seconds. `timeout` is the longest that one read may take; past it the tables fail with
    that reason. `low_priority` reads run niced, and answers do not wait for the first one.
    """

    name: str
    tables: tuple[str, ...]
    interval: float
    timeout: float = 30.0
    low_priority: bool = False


class _Unchanged:
    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED = _Unchanged()
"""What a read gives for a table whose source has not changed since the last read."""


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of one table as read; a note says what is not among them.

    Shapes: "3 of 41 processes not readable, run as root to see them": what lacks, then what helps.
    """

    rows: Iterable[tuple[Cell, ...]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What came and went since the last read that gave rows of the table; a row in both is there.

    Cost: proportional to these rows, however many the table has.
    """

    added: Iterable[tuple[Cell, ...]]
    removed: Iterable[tuple[Cell, ...]]
    note: str = ""


TableRead = Table | Changes | SourceUnavailable | _Unchanged
"""Rows; or how they changed; or why there are none (the table becomes `unavailable`); or nothing
new."""


class Driver:
    """A source of tables.

    Lifecycle: the constructor only stores; then `read` is called for each poll, one call at a time
    per poll, each poll in a thread of its own (what two polls share must bear that); `close` at
    the end. A new turn of publishing begins with a new driver, so `UNCHANGED` and `Changes` always
    refer to an earlier read of the same object.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    options: ClassVar[tuple[Option, ...]] = ()
    tables: ClassVar[Mapping[str, TableSchema]]
    polls: ClassVar[tuple[Poll, ...]]

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config

    def read(self, poll: str) -> Mapping[str, TableRead]:
        """Read the tables of one poll.

        Shapes: exactly the tables of that poll; rows as wide as the table's schema.
        Promises: ends within the poll's timeout on its own where the source allows.
        Raises: SourceUnavailable: no table of the poll can be read (all become `failing`, or
            `unavailable` when nothing was read before). Any other exception is treated the
            same way, with its type and text as the reason, and logged.
        """
        raise NotImplementedError

    def start_over(self, poll: str) -> None:
        """Take that what the last read of a poll gave was not taken; the tables' states say why.

        A driver that gives `Changes` gives whole tables at the poll's next read.
        """

    def close(self) -> None:
        """Give back what the driver holds; idempotent; may come while a read hangs."""


def text_of(raw: bytes) -> str:
    r"""Give a table's text for bytes of any origin: UTF-8 where they are, `\xff` where not.

    One file name in another encoding must not keep a whole table from being published.
    """
    return raw.decode("utf-8", "backslashreplace")
