"""The rule database as the policy engine uses it: followed, and written by compare-and-swap."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, update

from congress_dist.errors import InternalError, LeaseLost, StoreUnavailable

from .changes import Change, append_change, make_change, read_changes, read_head
from .database import Database, DuplicateRow
from .keys import IdempotencyKey, find_answer, store_answer
from .leases import LeaseTable, owns
from .models import REVISION
from .operations import Operation
from .program_tables import apply_operations, read_snapshot
from .records import Head, Revision, Snapshot
from .upgrade import upgrade

_CHANGES_AT_ONCE = 1000


class RevisionMoved(Exception):
    """Somebody else committed first: nothing was written; validate again at the newest one."""


class Fence(Struct, frozen=True):
    """A lease that must still be held when a write commits."""

    name: str
    owner: str
    generation: int


class Draft(Struct, frozen=True):
    """A validated change that waits to be written.

    Shapes: `after` is the revision that it was validated at; `answer` is kept under `key`, with
        the revision that the write made.
    """

    operations: tuple[Operation, ...]
    after: Head
    who: str
    request_id: str
    answer: dict[str, Any]
    key: IdempotencyKey | None = None
    fence: Fence | None = None


class RuleStore:
    """Policies, rules, datasources and their history; thread safe.

    Promises: revisions are a total order without holes; a write is all or nothing and happens only
        at the revision that it was validated at.
    Raises: StoreUnavailable: from every method, when the database cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.leases = LeaseTable(self.database)

    def open(self) -> None:
        """Open the database and bring its schema up to date."""
        self.database.open()
        upgrade(self.database)

    def close(self) -> None:
        """Give back the connections; idempotent."""
        self.database.close()

    def head(self) -> Head:
        """Give the newest revision and its hash."""
        with self.database.reading() as connection:
            return read_head(connection)

    def snapshot(self) -> Snapshot:
        """Give everything at the newest revision."""
        with self.database.reading() as connection:
            return read_snapshot(connection)

    def changes_after(self, revision: Revision, limit: int = _CHANGES_AT_ONCE) -> list[Change]:
        """Give the changes that follow a revision, in order, at most `limit`."""
        with self.database.reading() as connection:
            return read_changes(connection, after=revision, limit=limit)

    def find_answer(self, key: IdempotencyKey) -> dict[str, Any] | None:
        """Give the answer of an earlier request with this key.

        Raises: InvalidRequest: the key was used for other contents.
        """
        with self.database.reading() as connection:
            return find_answer(connection, key)

    def commit(self, draft: Draft) -> Change:
        """Write a draft as the next revision.

        Promises: a commit without confirmation is looked up, so that the outcome is known whenever
            the database answers.
        Raises: RevisionMoved: another change was committed since the draft was validated.
            LeaseLost: the draft's fence does not hold.
            StoreUnavailable: not written; or `unknown` when the database stopped answering.
        """
        change = make_change(
            draft.operations, after=draft.after, who=draft.who, request_id=draft.request_id
        )
        try:
            with self.database.writing() as connection:
                _write(connection, draft, change)
        except DuplicateRow as error:
            raise InternalError(
                f"revision {change.revision} was validated and is not unique: {error.__cause__}"
            ) from error
        except StoreUnavailable as error:
            if error.fields["outcome"] != "unknown" or not self._is_written(change, error):
                raise
        return change

    def _is_written(self, change: Change, unknown: StoreUnavailable) -> bool:
        try:
            with self.database.writing() as connection:
                # Ordering: the lock on the revision row first. A lost commit that a server is
                # still working on holds it, so after this statement that commit has happened or
                # never will.
                connection.execute(update(REVISION).values(value=REVISION.c.value))
                found = read_changes(connection, after=Revision(change.revision - 1), limit=1)
        except StoreUnavailable as error:
            raise unknown from error
        if found and found[0].hash == change.hash:
            return True
        raise StoreUnavailable(
            f"{unknown.message}; looked up afterwards: not written",
            outcome="not_written",
            cause=unknown.fields.get("cause", ""),
        ) from unknown


def _write(connection: Connection, draft: Draft, change: Change) -> None:
    # Ordering: the revision first. Its row lock makes other writers wait here, and a writer that
    # comes second sees another value and changes no row.
    swap = update(REVISION).where(REVISION.c.value == draft.after.revision)
    if connection.execute(swap.values(value=change.revision)).rowcount == 0:
        raise RevisionMoved
    if draft.fence is not None and not owns(
        connection, draft.fence.name, draft.fence.owner, draft.fence.generation
    ):
        raise LeaseLost(
            f"the lease {draft.fence.name!r} is no longer held by {draft.fence.owner!r} in "
            f"generation {draft.fence.generation}; acquire it again",
            name=draft.fence.name,
        )
    apply_operations(connection, draft.operations, change.revision)
    append_change(connection, change)
    if draft.key is not None:
        answer = {**draft.answer, "revision": change.revision}
        store_answer(connection, draft.key, answer, change.revision)
