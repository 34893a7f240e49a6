"""The child's beats."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from congress_dist.processes.alive import beat_until


def test_beats_until_stopped_and_closes_the_pipe() -> None:
    beats, alive = os.pipe()
    stopping = threading.Event()
    beating = threading.Thread(target=beat_until, args=(stopping, alive, lambda: True))
    beating.start()

    assert os.read(beats, 1) == b"."
    stopping.set()
    beating.join()
    assert os.read(beats, 10) == b""
    os.close(beats)


def test_stops_when_nobody_reads_any_more() -> None:
    beats, alive = os.pipe()
    os.close(beats)
    stopping = threading.Event()
    beat_until(stopping, alive, lambda: True)

    assert stopping.is_set()


def test_stops_when_nobody_reads_any_more_though_it_does_not_live() -> None:
    read_fd, write_fd = os.pipe()
    os.close(read_fd)
    stopping = threading.Event()
    beat_until(stopping, write_fd, lambda: False)
    assert stopping.is_set()


def test_is_silent_while_it_does_not_live() -> None:
    beats, alive = os.pipe()
    os.set_blocking(beats, False)
    stopping = threading.Event()

    def is_alive() -> bool:
        stopping.set()
        return False

    beat_until(stopping, alive, is_alive)
    assert os.read(beats, 10) == b""
    os.close(beats)


def test_a_full_pipe_means_a_stopped_supervisor_not_a_dead_one() -> None:
    beats, alive = os.pipe()
    os.set_blocking(alive, False)
    with suppress(BlockingIOError):
        while os.write(alive, b"." * 4096):
            pass
    asked: list[None] = []
    stopping = threading.Event()

    def is_alive() -> bool:
        asked.append(None)
        threading.Timer(0, stopping.set).start()
        return True

    beat_until(stopping, alive, is_alive)
    assert len(asked) == 1
    os.close(beats)
