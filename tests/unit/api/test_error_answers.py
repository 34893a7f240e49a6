"""Every error has one place in the table: its status, its code, what of it is shown."""

from __future__ import annotations

import logging
from typing import Any

import falcon.asgi
import pytest
from falcon import testing

from congress_dist.api.errors import ErrorAnswers
from congress_dist.api.microversion import MAX_VERSION
from congress_dist.errors import (
    Conflict,
    CongressError,
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    InvalidRow,
    NotFound,
    NotReady,
    ServiceUnavailable,
    StoreUnavailable,
)
from congress_dist.policy.language.diagnostics import Diagnostic, PolicyError
from congress_dist.testing.fake_clock import FakeClock


class Raiser:
    """A resource that raises what it was given."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def on_get(self, request: falcon.asgi.Request, response: falcon.asgi.Response) -> None:
        request.context.version = MAX_VERSION
        response.set_header("X-Raised", "yes")
        raise self.error


def answer_to(error: Exception) -> Any:
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App()
    ErrorAnswers(FakeClock()).install(app)
    app.add_route("/", Raiser(error))
    return testing.TestClient(app).simulate_get("/")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (InvalidRequest("x"), 400, 400),
        (InvalidRow("x"), 400, 400),
        (NotFound("x"), 404, 404),
        (NotFound("x", reason="policy_of_rules"), 404, 1020),
        (Conflict("x"), 409, 409),
        (Conflict("x", reason="rule_exists"), 409, 1008),
        (InvalidRequest("x", reason="multiple_rules"), 400, 1003),
        (InvalidRequest("x", reason="not_permitted"), 400, 1019),
        (Conflict("x", reason="key_reused"), 422, 422),
        (PolicyError([]), 400, 1002),
        (ServiceUnavailable("x"), 503, 503),
        (DeadlineExceeded("x"), 503, 503),
        (StoreUnavailable("x"), 503, 503),
        (NotReady("x"), 503, 503),
        (CongressError("x"), 500, 500),
        (InternalError("x"), 500, 500),
        (RuntimeError("x"), 500, 500),
    ],
)
def test_each_error_has_its_status_and_code(error: Exception, status: int, code: int) -> None:
    answer = answer_to(error)
    assert (answer.status_code, answer.json["error"]["error_code"]) == (status, code)
    assert ("retry-after" in answer.headers) == (status == 503)


@pytest.mark.parametrize(
    "error", [RuntimeError("secret"), InternalError("secret", path="/secret")]
)
def test_internals_never_reach_a_client(error: Exception) -> None:
    answer = answer_to(error)
    assert "secret" not in answer.text
    assert answer.json["error"]["message"] == "Internal server error"


def test_only_chosen_fields_are_shown() -> None:
    error = ServiceUnavailable("x", outcome="unknown", topic="policy", server="internal")
    assert answer_to(error).json["error"]["error_data"] == {"outcome": "unknown"}
    assert answer_to(NotFound("x", policy="p")).json["error"]["error_data"] is None


def test_diagnostics_are_shown_without_the_source_text() -> None:
    found = Diagnostic("syntax", "no", line=2, column=3, length=4, hint="do", text="the line")
    shown = answer_to(PolicyError([found])).json["error"]["error_data"]["diagnostics"]
    assert shown == [
        {"code": "syntax", "message": "no", "note": "", "hint": "do", "line": 2, "column": 3,
         "length": 4}
    ]  # fmt: skip


def test_an_absent_engine_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    app: falcon.asgi.App[Any, Any] = falcon.asgi.App()
    ErrorAnswers(clock).install(app)
    app.add_route("/", Raiser(ServiceUnavailable("nobody answers")))
    client = testing.TestClient(app)
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            client.simulate_get("/")
        assert len(caplog.records) == 1
        clock.advance(61)
        client.simulate_get("/")
    assert len(caplog.records) == 2
