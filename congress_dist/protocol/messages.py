"""What travels on the bus: one frozen dataclass per message, and the registry of their names.

Fields may be added with a default; a reader ignores fields it does not know. Removing one, or
changing what one means, needs a new wire version. docs/protocol.md section 2 says when
each is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta

from ..row import Row
from .stream import Epoch, Position, Seq, TableChange, TableState

CLASS_BY_NAME: dict[str, type[Any]] = {}
NAME_BY_CLASS: dict[type[Any], str] = {}

_M = TypeVar("_M")
WIRE_VERSION = 1
"""What this release sends unless it is told an older one."""
OLDEST_WIRE_VERSION = 1
"""What it still reads and can send."""
NO_SEQ = Seq(0)
"""Before the first transaction of an epoch."""

# What a reader takes: a message with a number outside is malformed, and harms nobody.
_Number = Annotated[int, Meta(ge=0)]
_Epoch = Annotated[Epoch, Meta(ge=1)]
_Seq = Annotated[Seq, Meta(ge=0)]
_FirstSeq = Annotated[Seq, Meta(ge=1)]
_Time = Annotated[float, Meta(ge=-1e15, le=1e15)]
_Seconds = Annotated[float, Meta(ge=0.0, le=1e15)]


def message(name: str) -> Callable[[type[_M]], type[_M]]:
    """Register a message class under its name on the wire."""

    def register(cls: type[_M]) -> type[_M]:
        CLASS_BY_NAME[name] = cls
        NAME_BY_CLASS[cls] = name
        return cls

    return register


# --- casts: topic `stream.<service>` and topic `heartbeats` --------------------------------------


@message("delta")
@dataclass(frozen=True, slots=True)
class Delta:
    """One transaction of a stream; with `pull` without its tables, which a sync must fetch."""

    service: str
    incarnation: str
    beat: _Number
    sent: _Time
    epoch: _Epoch
    seq: _FirstSeq
    tables: Mapping[str, TableChange] = field(default_factory=dict)
    pull: bool = False


@dataclass(frozen=True, slots=True)
class TableSummary:
    """A table at one position without its rows; `digest` is 16 bytes, none while it is unread."""

    state: TableState
    rows: _Number
    digest: bytes
    schema_version: str
    max_age: _Seconds | None = None


@message("heartbeat")
@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sign of life of a service, and where its stream stands.

    Shapes: `epoch` is None for a service that publishes no tables, then `seq` is 0 and `tables`
        empty; `tables` lists all of them when `full`, else those that changed since the last
        heartbeat; `read_age` always lists all, None is never read; `wants` is all that the
        sender's node subscribes to.
    """

    service: str
    node_id: str
    incarnation: str
    beat: _Number
    sent: _Time
    epoch: _Epoch | None = None
    seq: _Seq = NO_SEQ
    tables: Mapping[str, TableSummary] = field(default_factory=dict)
    full: bool = False
    read_age: Mapping[str, _Seconds | None] = field(default_factory=dict)
    wants: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    versions: tuple[int, int] = (OLDEST_WIRE_VERSION, WIRE_VERSION)
    starting: bool = False
    stopping: bool = False
    unrenewed: _Seconds = 0.0


# --- calls to topic `node`, server = incarnation -------------------------------------------------


@message("sync")
@dataclass(frozen=True, slots=True)
class SyncRequest:
    """Ask a publisher for the way from `have` to a newer position.

    Shapes: `held` maps each table whose rows are held, and were equal to the publisher's at
        `have`, to its digest; `add` lists tables of which all rows are asked for. Disjoint.
        `floor` is the position held, also when another incarnation published it: an answer below
        is of no use. `released` is the token of an answer that is not fetched any further, ""
        for none: it need not be kept.
    """

    service: str
    request: _Number
    have: Position | None
    held: Mapping[str, bytes] = field(default_factory=dict)
    add: tuple[str, ...] = ()
    floor: Position | None = None
    released: str = ""


SyncKind = Literal["full", "net", "same", "unread", "absent"]


@dataclass(frozen=True, slots=True)
class SyncTable:
    """How one table is answered.

    `full`: all its rows follow. `net`: what differs from `have` follows; a row may be removed that
    was never held. `same`: the held rows are right. `unread`: nothing is known in this epoch, keep
    what is held. `absent`: no such table.
    """

    kind: SyncKind
    summary: TableSummary


@dataclass(frozen=True, slots=True)
class RowChanges:
    """Rows of one table in a chunk."""

    removed: tuple[Row, ...] = ()
    added: tuple[Row, ...] = ()


@message("sync_answer")
@dataclass(frozen=True, slots=True)
class SyncAnswer:
    """The header of an answer at one position, and its first chunk; `token` pulls the others."""

    service: str
    request: _Number
    incarnation: str
    epoch: _Epoch
    seq: _FirstSeq
    tables: Mapping[str, SyncTable]
    read_age: Mapping[str, _Seconds | None]
    token: str
    chunks: Annotated[int, Meta(ge=1)]
    rows: Mapping[str, RowChanges]


@message("sync_not_yet")
@dataclass(frozen=True, slots=True)
class SyncNotYet:
    """What is asked for does not exist yet: keep what is held and ask again.

    The epoch has no first transaction, or none as new as the position held.
    """

    service: str
    request: _Number


@message("sync_busy")
@dataclass(frozen=True, slots=True)
class SyncBusy:
    """Too many pulls are under way."""

    service: str
    request: _Number
    retry_after: _Seconds


@message("chunk_request")
@dataclass(frozen=True, slots=True)
class ChunkRequest:
    """Ask for piece `index` of an answer; piece 0 came with its header."""

    service: str
    request: _Number
    token: str
    index: _Number


@message("chunk")
@dataclass(frozen=True, slots=True)
class Chunk:
    """One piece of an answer."""

    service: str
    request: _Number
    token: str
    index: _Number
    rows: Mapping[str, RowChanges]


@message("snapshot_gone")
@dataclass(frozen=True, slots=True)
class SnapshotGone:
    """The publisher no longer holds what the token named: begin again."""

    service: str
    request: _Number


SyncReply = SyncAnswer | SyncNotYet | SyncBusy | Chunk | SnapshotGone


# --- calls to a service's methods ----------------------------------------------------------------


@message("call")
@dataclass(frozen=True, slots=True)
class CallRequest:
    """Call a method with arguments by name; the caller waits for `remaining` from sending."""

    request_id: str
    method: str
    arguments: Mapping[str, Any]
    remaining: float
    repeat: bool = False


@message("call_answer")
@dataclass(frozen=True, slots=True)
class CallAnswer:
    """What the method returned."""

    request_id: str
    result: Any = None


@message("call_error")
@dataclass(frozen=True, slots=True)
class CallError:
    """What the method raised, as `CongressError.to_wire` gives it."""

    request_id: str
    error: Mapping[str, Any]


Message = (
    Delta
    | Heartbeat
    | SyncRequest
    | SyncReply
    | ChunkRequest
    | CallRequest
    | CallAnswer
    | CallError
)
