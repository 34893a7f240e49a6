"""The API's web server on a real socket: starting, stopping, and clients that misbehave."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest

from congress_dist.api.service import ApiService
from congress_dist.dse_node import DseNode
from congress_dist.errors import ServiceUnavailable, StartupError


class LonelyNode:
    """A node on a bus where nobody else is."""

    def call(self, topic: str, method: str, **keywords: Any) -> Any:
        raise ServiceUnavailable(f"nobody serves {topic!r}", method=method, arguments=keywords)


def make_service(port: int = 0) -> ApiService:
    return ApiService("api@a1", host="127.0.0.1", port=port, call_timeout=1.0)


def start(service: ApiService) -> None:
    service.start(cast("DseNode", LonelyNode()))


@pytest.fixture
def service() -> Iterator[ApiService]:
    service = make_service()
    start(service)
    yield service
    service.stop()


def request(service: ApiService, method: str, path: str, **keywords: Any) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=10)
    try:
        connection.request(method, path, **keywords)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def send_raw(service: ApiService, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    return received


def test_a_process_is_healthy_although_nobody_answers_it(service: ApiService) -> None:
    assert request(service, "GET", "/healthz") == (200, {"status": "ok"})
    status, body = request(service, "GET", "/v1/policies")
    assert status == 503
    assert body["error"]["error_code"] == 503


def test_a_port_in_use_is_told_at_start_with_the_way_out(service: ApiService) -> None:
    second = make_service(service.port)
    with pytest.raises(StartupError, match=rf"port {service.port} on 127.0.0.1 is in use.*--port"):
        start(second)
    second.stop()
    assert request(service, "GET", "/healthz")[0] == 200


def test_an_address_of_another_machine_is_told_at_start() -> None:
    service = ApiService("api@a1", host="192.0.2.1", port=0, call_timeout=1.0)
    with pytest.raises(StartupError, match=r"cannot listen on 192\.0\.2\.1.*bind_host"):
        start(service)


def test_a_port_is_free_again_after_stop() -> None:
    first = make_service()
    start(first)
    assert request(first, "GET", "/healthz")[0] == 200
    first.stop()
    first.stop()
    second = make_service(first.port)
    start(second)
    assert request(second, "GET", "/healthz")[0] == 200
    second.stop()


def test_stop_right_after_start_leaves_nothing_behind() -> None:
    service = make_service()
    start(service)
    service.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", service.port), timeout=1)


@pytest.mark.parametrize(
    "data",
    [
        b"no http at all\r\n\r\n",
        b"GET /v1/policies HTTP/9.9\r\n\r\n",
        b"GET /v1/policies HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        b"GET /v1/policies/%ff%00%0d%0aX:1/rules HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"POST /v1/policies HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n\r\n{",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ],
)
def test_others_are_unaffected_by_a_client_that_speaks_nonsense(
    service: ApiService, data: bytes
) -> None:
    received = send_raw(service, data)
    assert not received.startswith((b"HTTP/1.1 2", b"HTTP/1.1 500"))
    assert request(service, "GET", "/healthz")[0] == 200


def test_a_body_is_refused_before_it_is_read_when_it_says_that_it_is_large(
    service: ApiService,
) -> None:
    begun = (
        b"POST /v1/policies HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100000000\r\n\r\n{"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(begun)
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")


def test_a_body_without_length_is_cut_off_at_the_limit(service: ApiService) -> None:
    chunks = (b" " * 1024 * 1024 for _ in range(20))
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    try:
        status, _ = request(
            service, "POST", "/v1/policies", body=chunks, headers=headers, encode_chunked=True
        )
    except (BrokenPipeError, ConnectionResetError):
        return
    assert status == 413
