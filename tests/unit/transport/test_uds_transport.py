"""The transport over oslo.messaging and Unix sockets: conformance, and directories of any name."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from congress_dist.config import load_config
from congress_dist.errors import ServiceUnavailable, TransportError
from congress_dist.testing.transport_conformance import (
    PATIENCE,
    Inbox,
    Pair,
    TransportConformance,
    check_abandoned_call,
    echo,
)
from congress_dist.transports.transport import OsloTransport
from tests.waiting import wait_until


def make_pair(directory: Path) -> Pair:
    return Pair(OsloTransport(load_config(directory)), OsloTransport(load_config(directory)))


class TestUdsTransport(TransportConformance):
    @pytest.fixture
    def pair(self, tmp_path: Path) -> Iterator[Pair]:
        pair = make_pair(tmp_path)
        yield pair
        pair.one.stop()
        pair.other.stop()


@pytest.mark.parametrize(
    "name", ["x" * 200, "with space", "100%", "%2F", "$dollar$$", "a?b#c;d,e@f:g", "ü"]
)
def test_directories_of_any_name_and_length_work(tmp_path: Path, name: str) -> None:
    pair = make_pair(tmp_path / name / ("y" * 100))
    inbox = Inbox()
    pair.other.listen("t", "b", inbox)
    pair.other.serve("t", "b", echo)
    pair.one.publish("t", b"x")

    assert inbox.next() == b"x"
    assert pair.one.call("t", b"y", timeout=PATIENCE) == b"y"
    pair.one.stop()
    pair.other.stop()


def test_stopping_removes_every_socket(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    pair.other.listen("t", "b", Inbox())
    pair.other.serve("t", "b", echo)
    assert sockets(tmp_path) != []
    pair.other.stop()
    pair.one.stop()

    assert sockets(tmp_path) == []


def test_bus_directory_is_for_its_owner_only(tmp_path: Path) -> None:
    bus = tmp_path / "bus"
    bus.mkdir(mode=0o755)
    bus.chmod(0o755)
    pair = make_pair(tmp_path)
    pair.one.listen("t", "a", Inbox())

    assert bus.stat().st_mode & 0o777 == 0o700
    pair.one.stop()
    pair.other.stop()


def test_bus_directory_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "bus").write_text("a file")
    pair = make_pair(tmp_path)

    with pytest.raises(TransportError, match="bus' cannot be used"):
        pair.one.listen("t", "a", Inbox())
    with pytest.raises(TransportError, match="bus' cannot be used"):
        pair.one.publish("t", b"")
    pair.one.stop()
    pair.other.stop()


def test_who_speaks_first_on_a_bus_that_is_not_there_yet_fails_nothing(tmp_path: Path) -> None:
    new = tmp_path / "new" / "directory"
    one = OsloTransport(load_config(new))
    one.publish("t", b"nobody listens yet")
    with pytest.raises(ServiceUnavailable, match="nobody listens"):
        one.call("t", b"", timeout=1.0)
    assert (new / "bus").stat().st_mode & 0o777 == 0o700
    one.stop()


def test_bus_directory_that_vanishes_is_said_at_once(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    listener = pair.other.listen("t", "b", Inbox())
    pair.one.publish("t", b"")
    listener.stop()
    for directory in sorted((tmp_path / "bus").rglob("*"), reverse=True):
        directory.rmdir()
    (tmp_path / "bus").rmdir()

    with pytest.raises(TransportError):
        pair.one.publish("t", b"")
    inbox = Inbox()
    pair.other.listen("t", "b", inbox)
    pair.one.publish("t", b"again")
    assert inbox.next() == b"again"
    pair.one.stop()
    pair.other.stop()


def test_payload_above_the_limit_is_refused_and_the_next_one_carried(tmp_path: Path) -> None:
    one = OsloTransport(load_config(tmp_path, oslo_messaging_uds__max_message_bytes=65_536))
    inbox = Inbox()
    one.listen("t", "a", inbox)
    one.serve("t", "a", lambda payload: payload * 100)

    with pytest.raises(TransportError, match="larger than 65536"):
        one.publish("t", bytes(100_000))
    with pytest.raises(ServiceUnavailable, match="larger than 65536") as failure:
        one.call("t", bytes(100_000), timeout=PATIENCE)
    assert failure.value.fields["outcome"] == "not_written"
    one.publish("t", b"small")
    assert inbox.next() == b"small"
    one.stop()


def test_slow_handler_bounds_what_waits_and_gets_the_rest_in_order(tmp_path: Path) -> None:
    conf = load_config(
        tmp_path,
        oslo_messaging_uds__prefetch_count=10,
        oslo_messaging_uds__send_queue_bytes=65_536,
    )
    one = OsloTransport(conf)
    inbox, go_on = Inbox(), threading.Event()

    def handler(payload: bytes) -> None:
        go_on.wait(PATIENCE)
        inbox(payload)

    one.listen("t", "a", handler)
    for number in range(1000):
        one.publish("t", b"%6d" % number + bytes(10_000))
    dropped = one.counters()["queue_full"]
    go_on.set()
    arrived = [int(payload[:6]) for payload in inbox.take(1000 - dropped)]
    one.publish("t", b"  1000")

    assert 500 < dropped < 990
    assert arrived == sorted(set(arrived))
    assert arrived[:11] == list(range(11))
    assert inbox.next() == b"  1000"
    one.stop()


def test_call_that_waited_too_long_is_not_carried_out(tmp_path: Path) -> None:
    one = OsloTransport(load_config(tmp_path, dse__call_threads=1))
    check_abandoned_call(one)
    one.stop()


def test_listeners_that_come_and_go_leave_nothing_behind(tmp_path: Path) -> None:
    pair = make_pair(tmp_path)
    pair.other.listen("t", "first", Inbox()).stop()
    before = open_files()
    for number in range(20):
        listener = pair.other.listen("t", f"server {number}", Inbox())
        pair.one.publish("t", b"")
        listener.stop()
    pair.one.publish("t", b"")

    assert len(pair.other._attachments) == 1  # type: ignore[attr-defined]
    wait_until(lambda: open_files() <= before + 2, what="the connections are closed")
    assert sockets(tmp_path) == []
    pair.one.stop()
    pair.other.stop()


def test_driver_of_json_carries_bytes_as_text(tmp_path: Path) -> None:
    one = OsloTransport(load_config(tmp_path, dse__transport_url="fake://"))
    inbox = Inbox()
    payload = bytes(range(256))
    one.listen("t", "a", inbox)
    one.serve("t", "a", lambda question: question[::-1])
    one.publish("t", payload)

    assert inbox.next() == payload
    assert one.call("t", payload, timeout=PATIENCE) == payload[::-1]
    assert one.counters() == {}
    one.stop()


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def sockets(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_socket()]
