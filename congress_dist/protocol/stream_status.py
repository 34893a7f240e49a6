"""What a publisher tells an operator of its stream."""

from __future__ import annotations

from dataclasses import dataclass

from .stream import Position


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """A stream as its publisher has it.

    Units: `read_age` is that of the table whose last good read is longest ago, None when none was
        read; `log_reaches_back` is the age of the oldest transaction that is kept, infinity while
        none was forgotten; `slowest_pull` is of the last ten to twenty minutes.
    `snapshots`: the answers that are kept while somebody fetches them piece by piece.
    """

    position: Position
    tables: int
    rows: int
    read_age: float | None
    log_transactions: int
    log_bytes: int
    log_reaches_back: float
    snapshots: int
    slowest_pull: float
