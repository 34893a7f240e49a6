"""Where a subscriber of a stream stands, in one word and a reason that people read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..protocol.options import DseOptions
from ..protocol.source_status import SourceStatus, TableStatus
from ..protocol.stream import StateKind

LIVE, STALE, SYNCING, WAITING, BEHIND, IDLE = (
    "live",
    "stale",
    "syncing",
    "waiting",
    "behind",
    "idle",
)
BUSY = "busy"
"""Another thread has worked on the source for longer than a question about it may wait."""


class Standing(NamedTuple):
    """`state` is one of the words above; `why` is empty when all is well."""

    state: str
    why: str


def standing_of(status: SourceStatus, behind: float, options: DseOptions) -> Standing:
    """Give where a subscriber stands whose listeners are `behind` seconds late."""
    if not status.tables:
        return Standing(IDLE, "no table of it is wanted")
    silence = _silence(status, options)
    if status.position is None:
        return Standing(WAITING, silence or status.fetching or "its publisher has no rows yet")
    stale = silence or _staleness(status, options)
    if stale:
        return Standing(STALE, "; fetching ".join(filter(None, (stale, status.fetching))))
    if status.fetching:
        return Standing(SYNCING, f"fetching {status.fetching}")
    if behind > options.stale_after:
        return Standing(BEHIND, f"a listener has not taken what came {behind:.0f} s ago")
    if not status.live:
        return Standing(BEHIND, f"{status.lag or 0} transactions have not arrived")
    return Standing(LIVE, "")


def _silence(status: SourceStatus, options: DseOptions) -> str:
    if status.link_age is None:
        return "nothing was ever heard of it"
    if status.link_age > options.stale_after:
        return f"nothing was heard of its publisher for {status.link_age:.0f} s"
    return ""


def _staleness(status: SourceStatus, options: DseOptions) -> str:
    if status.unrenewed > options.lease_time:
        return f"its publisher has not renewed its lease for {status.unrenewed:.0f} s"
    if status.position is not None and status.heard_epoch > status.position.epoch:
        return f"epoch {status.heard_epoch} was heard of, epoch {status.position.epoch} is held"
    return _old_tables({name: table for name, table in status.tables.items() if table.stale})


def _old_tables(stale: Mapping[str, TableStatus]) -> str:
    unread = {name for name, table in stale.items() if table.state.kind is StateKind.UNREAD}
    old = stale.keys() - unread
    reasons = []
    if unread:
        reasons.append(f"not read since its publisher began: {', '.join(sorted(unread))}")
    if old:
        ages = [age for name in old if (age := stale[name].source_age) is not None]
        read = f", read {max(ages):.0f} s ago" if ages else ""
        reasons.append(f"tables are old: {', '.join(sorted(old))}{read}")
    return "; ".join(reasons)
