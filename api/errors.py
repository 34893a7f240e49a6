"""How errors become answers: one table from typed errors to HTTP statuses and Congress's codes.

A body is always {"error": {"message", "error_code", "error_data"}}. Problems of rule text are in
`error_data.diagnostics`, at every version. Internals never reach a client.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import falcon
import falcon.asgi

from congress_dist.clock import Clock
from congress_dist.errors import (
    Conflict,
    CongressError,
    InvalidRequest,
    NotFound,
    NotReady,
    UserError,
    WorldError,
)
from congress_dist.policy.language.diagnostics import PolicyError
from congress_dist.rate_limit import RateLimit

from .exchange import encode_body
from .microversion import MIN_VERSION, Microversion

LOG = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 1
"""A restart of a process takes about this long."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What a kind of error is over HTTP.

    Shapes: at version 1.0 a `description` stands before the message, as `description::message`.
    """

    status: int
    code: int
    description: str = ""


FAULT_BY_TYPE: tuple[tuple[type[CongressError], Fault], ...] = (
    (PolicyError, Fault(400, 1002, "Syntax error for rule")),
    (NotFound, Fault(404, 404, "Not Found")),
    (Conflict, Fault(409, 409)),
    (UserError, Fault(400, 400, "Bad Request")),
    (WorldError, Fault(503, 503, "Service Unavailable")),
    (CongressError, Fault(500, 500)),
)
"""The first entry that fits decides, unless the error's `reason` is in FAULT_BY_REASON."""

FAULT_BY_REASON: Mapping[str, Fault] = {
    "path": Fault(404, 404),
    "method": Fault(501, 501),
    "parameter": Fault(400, 400),
    "json": Fault(400, 400),
    "schema": Fault(400, 400, "Bad Request"),
    "content_type": Fault(400, 400),
    "content_encoding": Fault(415, 415),
    "body_too_large": Fault(413, 413),
    "body_too_slow": Fault(408, 408),
    "version_not_acceptable": Fault(406, 406),
    "multiple_rules": Fault(400, 1003, "Received string representing more than 1 rule"),
    "rule_exists": Fault(409, 1008, "Rule already exists"),
    "policy_name_missing": Fault(400, 1010),
    "not_permitted": Fault(400, 1019, "Rules not permitted on non persisted policies."),
    "policy_of_rules": Fault(404, 1020, "The specified policy does not exist."),
    "abbreviation": Fault(400, 1022),
    "system_policy": Fault(404, 404),
    "key_reused": Fault(422, 422),
}
"""Errors that their type does not tell apart; `reason` is a field of the error."""

_SHOWN_FIELDS = (
    "diagnostics",
    "missing",
    "outcome",
    "waiting_for",
    "min_version",
    "max_version",
    "problem",
)
"""Fields of errors that clients get as `error_data`; other ones are internal."""


def fault_of(error: CongressError) -> Fault:
    """Give status and code of an error."""
    by_reason = FAULT_BY_REASON.get(str(error.fields.get("reason")))
    if by_reason is not None:
        return by_reason
    return next(fault for kind, fault in FAULT_BY_TYPE if isinstance(error, kind))


def write_error(
    response: falcon.asgi.Response, error: CongressError, version: Microversion
) -> None:
    """Put an error into a response."""
    fault = fault_of(error)
    message = error.message if fault.status != 500 else "Internal server error"
    if version == MIN_VERSION and fault.description:
        message = f"{fault.description}::{message}"
    if fault.status == 503 and error.fields.get("coming", True):
        response.set_header("Retry-After", str(RETRY_AFTER_SECONDS))
    _write(response, fault.status, fault.code, message, _data_of(error))


def _data_of(error: CongressError) -> Any:
    if "problem" in error.fields:
        return error.fields["problem"]
    data = {key: error.fields[key] for key in _SHOWN_FIELDS if key in error.fields}
    if "diagnostics" in data:
        data["diagnostics"] = [_diagnostic(found) for found in data["diagnostics"]]
    return data or None


def _diagnostic(found: Mapping[str, Any]) -> dict[str, Any]:
    keys = ("code", "message", "note", "hint", "line", "column", "length")
    return {key: found[key] for key in keys if key in found}


def _write(
    response: falcon.asgi.Response, status: int, code: int, message: str, data: Any
) -> None:
    response.status = status
    response.content_type = "application/json"
    response.data = encode_body(
        {"error": {"message": message, "error_code": code, "error_data": data}}
    )


class UnknownPath(NotFound):
    """No resource has this path, or not at this version."""

    code = "unknown_path"

    def __init__(self, message: str = "The resource could not be found.", **_: Any) -> None:
        super().__init__(message, reason="path")


class UnsupportedMethod(InvalidRequest):
    """The resource exists and does not do this."""

    code = "unsupported_method"

    def __init__(self, message: str = "Method not supported", **_: Any) -> None:
        super().__init__(message, reason="method")


class ErrorAnswers:
    """Answers whatever a handler raised, and logs what an operator should know.

    Promises: an absent policy engine is one line a minute, however many requests it fails.
    """

    def __init__(self, clock: Clock) -> None:
        self._limit = RateLimit(clock)

    def install(self, app: falcon.asgi.App[Any, Any]) -> None:
        """Answer the errors of an application."""
        # Ordering: Falcon asks the handler added last first.
        app.add_error_handler(Exception, self.answer_unexpected)
        app.add_error_handler(falcon.HTTPError, self.answer_http_error)
        app.add_error_handler(CongressError, self.answer_typed)

    async def answer_typed(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        error: CongressError,
        params: Mapping[str, Any],  # noqa: ARG002
    ) -> None:
        """Answer one of our errors; our own faults are logged with their story."""
        if fault_of(error).status == 500:
            LOG.error("request failed path=%s", request.path, exc_info=error)
        elif (
            isinstance(error, WorldError)
            and not isinstance(error, NotReady)
            and self._limit.allows(error.code)
        ):
            LOG.warning("request not answered path=%s error=%s", request.path, error.message)
        write_error(response, error, _version_of(request))

    async def answer_http_error(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        error: falcon.HTTPError,
        params: Mapping[str, Any],  # noqa: ARG002
    ) -> None:
        """Answer an error of the framework in the form of ours."""
        if isinstance(error, falcon.HTTPMethodNotAllowed):
            response.set_headers(error.headers or {})
            write_error(response, UnsupportedMethod(), _version_of(request))
        else:
            status = error.status_code
            _write(response, status, status, error.title or str(error.status), None)

    async def answer_unexpected(
        self,
        request: falcon.asgi.Request,
        response: falcon.asgi.Response,
        error: Exception,
        params: Mapping[str, Any],  # noqa: ARG002
    ) -> None:
        """Log what nobody expected and answer 500 without a word about it."""
        LOG.error(
            "request crashed method=%s path=%s", request.method, request.path, exc_info=error
        )
        _write(response, 500, 500, "Internal server error", None)


def _version_of(request: falcon.asgi.Request) -> Microversion:
    version: Microversion = getattr(request.context, "version", MIN_VERSION)
    return version
