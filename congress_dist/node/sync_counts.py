"""What a publisher's answers to syncs are and weigh."""

from __future__ import annotations

import threading
from collections import Counter

from ..protocol.messages import Chunk, SnapshotGone, SyncAnswer, SyncBusy, SyncNotYet, SyncReply

_NAME_BY_REPLY = {
    Chunk: "chunks",
    SyncBusy: "busy",
    SyncNotYet: "not_yet",
    SnapshotGone: "gone",
}


def name_of(reply: SyncReply) -> str:
    """Give what a reply is: `snapshots` with all rows of a table, `replays` with changes only,
    `headers` without rows.
    """
    if not isinstance(reply, SyncAnswer):
        return _NAME_BY_REPLY[type(reply)]
    kinds = {table.kind for table in reply.tables.values()}
    if "full" in kinds:
        return "snapshots"
    return "replays" if "net" in kinds else "headers"


class SyncCounts:
    """Counts the replies of one stream; thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def note(self, reply: SyncReply, size_bytes: int) -> None:
        """Count a reply and its bytes."""
        name = name_of(reply)
        with self._lock:
            self._counts[name] += 1
            self._counts["sync_bytes"] += size_bytes

    def report(self) -> dict[str, int]:
        """Give what was counted, by name."""
        with self._lock:
            return dict(self._counts)
