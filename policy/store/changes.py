"""The history: one row per revision, each carrying the hash of the one before."""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select

from congress_dist.clock import utc_now

from .models import CHANGES, REVISION
from .operations import Operation, decode_operations, encode_operations
from .records import NO_HISTORY, Head, Revision


class Change(Struct, frozen=True):
    """What one revision did, who asked for it and when (for people).

    Shapes: `hash` covers every other field, `previous_hash` included.
    """

    revision: Revision
    who: str
    made_at: str
    request_id: str
    operations: tuple[Operation, ...]
    previous_hash: str
    hash: str = ""


def make_change(
    operations: tuple[Operation, ...], *, after: Head, who: str, request_id: str
) -> Change:
    """Make the change that follows `after`, with its hash."""
    change = Change(
        revision=Revision(after.revision + 1),
        who=who,
        made_at=utc_now().isoformat(timespec="microseconds"),
        request_id=request_id,
        operations=operations,
        previous_hash=after.hash,
    )
    return msgspec.structs.replace(change, hash=hash_of(change))


def hash_of(change: Change) -> str:
    """Give the hash that a change with these contents must carry."""
    contents = (
        change.revision,
        change.who,
        change.made_at,
        change.request_id,
        encode_operations(change.operations),
        change.previous_hash,
    )
    return blake2b(msgspec.json.encode(contents), digest_size=32).hexdigest()


def append_change(connection: Connection, change: Change) -> None:
    """Write a change, in the transaction that raised the revision to its own."""
    connection.execute(
        insert(CHANGES).values(
            revision=change.revision,
            who=change.who,
            made_at=change.made_at,
            request_id=change.request_id,
            operations=encode_operations(change.operations),
            previous_hash=change.previous_hash,
            hash=change.hash,
        )
    )


def read_head(connection: Connection) -> Head:
    """Give the newest revision and the hash of its change."""
    query = select(REVISION.c.value, CHANGES.c.hash).select_from(
        REVISION.outerjoin(CHANGES, CHANGES.c.revision == REVISION.c.value)
    )
    value, history = connection.execute(query).one()
    return Head(Revision(value), history or NO_HISTORY)


def read_changes(connection: Connection, *, after: Revision, limit: int) -> list[Change]:
    """Give the changes above a revision, in order, at most `limit`."""
    query = select(CHANGES).where(CHANGES.c.revision > after)
    rows = connection.execute(query.order_by(CHANGES.c.revision).limit(limit))
    return [
        Change(
            revision=Revision(row.revision),
            who=row.who,
            made_at=row.made_at,
            request_id=row.request_id,
            operations=decode_operations(row.operations),
            previous_hash=row.previous_hash,
            hash=row.hash,
        )
        for row in rows
    ]
