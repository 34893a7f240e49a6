"""Leases: who may publish which stream, by generation and renewals, without any time.

Each call is one conditional UPDATE; a call that was overtaken reads again and decides again. Rows
are never deleted, and a generation never goes back.
"""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import Connection, Update, insert, select, update

from congress_dist.errors import StoreUnavailable

from .database import Database, DuplicateRow
from .models import LEASES

_ATTEMPTS = 10


class Lease(Struct, frozen=True):
    """A lease row; `owner` is an incarnation, or None when released."""

    name: str
    owner: str | None
    generation: int
    renewals: int


class Claim(Struct, frozen=True):
    """What a candidate brings to an acquisition.

    Shapes: `replaces` is the incarnation that its supervisor has reaped; `heard_epoch` the highest
        epoch heard of the stream; `expected` the (generation, renewals) that it saw unchanged for
        long enough.
    """

    name: str
    owner: str
    replaces: str | None = None
    heard_epoch: int = 0
    expected: tuple[int, int] | None = None

    def is_granted(self, lease: Lease) -> bool:
        """Tell whether the claim beats the present owner."""
        return (
            lease.owner is None
            or lease.owner == self.replaces
            or (lease.generation, lease.renewals) == self.expected
        )


class LeaseTable:
    """The leases of a rule database; thread safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def acquire(self, claim: Claim) -> tuple[bool, Lease]:
        """Take a lease if the claim allows it; give whether, and the lease as it is now.

        Promises: what the claimant owns already is given as it is; a new owner's generation is
            above every one handed out or heard of.
        Raises: StoreUnavailable: the database cannot be written.
        """
        for _ in range(_ATTEMPTS):
            lease = self.find(claim.name)
            if lease is not None and lease.owner == claim.owner:
                return True, lease
            if lease is not None and not claim.is_granted(lease):
                return False, lease
            granted = self._create(claim) if lease is None else self._take(claim, lease)
            if granted is not None:
                return True, granted
        raise StoreUnavailable(
            f"the lease {claim.name!r} changed {_ATTEMPTS} times while it was asked for; repeat",
            outcome="not_written",
        )

    def renew(self, name: str, owner: str, generation: int) -> bool:
        """Count one renewal; tell whether the lease is still this owner's."""
        held = update(LEASES).filter_by(name=name, owner=owner, generation=generation)
        return self._execute(held.values(renewals=LEASES.c.renewals + 1))

    def release(self, name: str, owner: str, generation: int) -> bool:
        """Leave the lease without an owner; tell whether it was this owner's."""
        held = update(LEASES).filter_by(name=name, owner=owner, generation=generation)
        return self._execute(held.values(owner=None))

    def find(self, name: str) -> Lease | None:
        """Give one lease, if it was ever acquired."""
        with self._database.reading() as connection:
            return _find(connection, name)

    def list_all(self) -> list[Lease]:
        """Give all leases by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(LEASES).order_by(LEASES.c.name))
            return [Lease(**row._mapping) for row in rows]

    def _create(self, claim: Claim) -> Lease | None:
        lease = Lease(claim.name, claim.owner, claim.heard_epoch + 1, 0)
        try:
            with self._database.writing() as connection:
                connection.execute(
                    insert(LEASES).values(
                        name=lease.name,
                        owner=lease.owner,
                        generation=lease.generation,
                        renewals=lease.renewals,
                    )
                )
        except DuplicateRow:
            return None
        return lease

    def _take(self, claim: Claim, seen: Lease) -> Lease | None:
        generation = max(seen.generation, claim.heard_epoch) + 1
        unchanged = (
            (LEASES.c.name == seen.name)
            & LEASES.c.owner.is_not_distinct_from(seen.owner)
            & (LEASES.c.generation == seen.generation)
        )
        if claim.expected is not None and seen.owner not in (None, claim.replaces):
            unchanged &= LEASES.c.renewals == seen.renewals
        values = {"owner": claim.owner, "generation": generation, "renewals": 0}
        if self._execute(update(LEASES).where(unchanged).values(values)):
            return Lease(claim.name, claim.owner, generation, 0)
        return None

    def _execute(self, statement: Update) -> bool:
        with self._database.writing() as connection:
            return connection.execute(statement).rowcount == 1


def owns(connection: Connection, name: str, owner: str, generation: int) -> bool:
    """Tell, inside a transaction, whether a lease is held by this owner in this generation."""
    lease = _find(connection, name)
    return lease is not None and (lease.owner, lease.generation) == (owner, generation)


def _find(connection: Connection, name: str) -> Lease | None:
    row = connection.execute(select(LEASES).filter_by(name=name)).one_or_none()
    return None if row is None else Lease(**row._mapping)
