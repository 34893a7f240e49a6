"""Leases as nodes ask for them: plain values around the lease table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from .store.leases import Claim, LeaseTable


class LeaseRequests:
    """The calls on leases; thread safe.

    Shapes: `heard_epoch` gives the newest epoch heard of a stream from others than an incarnation.
    Promises: none needs the replica to be ready, or the tables.
    """

    def __init__(self, leases: LeaseTable, heard_epoch: Callable[[str, str], int]) -> None:
        self._leases = leases
        self._heard_epoch = heard_epoch

    def lease_acquire(
        self,
        name: str,
        owner: str,
        replaces: str | None = None,
        heard_epoch: int = 0,
        expected: Sequence[int] | None = None,
    ) -> dict[str, Any]:
        """Take the lease of a stream if nobody holds it who is still at work.

        Shapes: `owner`, `generation` and `renewals` are those of the lease as it is afterwards;
            `heard` is the newest epoch that this node has heard of the stream from others.
        Promises: a new owner's generation is above `heard` and `heard_epoch`.
        """
        seen = None if expected is None else (expected[0], expected[1])
        heard = self._heard_epoch(name, owner)
        above = max(heard, heard_epoch)
        granted, lease = self._leases.acquire(Claim(name, owner, replaces, above, seen))
        return {
            "granted": granted,
            "owner": lease.owner,
            "generation": lease.generation,
            "renewals": lease.renewals,
            "heard": heard,
        }

    def lease_renew(self, name: str, owner: str, generation: int) -> dict[str, Any]:
        """Count a renewal; not granted: the lease is another's.

        Shapes: `heard` is the newest epoch that this node has heard of the stream from others.
        """
        granted = self._leases.renew(name, owner, generation)
        return {"granted": granted, "heard": self._heard_epoch(name, owner)}

    def lease_release(self, name: str, owner: str, generation: int) -> dict[str, bool]:
        """Give the lease back; not released: it was another's."""
        return {"released": self._leases.release(name, owner, generation)}

    def lease_list(self) -> list[dict[str, Any]]:
        """Give all leases by name."""
        return [msgspec.structs.asdict(lease) for lease in self._leases.list_all()]
