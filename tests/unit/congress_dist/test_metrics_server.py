"""The server of a node's metrics: one path, the first free port, nothing that keeps it busy."""

from __future__ import annotations

import errno
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from congress_dist.errors import InvalidConfig
from congress_dist.metrics_server import InTime, MetricsServer, ports_of
from congress_dist.node.call_times import CallTimes
from congress_dist.testing.fake_clock import FakeClock
from tests.waiting import wait_until

REPORT = {
    "node": "n", "incarnation": "i", "services": ["s"], "version": "1", "uptime": 1.0,
    "streams": [], "sources": [], "queues": {}, "counters": {},
    "traffic": {"sent": 0, "sent_bytes": 0, "received": 0, "received_bytes": 0},
    "calls": {"made": CallTimes().report(), "served": []},
}  # fmt: skip


@pytest.fixture
def server() -> Iterator[MetricsServer]:
    server = MetricsServer(lambda: REPORT, "127.0.0.1", range(1))
    yield server
    server.stop()


def get(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_metrics_are_at_the_address_it_gives(server: MetricsServer) -> None:
    address = server.start()
    assert address is not None
    status, text = get(address)
    assert status == 200
    assert 'congress_node_info{incarnation="i",name="n",services="s",version="1"} 1.0' in text
    assert get(address.replace("/metrics", "/other"))[0] == 404
    assert get(address)[0] == 200


def test_node_whose_report_fails_answers_nothing_and_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reports = iter([None, REPORT])
    server = MetricsServer(lambda: next(reports), "127.0.0.1", range(1))  # type: ignore[arg-type, return-value]
    address = server.start()
    assert address is not None
    with pytest.raises(OSError, match="closed"):
        get(address)
    wait_until(lambda: "metrics were not answered" in caplog.text, what="the failure is logged")
    assert get(address)[0] == 200
    server.stop()


def test_clients_that_say_nothing_do_not_take_all_places(server: MetricsServer) -> None:
    address = server.start()
    assert address is not None
    port = int(address.rpartition(":")[2].partition("/")[0])
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
    with pytest.raises(OSError, match=r"closed|reset"):
        get(address)
    for connection in silent:
        connection.close()


def test_client_that_sends_a_byte_now_and_then_does_not_keep_its_place() -> None:
    clock = FakeClock()
    here, there = socket.socketpair()
    with here, there:
        asked = InTime(here, clock, 10.0)
        for _ in range(3):
            there.send(b"x")
            clock.advance(3.0)
            assert asked.read(1) == b"x"
        there.send(b"x")
        clock.advance(3.0)
        with pytest.raises(TimeoutError):
            asked.read(1)


class Exhausted:
    """A listener while the process has no file descriptor left."""

    def __init__(self) -> None:
        self.tries = 0

    def accept(self) -> None:
        self.tries += 1
        raise OSError(errno.EMFILE, "too many open files")


def test_accepting_that_fails_is_not_tried_without_end(server: MetricsServer) -> None:
    listener = Exhausted()
    thread = threading.Thread(target=server._run, args=(listener,))
    thread.start()
    wait_until(lambda: listener.tries, what="it tried")
    server.stop()
    thread.join(20)
    assert not thread.is_alive()
    assert listener.tries <= 2


def test_without_a_thread_one_client_is_sent_away_and_the_next_is_answered(
    server: MetricsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    address = server.start()
    assert address is not None
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "metrics-answer":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    for _ in range(9):  # more than may be answered at once: each gave its place back
        with pytest.raises(OSError, match=r"closed|reset"):
            get(address)
    monkeypatch.undo()
    assert get(address)[0] == 200
    assert "no thread to answer for metrics" in caplog.text


def test_the_first_free_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = MetricsServer(lambda: REPORT, "127.0.0.1", range(port, port + 20))
        address = server.start()
        assert address is not None
        assert f":{port}/" not in address
        server.stop()


def test_without_a_free_port_the_node_works_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = MetricsServer(lambda: REPORT, "127.0.0.1", range(port, port + 1))
        assert server.start() is None
    assert "no port for metrics" in caplog.text
    server.stop()


def test_stopped_server_is_gone(server: MetricsServer) -> None:
    address = server.start()
    assert address is not None
    server.stop()
    server.stop()
    with pytest.raises(OSError, match="refused"):
        get(address)


@pytest.mark.parametrize(
    ("text", "first", "count"), [("off", None, 0), ("0", 0, 1), ("9710", 9710, 1),
                                 ("9710-9719", 9710, 10)]
)  # fmt: skip
def test_ports_are_read(text: str, first: int | None, count: int) -> None:
    ports = ports_of(text)
    assert (len(ports), ports[0] if ports else None) == (count, first)


@pytest.mark.parametrize("text", ["", "x", "-1", "9719-9710", "0-10", "1-65536", "1-2-3", "on"])
def test_what_is_no_range_of_ports_is_refused(text: str) -> None:
    with pytest.raises(InvalidConfig, match="9710-9799"):
        ports_of(text)
