"""What a publisher counts of its answers."""

from __future__ import annotations

import pytest

from congress_dist.node.sync_counts import SyncCounts
from congress_dist.protocol.messages import (
    Chunk,
    SnapshotGone,
    SyncAnswer,
    SyncBusy,
    SyncKind,
    SyncNotYet,
    SyncReply,
    SyncTable,
    TableSummary,
)
from congress_dist.protocol.stream import READY, Epoch, Seq

SUMMARY = TableSummary(READY, 0, b"", "")


def answer(*kinds: SyncKind) -> SyncAnswer:
    tables = {f"t{number}": SyncTable(kind, SUMMARY) for number, kind in enumerate(kinds)}
    return SyncAnswer("nova", 1, "i", Epoch(1), Seq(1), tables, {}, "token", 1, {})


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (answer("full", "net"), "snapshots"),
        (answer("net", "same"), "replays"),
        (answer("same", "unread", "absent"), "headers"),
        (answer(), "headers"),
        (Chunk("nova", 1, "token", 1, {}), "chunks"),
        (SyncBusy("nova", 1, 0.5), "busy"),
        (SyncNotYet("nova", 1), "not_yet"),
        (SnapshotGone("nova", 1), "gone"),
    ],
)
def test_each_reply_is_counted_by_what_it_is(reply: SyncReply, name: str) -> None:
    counts = SyncCounts()
    counts.note(reply, 100)
    counts.note(reply, 20)
    assert counts.report() == {name: 2, "sync_bytes": 120}
