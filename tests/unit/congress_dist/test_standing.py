"""The word and the reason that an operator reads of a subscriber."""

from __future__ import annotations

from dataclasses import replace

import pytest

from congress_dist.node.standing import standing_of
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.source_status import SourceStatus, TableStatus
from congress_dist.protocol.stream import READY, UNREAD, Epoch, Position, Seq

OPTIONS = DseOptions()
TABLE = TableStatus(READY, source_age=1.0, stale=False, rows=3)
WELL = SourceStatus(
    position=Position(Epoch(2), Seq(7)),
    live=True,
    link_age=0.3,
    tables={"servers": TABLE},
    heard_epoch=2,
    lag=0,
)
OLD = replace(TABLE, stale=True, source_age=40.0)
UNREAD_TABLE = replace(TABLE, state=UNREAD, stale=True, source_age=None)


@pytest.mark.parametrize(
    ("status", "behind", "state", "why"),
    [
        (WELL, 0.0, "live", ""),
        (replace(WELL, tables={}), 0.0, "idle", "no table"),
        (replace(WELL, position=None, link_age=None), 0.0, "waiting", "nothing was ever heard"),
        (replace(WELL, position=None), 0.0, "waiting", "no rows yet"),
        (replace(WELL, position=None, fetching="the first rows"), 0.0, "waiting", "first rows"),
        (replace(WELL, link_age=14.0), 0.0, "stale", "nothing was heard of its publisher for 14"),
        (replace(WELL, link_age=14.0, fetching="x"), 0.0, "stale", "14 s; fetching x"),
        (replace(WELL, unrenewed=9.0), 0.0, "stale", "not renewed its lease for 9 s"),
        (replace(WELL, heard_epoch=3), 0.0, "stale", "epoch 3 was heard of, epoch 2 is held"),
        (replace(WELL, tables={"servers": OLD}), 0.0, "stale", "servers, read 40 s ago"),
        (
            replace(WELL, tables={"servers": UNREAD_TABLE}),
            0.0,
            "stale",
            "not read since its publisher began: servers",
        ),
        (
            replace(WELL, tables={"ports": UNREAD_TABLE, "servers": OLD}),
            0.0,
            "stale",
            "began: ports; tables are old: servers, read 40 s ago",
        ),
        (replace(WELL, fetching="transactions after 7"), 0.0, "syncing", "transactions after 7"),
        (replace(WELL, live=False), 8.0, "behind", "8 s ago"),
        (replace(WELL, live=False, lag=2), 0.0, "behind", "2 transactions"),
    ],
)
def test_standing(status: SourceStatus, behind: float, state: str, why: str) -> None:
    standing = standing_of(status, behind, OPTIONS)
    assert standing.state == state
    assert why in standing.why
    assert bool(standing.why) == (state != "live")
