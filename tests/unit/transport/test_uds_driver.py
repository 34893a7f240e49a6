"""The uds driver by itself: what oslo.messaging promises of a driver."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from congress_dist.config import load_config
from congress_dist.transports.transport import load_messaging

PATIENCE = 30.0


class Endpoint:
    def __init__(self) -> None:
        self.calls: list[tuple[dict[str, Any], Any]] = []
        self.arrived = threading.Semaphore(0)
        self.go_on = threading.Event()

    def note(self, context: dict[str, Any], value: Any) -> Any:
        self.calls.append((context, value))
        self.arrived.release()
        return value

    def fail(self, _context: dict[str, Any], text: str) -> None:
        raise ValueError(text)

    def give(self, _context: dict[str, Any]) -> object:
        return object()

    def wait(self, _context: dict[str, Any], seconds: float) -> str:
        self.go_on.wait(seconds)
        return "waited"


class Bus:
    """oslo.messaging over the driver, as anybody would use it."""

    def __init__(self, directory: Path) -> None:
        self.conf = load_config(directory)
        self.messaging = load_messaging(self.conf)
        self.transport = self.messaging.get_rpc_transport(
            self.conf, url=self.conf.dse.transport_url, allowed_remote_exmods=["builtins"]
        )
        self.servers: list[Any] = []

    def serve(self, server: str, topic: str = "t") -> Endpoint:
        endpoint = Endpoint()
        target = self.messaging.Target(topic=topic, server=server)
        rpc_server = self.messaging.get_rpc_server(self.transport, target, [endpoint])
        rpc_server.start()
        self.servers.append(rpc_server)
        return endpoint

    def client(self, **target: Any) -> Any:
        return self.messaging.get_rpc_client(
            self.transport, self.messaging.Target(**{"topic": "t", **target})
        )

    def close(self) -> None:
        for server in self.servers:
            server.stop()
        self.transport.cleanup()
        for server in self.servers:
            server.wait()


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    bus = Bus(tmp_path)
    yield bus
    bus.close()


def test_driver_is_found_by_its_entry_point(bus: Bus) -> None:
    assert type(bus.transport._driver).__name__ == "UdsDriver"


def test_call_carries_context_and_arguments(bus: Bus) -> None:
    endpoint = bus.serve("a")
    value = {"text": "é", "list": [1, 2.5, None, True], "bytes": b"\0\xff", "map": {"k": {}}}

    assert bus.client().call({"user": "me"}, "note", value=value) == value
    ((context, seen),) = endpoint.calls
    assert seen == value
    assert context["user"] == "me"
    assert 0.0 <= context["queued_seconds"] < PATIENCE


def test_cast_goes_to_one_server_and_fanout_to_all(bus: Bus) -> None:
    endpoints = [bus.serve("a"), bus.serve("b")]
    for number in range(4):
        bus.client().cast({}, "note", value=number)
    for endpoint in endpoints:
        for _ in range(2):
            assert endpoint.arrived.acquire(timeout=PATIENCE)
    assert sorted(value for one in endpoints for _, value in one.calls) == [0, 1, 2, 3]

    bus.client(fanout=True).cast({}, "note", value="all")
    for endpoint in endpoints:
        assert endpoint.arrived.acquire(timeout=PATIENCE)
        assert endpoint.calls[-1][1] == "all"


def test_cast_to_a_server_reaches_that_one(bus: Bus) -> None:
    other, endpoint = bus.serve("a"), bus.serve("b")
    for number in range(4):
        bus.client(server="b").cast({}, "note", value=number)
        assert endpoint.arrived.acquire(timeout=PATIENCE)
    assert other.calls == []


def test_cast_to_nobody_is_counted_and_not_raised(bus: Bus) -> None:
    bus.client().cast({}, "note", value=1)
    bus.client(fanout=True).cast({}, "note", value=1)

    assert bus.transport._driver.counters() == {"nobody": 1}


def test_cast_to_a_stopped_peer_is_not_counted_as_gone(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    bus.serve("a")

    def takes_nobody(*_: object) -> None:
        raise BlockingIOError

    monkeypatch.setattr(bus.transport._driver, "_caller", takes_nobody)
    bus.client(fanout=True).cast({}, "note", value=1)

    assert bus.transport._driver.counters() == {"peer_stopped": 1}


def test_exchanges_are_apart(bus: Bus) -> None:
    bus.serve("a")

    with pytest.raises(bus.messaging.MessageDeliveryFailure):
        bus.client(exchange="other").call({}, "note", value=1)


def test_remote_exception_of_an_allowed_module_keeps_its_type(bus: Bus) -> None:
    bus.serve("a")

    with pytest.raises(ValueError, match="what happened"):
        bus.client().call({}, "fail", text="what happened")


def test_answer_that_cannot_be_sent_is_an_error_for_the_caller(bus: Bus) -> None:
    bus.serve("a")

    with pytest.raises(TypeError, match="object"):
        bus.client().call({}, "give")


def test_timeout_is_a_messaging_timeout(bus: Bus) -> None:
    endpoint = bus.serve("a")

    with pytest.raises(bus.messaging.MessagingTimeout, match=r"within 0\.1 s"):
        bus.client().prepare(timeout=0.1).call({}, "wait", seconds=PATIENCE)
    endpoint.go_on.set()


def test_monitored_call_outlives_its_monitor_timeout(bus: Bus) -> None:
    bus.serve("a")
    client = bus.client().prepare(timeout=PATIENCE, call_monitor_timeout=2)

    assert client.call({}, "wait", seconds=2.5) == "waited"


def test_cleanup_fails_the_calls_under_way(bus: Bus, tmp_path: Path) -> None:
    endpoint = bus.serve("a")
    caller = Bus(tmp_path)
    failures: list[Exception] = []

    def call() -> None:
        try:
            caller.client().prepare(timeout=PATIENCE).call({}, "wait", seconds=PATIENCE)
        except caller.messaging.MessagingException as failure:
            failures.append(failure)

    thread = threading.Thread(target=call)
    thread.start()
    caller.client().call({}, "note", value=1)
    caller.transport.cleanup()
    thread.join()
    endpoint.go_on.set()

    (failure,) = failures
    assert isinstance(failure, caller.messaging.MessageDeliveryFailure)


@pytest.mark.parametrize(
    "operation",
    [
        lambda driver: driver.send_notification(None, {}, {}, 2.0),
        lambda driver: driver.listen_for_notifications([], None, 1, None),
        lambda driver: driver.require_features(requeue=True),
    ],
)
def test_what_the_driver_cannot_do_it_says(bus: Bus, operation: Callable[[Any], None]) -> None:
    with pytest.raises(NotImplementedError):
        operation(bus.transport._driver)


def test_loading_warns_of_nothing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Bus(tmp_path).close()
