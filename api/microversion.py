"""Microversions of the API: what a client may ask for, and what each one brought.

1.0   The API of OpenStack Congress: bodies exactly as there, freshness in headers.
1.1   `revision`, `as_of` and `missing` in bodies, columns beside rows, rows in pages; violations,
      explanations and the status of the whole system; nodes, and leases of streams.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from congress_dist.errors import InvalidRequest

HEADER = "OpenStack-API-Version"
SERVICE_TYPE = "policy"


class Microversion(NamedTuple):
    """A version of the API; versions compare as pairs of numbers."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


MIN_VERSION = Microversion(1, 0)
MAX_VERSION = Microversion(1, 1)

_NUMBERS = re.compile(r"(0|[1-9][0-9]{0,4})\.(0|[1-9][0-9]{0,4})")


def negotiate(header: str | None) -> Microversion:
    """Choose the version for a request from its header.

    Shapes: the header is a list `service version, …`; entries of other services are skipped.
    Raises: InvalidRequest: reason `version_not_acceptable`, with what would be.
    """
    for entry in (header or "").split(","):
        service, _, wanted = entry.strip().partition(" ")
        if service == SERVICE_TYPE:
            return _chosen(wanted.strip())
    return MIN_VERSION


def _chosen(wanted: str) -> Microversion:
    if wanted == "latest":
        return MAX_VERSION
    match = _NUMBERS.fullmatch(wanted)
    version = Microversion(int(match[1]), int(match[2])) if match else None
    if version is None or not MIN_VERSION <= version <= MAX_VERSION:
        raise InvalidRequest(
            f"version {wanted!r} is not offered; ask for {MIN_VERSION} to {MAX_VERSION} or latest",
            reason="version_not_acceptable",
            min_version=str(MIN_VERSION),
            max_version=str(MAX_VERSION),
        )
    return version
