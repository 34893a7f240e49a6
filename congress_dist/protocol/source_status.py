"""What a node knows of one source: where it stands, how old its tables are, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .stream import Position, TableState


@dataclass(frozen=True, slots=True)
class TableStatus:
    """One table of a source as it is held.

    Units: `source_age` is the time since the source was read for what is held, None when nobody
        said.
    `position` is where the rows come from: the source's, or an older one while it has the table
    unread.
    """

    state: TableState
    source_age: float | None
    stale: bool
    rows: int
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source as a subscriber sees it.

    `position` is the one last handed over to whoever asks. `live`: the rows are the publisher's,
    no newer transaction is being fetched, and none has waited long to be handed over.
    `unrenewed`: how long the publisher has gone on without renewing its lease. `heard`: all tables
    of the source, wanted or not, as its heartbeats tell of them; no rows of these are held.
    `lag`: transactions of the position's epoch that were heard of and are not held, None when the
    newest epoch is another one. `fetching`: what is asked for and why, empty when nothing is.
    `buffered_bytes`: what deltas weigh that cannot be applied yet.
    """

    position: Position | None
    live: bool
    link_age: float | None
    tables: Mapping[str, TableStatus]
    counters: Mapping[str, int] = field(default_factory=dict)
    unrenewed: float = 0.0
    heard: Mapping[str, TableStatus] = field(default_factory=dict)
    heard_epoch: int = 0
    lag: int | None = None
    fetching: str = ""
    buffered_bytes: int = 0
