"""Request bodies: bounded in size, depth and time, and read as JSON without tolerance."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, NoReturn

from falcon.asgi import Request

from congress_dist.errors import InvalidRequest

MAX_BODY_BYTES = 8 * 1024 * 1024
"""More than the largest policy of any library; small enough that many at once fit in memory."""
MAX_DEPTH = 200
"""Deeper than any real request; shallow enough for every recursive reader behind the API."""
READ_TIMEOUT = 30.0
"""Seconds that a client may take to send a body."""

_IN_THREAD_BYTES = 64 * 1024
"""Above this, decoding takes long enough to hold up other requests."""

# Why possessive, with an optional closing quote: no text makes it scan a character twice.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")


async def read_json(request: Request) -> Any:
    """Read and decode the body of a request.

    Raises: InvalidRequest: another content type or encoding; too large, too slow, too deep; not
        UTF-8; not JSON. Strict: no NaN or infinity, no key twice in an object, no half of a
        surrogate pair.
    """
    _check_headers(request)
    data = await _read(request)
    if len(data) > _IN_THREAD_BYTES:
        return await asyncio.to_thread(decode_json, data)
    return decode_json(data)


def decode_json(data: bytes) -> Any:
    """Decode bytes as strict JSON (see `read_json`)."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unreadable(f"not UTF-8 at byte {error.start}") from error
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object_without_duplicates,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
    except ValueError as error:
        raise _unreadable(str(error)) from error
    if _SURROGATE_ESCAPE.search(text):
        _check_surrogates(value)
    return value


def _check_headers(request: Request) -> None:
    media_type, _, parameters = (request.content_type or "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != "application/json" or charset not in ("", "utf-8"):
        raise InvalidRequest(
            "Unsupported Content-Type; must be 'application/json'", reason="content_type"
        )
    encoding = request.get_header("Content-Encoding") or "identity"
    if encoding.lower() != "identity":
        raise InvalidRequest(
            f"content encoding {encoding!r} is not supported; send the body as it is",
            reason="content_encoding",
        )


async def _read(request: Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()
    data = bytearray()
    try:
        async with asyncio.timeout(READ_TIMEOUT):
            async for piece in request.stream:
                data += piece
                if len(data) > MAX_BODY_BYTES:
                    raise _too_large()
    except TimeoutError as error:
        raise InvalidRequest(
            f"the body did not arrive within {READ_TIMEOUT:.0f} s", reason="body_too_slow"
        ) from error
    return bytes(data)


def _too_large() -> InvalidRequest:
    return InvalidRequest(
        f"the body is larger than {MAX_BODY_BYTES // 1024**2} MB", reason="body_too_large"
    )


def _check_depth(text: str) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        mark = match[0]
        if mark in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _unreadable(f"nested deeper than {MAX_DEPTH} levels")
        elif mark in "]}":
            depth -= 1


def _object_without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice!r} stands twice in one object")
    return result


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite_float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number {text[:40]} is too large for a float")
    return value


def _check_surrogates(value: Any) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise _unreadable("half of a surrogate pair in a string") from error
    elif isinstance(value, list):
        for item in value:
            _check_surrogates(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_surrogates(key)
            _check_surrogates(item)


def _unreadable(detail: str) -> InvalidRequest:
    return InvalidRequest(f"Failed to parse body as application/json: {detail}", reason="json")
