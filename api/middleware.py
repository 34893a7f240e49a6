"""What happens to every request, in order.

    RequestId          first, so that every later line of the log and every answer can name it
    RequestLog         next: it sees the status that all others produced
    VersionNegotiation next: the errors of all that follow say which version they speak
    KnownMethods       last: what is left is looked at by handlers only

Errors become answers in errors.py: Falcon calls those handlers between the two halves.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

import falcon
import falcon.asgi

from congress_dist.clock import Clock

from .errors import UnknownPath, UnsupportedMethod
from .microversion import HEADER, MIN_VERSION, SERVICE_TYPE, negotiate

LOG = logging.getLogger(__name__)

UNVERSIONED_PATHS = ("/", "/healthz", "/metrics", "/metrics/targets")
"""Answered whatever version is asked for: the first tells which there are, the others are for
programs that ask for none."""


class RequestId:
    """Gives every request an id, and every answer that id."""

    async def process_request(
        self, request: falcon.asgi.Request, response: falcon.asgi.Response
    ) -> None:
        """Make the id."""
        request.context.request_id = f"req-{uuid.uuid4()}"
        response.set_header("X-OpenStack-Request-Id", request.context.request_id)


class RequestLog:
    """Writes one line per request: DEBUG, for what failed is logged where it did."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def process_request(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,  # noqa: ARG002
    ) -> None:
        """Note the start."""
        request.context.started = self._clock.monotonic()

    async def process_response(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        resource: Any,  # noqa: ARG002
        req_succeeded: bool,  # noqa: ARG002
    ) -> None:
        """Write the line."""
        LOG.debug(
            "request method=%s path=%s status=%s seconds=%.4f id=%s",
            request.method,
            request.path,
            response.status_code,
            self._clock.monotonic() - request.context.started,
            request.context.request_id,
        )


class KnownMethods:
    """Refuses methods that HTTP does not have."""

    async def process_request(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,  # noqa: ARG002
    ) -> None:
        """Refuse the request.

        Raises: UnsupportedMethod: the method is unknown.
        """
        if request.method not in falcon.COMBINED_METHODS:
            raise UnsupportedMethod


class VersionNegotiation:
    """Chooses the microversion; every answer says which one it speaks."""

    async def process_request(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
    ) -> None:
        """Put the version into the request's context.

        Raises: InvalidRequest: the version asked for is not offered.
        """
        request.context.version = MIN_VERSION
        response.set_header("Vary", HEADER)
        if request.path not in UNVERSIONED_PATHS:
            request.context.version = negotiate(request.get_header(HEADER))
        response.set_header(HEADER, f"{SERVICE_TYPE} {request.context.version}")

    async def process_resource(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,  # noqa: ARG002
        resource: Any,
        params: dict[str, Any],  # noqa: ARG002
    ) -> None:
        """Hide a path from versions that did not have it.

        Raises: UnknownPath: the version is older than the path.
        """
        if request.context.version < resource.since:
            raise UnknownPath


def make_middleware(clock: Clock) -> list[Any]:
    """Give the middleware in order, outermost first."""
    return [RequestId(), RequestLog(clock), VersionNegotiation(), KnownMethods()]
