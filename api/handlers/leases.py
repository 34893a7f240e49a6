"""Leases of streams: who publishes what, and taking that away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from congress_dist.errors import Conflict, NotFound

from ..exchange import Answer, Request


class Grant(msgspec.Struct):
    """Which grant is taken back: nobody releases another one than he has seen."""

    owner: str
    generation: int


async def list_leases(request: Request) -> Answer:
    """Answer GET /v1/leases."""
    return Answer({"results": await request.policy.lease_list()})


async def release_lease(request: Request, lease: str) -> Answer:
    """Answer POST /v1/leases/{l}/release: the lease as it is afterwards.

    Raises: NotFound: there is no such stream. Conflict: it is not that grant any more.
    """
    grant = await request.body(Grant)
    answer = await request.policy.lease_release(lease, grant.owner, grant.generation)
    present = await _find(request, lease)
    # Also when somebody, perhaps a first try of this request, has released it before.
    is_free = present["owner"] is None and present["generation"] == grant.generation
    if not (answer["released"] or is_free):
        raise Conflict(
            f"the lease of {lease!r} is not {grant.owner!r}'s at generation {grant.generation}; "
            f"it is {present['owner']!r}'s at generation {present['generation']}",
            name=lease,
        )
    return Answer(dict(present))


async def _find(request: Request, name: str) -> Mapping[str, Any]:
    for lease in await request.policy.lease_list():
        if lease["name"] == name:
            return lease
    raise NotFound(
        f"no stream {name!r} was ever published; list them with: congress lease list", name=name
    )
