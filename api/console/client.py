"""The API seen from the command line: one HTTP connection, plain values in and out.

Imports only what starts quickly. Every failure becomes one of the project's errors, whose message
says what to do.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from congress_dist.errors import (
    Conflict,
    CongressError,
    InvalidRequest,
    NotFound,
    NotReady,
    ServiceUnavailable,
)

DEFAULT_ENDPOINT = "http://127.0.0.1:1789"
ENDPOINT_VARIABLE = "CONGRESS_URL"
VERSION = "policy 1.1"
TIMEOUT = 30.0
"""Seconds to wait for an answer: longer than the API itself waits for the policy engine."""


def add_endpoint_option(parser: argparse.ArgumentParser) -> None:
    """Declare `--endpoint`."""
    parser.add_argument(
        "--endpoint",
        metavar="URL",
        help=f"address of the API (default: ${ENDPOINT_VARIABLE} or {DEFAULT_ENDPOINT})",
    )


class Client:
    """The API at one address, at version 1.1.

    Raises: ServiceUnavailable: nothing answers there, or the system behind it does not;
        NotReady, NotFound, Conflict, InvalidRequest: as the API answers.
    """

    def __init__(self, endpoint: str | None = None, *, timeout: float = TIMEOUT) -> None:
        self.endpoint = (endpoint or os.environ.get(ENDPOINT_VARIABLE) or DEFAULT_ENDPOINT).rstrip(
            "/"
        )
        self._timeout = timeout
        self._connection: HTTPConnection | None = None

    def get(self, *path: str, **query: Any) -> Any:
        """Give the resource at /v1/path…; queries that are None are left out."""
        return self._request("GET", _address(path, query))

    def pages(self, *path: str, **query: Any) -> Iterator[Any]:
        """Give the answers of a list that comes in pages, one by one."""
        address: str | None = _address(path, query)
        while address is not None:
            page = self._request("GET", address)
            yield page
            address = page.get("next")

    def post(self, *path: str, body: Any) -> Any:
        """Create what the body describes at /v1/path…."""
        return self._request("POST", _address(path, {}), body)

    def delete(self, *path: str) -> Any:
        """Delete the resource at /v1/path…."""
        return self._request("DELETE", _address(path, {}))

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _request(self, method: str, address: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"OpenStack-API-Version": VERSION, "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        status, content = self._exchange(method, address, data, headers)
        answer = self._decoded(status, content)
        if status >= 300:
            raise _error_of(status, answer, self.endpoint)
        return answer

    def _exchange(
        self, method: str, address: str, data: bytes | None, headers: dict[str, str]
    ) -> tuple[int, bytes]:
        # A connection that the server closed meanwhile fails on its next use: open another one,
        # once, and only for GET: a write may have been done although its answer was lost.
        attempts = 2 if self._connection is not None and method == "GET" else 1
        for attempt in range(attempts):
            try:
                connection = self._connect()
                connection.request(method, address, data, headers)
                response = connection.getresponse()
                return response.status, response.read()
            except (OSError, HTTPException) as error:
                self.close()
                if attempt + 1 == attempts:
                    raise self._unreachable(error) from error
        raise AssertionError("unreachable")

    def _connect(self) -> HTTPConnection:
        if self._connection is None:
            self._connection = self._open()
        return self._connection

    def _open(self) -> HTTPConnection:
        parts = urlsplit(self.endpoint)
        kind = {"http": HTTPConnection, "https": HTTPSConnection}.get(parts.scheme)
        try:
            port = parts.port
        except ValueError:
            kind = None
        if kind is None or not parts.hostname or parts.path or parts.query:
            raise InvalidRequest(
                f"endpoint '{self.endpoint}' is no address of an API; expected something "
                f"like {DEFAULT_ENDPOINT}"
            )
        connection: HTTPConnection = kind(parts.hostname, port, timeout=self._timeout)
        return connection

    def _unreachable(self, error: Exception) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"no answer from {self.endpoint}: {error}; start the system with: congress up, or "
            f"name another address with --endpoint or {ENDPOINT_VARIABLE}",
            endpoint=self.endpoint,
        )

    def _decoded(self, status: int, content: bytes) -> Any:
        try:
            return json.loads(content)
        except ValueError as error:
            raise ServiceUnavailable(
                f"what answers at {self.endpoint} is not the API of congress_dist "
                f"(status {status}, no JSON); name another address with --endpoint",
                endpoint=self.endpoint,
            ) from error


def _address(path: tuple[str, ...], query: dict[str, Any]) -> str:
    address = "/v1/" + "/".join(quote(part, safe=":") for part in path)
    given = {name: value for name, value in query.items() if value is not None}
    return f"{address}?{urlencode(given)}" if given else address


_CLASS_BY_STATUS: dict[int, type[CongressError]] = {404: NotFound, 409: Conflict}


def _error_of(status: int, answer: Any, endpoint: str) -> CongressError:
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return ServiceUnavailable(f"{endpoint} answered {status} without saying why")
    message, data = str(error.get("message")), error.get("error_data")
    fields = data if isinstance(data, dict) else {}
    if status >= 500:
        kind: type[CongressError] = NotReady if "missing" in fields else ServiceUnavailable
        return kind(message, **fields)
    return _CLASS_BY_STATUS.get(status, InvalidRequest)(message, **fields)
