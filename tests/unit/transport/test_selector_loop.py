"""The loop that waits for descriptors."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from congress_dist.transports.selector_loop import READ, SelectorLoop

PATIENCE = 30.0


@pytest.fixture
def loop() -> Iterator[SelectorLoop]:
    loop = SelectorLoop("test-loop")
    loop.start()
    yield loop
    loop.stop()


def test_steps_run_in_order_in_the_loops_thread(loop: SelectorLoop) -> None:
    seen: list[int] = []
    names: set[str] = set()
    for number in range(100):
        loop.call_soon(partial(seen.append, number))
    loop.call_and_wait(lambda: names.add(threading.current_thread().name))

    assert seen == list(range(100))
    assert names == {"test-loop"}


def test_failing_step_does_not_end_the_others(
    loop: SelectorLoop, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ValueError("a step's own fault")

    loop.call_and_wait(fail)
    seen: list[int] = []
    loop.call_and_wait(lambda: seen.append(1))

    assert seen == [1]
    assert "step failed loop=test-loop" in caplog.text


def test_ready_descriptor_is_handled_until_forgotten(loop: SelectorLoop) -> None:
    reader, writer = os.pipe()
    arrived: list[bytes] = []
    handled = threading.Event()

    def handler(_events: int) -> None:
        arrived.append(os.read(reader, 10))
        handled.set()

    loop.call_and_wait(lambda: loop.watch(reader, READ, handler))
    os.write(writer, b"one")
    assert handled.wait(PATIENCE)
    loop.call_and_wait(lambda: loop.watch(reader, 0, handler))
    os.write(writer, b"two")
    loop.call_and_wait(lambda: None)

    assert arrived == [b"one"]
    os.close(reader)
    os.close(writer)


def test_step_may_hand_over_a_step(loop: SelectorLoop) -> None:
    done = threading.Event()
    loop.call_soon(lambda: loop.call_soon(done.set))

    assert done.wait(PATIENCE)


def test_after_its_end_nothing_runs_and_nobody_waits(loop: SelectorLoop) -> None:
    loop.stop()
    loop.stop()
    seen: list[int] = []
    loop.call_soon(lambda: seen.append(1))
    loop.call_and_wait(lambda: seen.append(2))
    loop.start()

    assert seen == []


def test_loop_that_never_started_can_be_stopped() -> None:
    loop = SelectorLoop("unused")
    loop.call_and_wait(lambda: None)
    loop.stop()
