"""What a listener takes in while its handler is slow, step by step."""

from __future__ import annotations

import errno
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from congress_dist.clock import SystemClock
from congress_dist.transports import uds_listener
from congress_dist.transports.frames import Frame
from congress_dist.transports.selector_loop import READ, ReadyHandler, SelectorLoop
from congress_dist.transports.uds_connection import Connection, ConnectionLimits
from congress_dist.transports.uds_directory import Address, BusDirectory
from congress_dist.transports.uds_listener import Arrival, ListenerLimits, UdsReceiver

PATIENCE = 10.0
CAST = [Frame.CAST, {}, {}]


class SteppedLoop(SelectorLoop):
    """Runs what was handed over when the test says so."""

    def __init__(self) -> None:
        super().__init__("stepped")
        self.handed_over: list[Callable[[], None]] = []
        self.was_handed_over = threading.Event()
        self.watched: dict[int, int] = {}

    def call_soon(self, step: Callable[[], None]) -> None:
        self.handed_over.append(step)
        self.was_handed_over.set()

    def watch(self, descriptor: int, events: int, _handler: ReadyHandler) -> None:
        self.watched[descriptor] = events

    def run(self) -> None:
        self.was_handed_over.clear()
        while self.handed_over:
            self.handed_over.pop(0)()


@pytest.fixture
def loop() -> SteppedLoop:
    return SteppedLoop()


@pytest.fixture
def make_receiver(
    tmp_path: Path, loop: SteppedLoop
) -> Iterator[Callable[[socket.socket], UdsReceiver]]:
    listening: list[socket.socket] = []

    def make(one: socket.socket) -> UdsReceiver:
        listening.append(one)
        return UdsReceiver(
            one,
            Address("t", "f"),
            directory=BusDirectory(tmp_path),
            loop=loop,
            limits=ListenerLimits(2, 10_000, ConnectionLimits(10_000, 10_000)),
            clock=SystemClock(),
        )

    yield make
    for one in listening:
        one.close()
    loop.stop()


def test_listener_without_descriptors_rests_and_tries_again(
    make_receiver: Callable[[socket.socket], UdsReceiver],
    loop: SteppedLoop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Listening(socket.socket):
        def accept(self) -> NoReturn:
            raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(uds_listener, "_ACCEPT_AGAIN_AFTER", 0.0)
    listening = Listening(socket.AF_UNIX)
    receiver = make_receiver(listening)
    receiver.start(lambda _: None)
    loop.run()
    receiver._accept(READ)
    assert loop.watched[listening.fileno()] == 0
    assert loop.was_handed_over.wait(PATIENCE)
    loop.run()
    assert loop.watched[listening.fileno()] == READ


def test_listener_that_fills_again_before_it_resumes_stays_paused(
    make_receiver: Callable[[socket.socket], UdsReceiver], loop: SteppedLoop
) -> None:
    ours, theirs = socket.socketpair()
    receiver = make_receiver(socket.socket(socket.AF_UNIX))
    arrived: list[Arrival] = []
    receiver.start(arrived.append)
    receiver._add(ours)
    loop.run()
    (connection,) = receiver._connections
    assert isinstance(connection, Connection)

    def arrive(times: int) -> None:
        for _ in range(times):
            receiver._on_frame(connection, 100, CAST)

    arrive(2)
    assert loop.watched[ours.fileno()] == 0
    for arrival in arrived:
        receiver.handled(arrival)
    arrive(2)  # they were read with the first two, and the loop has not come to resume yet
    loop.run()
    assert loop.watched[ours.fileno()] == 0

    for arrival in arrived[2:]:
        receiver.handled(arrival)
    loop.run()
    assert loop.watched[ours.fileno()] == READ
    ours.close()
    theirs.close()
