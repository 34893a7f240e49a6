"""Socket files: names, finding, staleness."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from congress_dist.transports.uds_directory import Address, BusDirectory, topic_name


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[BusDirectory]:
    directory = BusDirectory(tmp_path / "bus")
    yield directory
    directory.close()


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "bus").rglob("*") if path.is_socket())


def test_listener_is_found_and_reached(bus: BusDirectory) -> None:
    listening, address = bus.bind("t", "server")
    peer = bus.connect(address)

    assert bus.addresses("t") == bus.addresses("t", "server") == [address]
    assert bus.addresses("t", "other") == bus.addresses("u") == []
    assert peer is not None
    accepted, _ = listening.accept()
    for one in (accepted, peer, listening):
        one.close()


@pytest.mark.parametrize("server", ["a", "a@b", "a/b", ".", "..", "", "é" * 100, "x" * 255, "a=b"])
def test_server_of_any_name_is_found_by_it_alone(bus: BusDirectory, server: str) -> None:
    listening, address = bus.bind("t", server)
    other, _ = bus.bind("t", server + "x")

    assert bus.addresses("t", server) == [address]
    assert len(os.fsencode(address.file)) < 90
    listening.close()
    other.close()


def test_long_names_that_begin_alike_differ() -> None:
    assert topic_name("e", "t" * 300 + "a") != topic_name("e", "t" * 300 + "b")


def test_topics_of_two_exchanges_differ() -> None:
    assert topic_name("a", "b@c") != topic_name("a@b", "c")


def test_connecting_to_a_dead_listener_removes_its_file(bus: BusDirectory, tmp_path: Path) -> None:
    listening, address = bus.bind("t", "server")
    listening.close()

    assert files(tmp_path) == [address.file]
    assert bus.connect(address) is None
    assert files(tmp_path) == []


def test_next_owner_removes_what_is_dead_and_nothing_else(
    bus: BusDirectory, tmp_path: Path
) -> None:
    dead, _ = bus.bind("t", "server")
    dead.close()
    alive, alive_address = bus.bind("t", "server")
    (tmp_path / "bus" / "t" / "notes").write_text("not a socket")
    half_made = socket.socket(socket.AF_UNIX)
    half_made.bind(str(tmp_path / "bus" / "t" / "half"))
    half_made.close()
    next_one, next_address = bus.bind("t", "server")

    assert files(tmp_path) == sorted([alive_address.file, next_address.file])
    assert (tmp_path / "bus" / "t" / "notes").exists()
    alive.close()
    next_one.close()


def test_listener_whose_queue_is_full_is_alive(bus: BusDirectory, tmp_path: Path) -> None:
    listening, address = bus.bind("t", "server")
    listening.listen(0)
    waiting = bus.connect(address)
    with pytest.raises(BlockingIOError):
        bus.connect(address)
    bus.sweep("t")

    assert files(tmp_path) == [address.file]
    assert waiting is not None
    waiting.close()
    listening.close()


def test_removing_twice_is_harmless(bus: BusDirectory) -> None:
    listening, address = bus.bind("t", "server")
    bus.remove(address)
    bus.remove(address)
    bus.remove(Address("no such topic", "file"))
    listening.close()


def test_many_threads_see_the_same_listeners(bus: BusDirectory) -> None:
    sockets = [bus.bind("t", f"server {number}")[0] for number in range(5)]
    wrong: list[int] = []

    def look() -> None:
        counts = [len(bus.addresses("t")) for _ in range(300)]
        wrong.extend(count for count in counts if count != 5)

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for one in sockets:
        one.close()


def test_many_that_bind_at_once_all_succeed(bus: BusDirectory) -> None:
    bound: list[socket.socket] = []
    threads = [
        threading.Thread(target=lambda: bound.append(bus.bind("t", "server")[0]))
        for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(bound) == len(bus.addresses("t")) == 16
    for one in bound:
        one.close()


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    directory = BusDirectory(tmp_path / "bus")
    listening, address = directory.bind("t", "server")
    peer = directory.connect(address)
    assert peer is not None
    peer.close()
    listening.close()
    directory.close()
    directory.close()

    assert len(list(Path("/proc/self/fd").iterdir())) == before
