"""One HTTP exchange as handlers see it: a request with its version, and the answer to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import falcon.asgi
import msgspec

from congress_dist.errors import InvalidRequest

from .bus_client import PolicyClient
from .freshness import META_KEYS, freshness_headers
from .json_body import read_json
from .microversion import MIN_VERSION, Microversion
from .nodes_client import NodesClient

JSON = "application/json"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One request: typed access to its query and body, and the bus behind it."""

    raw: falcon.asgi.Request
    version: Microversion
    policy: PolicyClient
    nodes: NodesClient

    @property
    def is_congress(self) -> bool:
        """Tell whether the body must be exactly Congress's (version 1.0)."""
        return self.version == MIN_VERSION

    @property
    def url(self) -> str:
        """Give the address asked for, without query."""
        return f"{self.raw.prefix}{self.raw.path.rstrip('/')}"

    @property
    def idempotency_key(self) -> str | None:
        """Give the key that the client sent.

        Raises: InvalidRequest: it is longer than 255 characters.
        """
        key = self.raw.get_header("Idempotency-Key")
        if key is not None and len(key) > 255:
            raise InvalidRequest("the Idempotency-Key is longer than 255 characters")
        return key

    def text(self, name: str) -> str | None:
        """Give a query parameter.

        Raises: InvalidRequest: it stands in the query more than once.
        """
        value = self.raw.params.get(name)
        if isinstance(value, list):
            raise InvalidRequest(
                f"{name.capitalize()} parameter may not be provided multiple times.",
                reason="parameter",
            )
        return value

    def flag(self, name: str) -> bool:
        """Tell whether a query parameter is `true` or `1`, as Congress reads it."""
        return (self.text(name) or "").lower() in ("true", "1")

    def number(self, name: str, *, default: int, low: int, high: int) -> int:
        """Give a query parameter that is a whole number.

        Raises: InvalidRequest: it is none, or outside [low, high].
        """
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 10 and low <= int(text) <= high):
            raise InvalidRequest(
                f"query parameter {name!r} is {text[:40]!r}; expected {low} to {high}",
                reason="parameter",
            )
        return int(text)

    async def body(self, shape: type[T]) -> T:
        """Read the body as JSON of a given shape; unknown keys are ignored.

        Raises: InvalidRequest: not JSON (see `read_json`), or of another shape (reason `schema`).
        """
        value = await read_json(self.raw)
        try:
            return msgspec.convert(value, shape)
        except msgspec.ValidationError as error:
            raise InvalidRequest(
                f"the body has the wrong shape: {error}", reason="schema", problem=str(error)
            ) from error


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler answers; `write_answer` turns it into a response.

    Shapes: `meta` has keys of META_KEYS only: headers at 1.0, keys of the body from 1.1. A body of
        another `content_type` than JSON is bytes, written as they are.
    """

    body: Any
    status: int = 200
    location: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    content_type: str = JSON


def meta_of(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Give the part of a bus answer that says how fresh and complete it is."""
    return {key: answer[key] for key in META_KEYS if key in answer}


def write_answer(response: falcon.asgi.Response, answer: Answer, version: Microversion) -> None:
    """Put an answer into a response as the version wants it."""
    body = answer.body
    if version == MIN_VERSION:
        response.set_headers(freshness_headers(answer.meta))
    elif answer.meta:
        body = {**body, **answer.meta}
    if answer.location is not None:
        response.set_header("Location", answer.location)
    response.status = answer.status
    response.content_type = answer.content_type
    response.data = encode_body(body) if answer.content_type == JSON else body


def encode_body(body: Any) -> bytes:
    """Encode a body as Congress does: indented by two, with a newline at the end."""
    return msgspec.json.format(msgspec.json.encode(body), indent=2) + b"\n"
