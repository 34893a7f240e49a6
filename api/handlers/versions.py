"""Which versions there are: the only resource outside /v1."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from ..exchange import Answer, Request
from ..microversion import MAX_VERSION, MIN_VERSION

_UPDATED = "2026-11-21T00:00:00Z"
"""When the newest microversion was made."""
_DOCUMENTATION = "https://docs.openstack.org/congress/latest/"


async def list_versions(request: Request) -> Answer:
    """Answer GET /: the versions with the microversions they offer."""
    version = _version([_link("self", f"{request.raw.prefix}/v1/")])
    offered = {"min_version": str(MIN_VERSION), "max_version": str(MAX_VERSION)}
    return Answer({"versions": [version | offered]})


async def show_version(request: Request) -> Answer:
    """Answer GET /v1."""
    links = [
        _link("self", f"{request.raw.prefix}/"),
        _link("describedby", _DOCUMENTATION) | {"type": "text/html"},
    ]
    return Answer({"version": _version(links)})


def list_choices(raw: falcon.asgi.Request) -> Answer:
    """Answer a path that names no version: where it would be."""
    links = [_link("self", f"{raw.prefix}/v1{raw.path}")]
    return Answer({"choices": [_version(links)]}, status=300)


def _version(links: list[dict[str, str]]) -> dict[str, Any]:
    return {"id": "v1", "status": "CURRENT", "updated": _UPDATED, "links": links}


def _link(relation: str, address: str) -> dict[str, str]:
    return {"rel": relation, "href": address}
