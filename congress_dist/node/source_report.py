"""What a node tells an operator of one source that it subscribes to: plain data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..protocol.options import DseOptions
from ..protocol.source_status import SourceStatus
from .delivery import Told
from .standing import BUSY, Standing, standing_of


def source_report(
    source: str,
    status: SourceStatus,
    told: Sequence[Told],
    *,
    options: DseOptions,
    is_broken: bool,
) -> dict[str, Any]:
    """Give a report of a source.

    Shapes: `position` is that of what is held; `handed_over` the lowest that a listener has, None
        while one has nothing; `told` is of the listeners.
    """
    behind = max((each.behind for each in told), default=0.0)
    standing = standing_of(status, behind, options)
    if is_broken:
        standing = Standing("broken", "a step failed and is not undone yet; its log says why")
    ages = [t.source_age for t in status.tables.values() if t.source_age is not None]
    positions = [each.position for each in told]
    lowest = min((p for p in positions if p is not None), default=None)
    return {
        "source": source,
        "state": standing.state,
        "why": standing.why,
        "position": _plain(status.position),
        "handed_over": None if None in positions else _plain(lowest),
        "heard_epoch": status.heard_epoch,
        "lag": status.lag,
        "behind": behind,
        "link_age": status.link_age,
        "source_age": max(ages, default=None),
        "unrenewed": status.unrenewed,
        "tables": sorted(status.tables),
        "stale_tables": sorted(name for name, table in status.tables.items() if table.stale),
        "rows": sum(table.rows for table in status.tables.values()),
        "waiting": sum(each.waiting for each in told),
        "waiting_bytes": sum(each.waiting_bytes for each in told),
        "buffered_bytes": status.buffered_bytes,
        "counters": dict(status.counters),
    }


def busy_report(source: str) -> dict[str, Any]:
    """Give a report of a source that another thread has worked on for long.

    Shapes: None where nothing is known: a 0 would say that all is well.
    """
    return {
        "source": source,
        "state": BUSY,
        "why": "it is being worked on: a large answer, or a large transaction",
        **dict.fromkeys(_STATUS_KEYS),
    }


_STATUS_KEYS = (
    "position",
    "handed_over",
    "heard_epoch",
    "lag",
    "behind",
    "link_age",
    "source_age",
    "unrenewed",
    "tables",
    "stale_tables",
    "rows",
    "waiting",
    "waiting_bytes",
    "buffered_bytes",
    "counters",
)


def _plain(position: tuple[int, int] | None) -> list[int] | None:
    return None if position is None else list(position)
