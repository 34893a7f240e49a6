"""What a node tells an operator of a stream that it publishes, or waits for: plain data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..protocol.stream_status import StreamStatus


def stream_report(
    stream: str,
    status: StreamStatus | None,
    *,
    state: str,
    why: str,
    epoch: int | None,
    unrenewed: float,
    counters: Mapping[str, int],
) -> dict[str, Any]:
    """Give a report of a stream.

    Shapes: `position` and all that follows it is None while nothing is published here;
        `log_seconds` also while the log has forgotten nothing.
    """
    return {
        "stream": stream,
        "state": state,
        "why": why,
        "epoch": epoch,
        "unrenewed": unrenewed,
        "counters": dict(counters),
        **(dict.fromkeys(_STATUS_KEYS) if status is None else _plain(status)),
    }


_STATUS_KEYS = (
    "position",
    "tables",
    "rows",
    "read_age",
    "log_transactions",
    "log_bytes",
    "log_seconds",
    "snapshots_kept",
    "slowest_pull",
)


def _plain(status: StreamStatus) -> dict[str, Any]:
    forgets = status.log_reaches_back != math.inf
    values = (
        list(status.position),
        status.tables,
        status.rows,
        status.read_age,
        status.log_transactions,
        status.log_bytes,
        status.log_reaches_back if forgets else None,
        status.snapshots,
        status.slowest_pull,
    )
    return dict(zip(_STATUS_KEYS, values, strict=True))
