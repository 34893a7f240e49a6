"""What a listener takes in while its handler is slow, step by step."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from congress_dist.clock import SystemClock
from congress_dist.frames import Frame
from congress_dist.selector_loop import READ, ReadyHandler, SelectorLoop
from congress_dist.uds_connection import Connection, ConnectionLimits
from congress_dist.uds_directory import Address, BusDirectory
from congress_dist.uds_listener import Arrival, ListenerLimits, UdsReceiver

CAST = [Frame.CAST, {}, {}]


class SteppedLoop(SelectorLoop):
    """Runs what was handed over when the test says so."""

    def __init__(self) -> None:
        super().__init__("stepped")
        self.handed_over: list[Callable[[], None]] = []
        self.watched: dict[int, int] = {}

    def call_soon(self, step: Callable[[], None]) -> None:
        self.handed_over.append(step)

    def watch(self, descriptor: int, events: int, _handler: ReadyHandler) -> None:
        self.watched[descriptor] = events

    def run(self) -> None:
        while self.handed_over:
            self.handed_over.pop(0)()


@pytest.fixture
def loop() -> SteppedLoop:
    return SteppedLoop()


def test_listener_that_fills_again_before_it_resumes_stays_paused(
    tmp_path: Path, loop: SteppedLoop
) -> None:
    limits = ListenerLimits(2, 10_000, ConnectionLimits(10_000, 10_000))
    ours, theirs = socket.socketpair()
    listening = socket.socket(socket.AF_UNIX)
    receiver = UdsReceiver(
        listening,
        Address("t", "f"),
        directory=BusDirectory(tmp_path),
        loop=loop,
        limits=limits,
        clock=SystemClock(),
    )
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
    for one in (ours, theirs, listening):
        one.close()
    loop.stop()
