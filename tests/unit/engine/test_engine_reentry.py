"""Python that runs while the kernel reads rows or makes answers, and comes back to the engine."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import overload

import pytest

from congress_dist.errors import InvalidRequest
from congress_dist.policy import Engine
from congress_dist.policy.kernel import Column
from congress_dist.row import Cell

pytestmark = pytest.mark.usefixtures("_quiet_collector")

MANY = 5_000  # more than Python keeps free tuples


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"t": ["x", "y"]})
    engine.load("d", {"t": [("before", 0)]})
    return engine


class Row(Sequence[Cell]):
    """A row whose cells come from a function that is called when somebody asks for them."""

    def __init__(self, cells: Callable[[], tuple[Cell, ...]]) -> None:
        self._cells = cells

    @overload
    def __getitem__(self, place: int) -> Cell: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Cell]: ...
    def __getitem__(self, place: int | slice) -> Cell | Sequence[Cell]:
        return self._cells()[place]

    def __len__(self) -> int:
        return 2


def test_a_row_cannot_change_the_engine_that_reads_it(engine: Engine) -> None:
    def cells() -> tuple[Cell, ...]:
        engine.apply("d", added={"t": [("inner", 1)]})
        return ("outer", 1)

    with pytest.raises(InvalidRequest, match="by what it was running"):
        engine.apply("d", added={"t": [("first", 1), Row(cells)]})
    assert engine.rows("d", "t") == [("before", 0)]


def test_a_row_cannot_ask_the_engine_that_reads_it(engine: Engine) -> None:
    asked = engine.prepare("p", "d:t(?, y)")
    for _ in range(4):  # so that the answer is kept
        assert asked("before") == [("before", 0)]

    def cells() -> tuple[Cell, ...]:
        asked("before")
        return ("outer", 1)

    with pytest.raises(InvalidRequest, match="by what it was running"):
        engine.apply("d", added={"t": [Row(cells)]})
    assert asked("before") == [("before", 0)]


def test_a_signal_cannot_change_the_engine_that_reads_columns(engine: Engine) -> None:
    refused: list[InvalidRequest] = []

    def handle(_number: int, _frame: object) -> None:
        try:
            engine.apply("d", added={"t": [("inner", 1), ("inner", 2)]})
        except InvalidRequest as error:
            refused.append(error)

    def press() -> tuple[Cell, ...]:
        signal.raise_signal(signal.SIGINT)  # noted, and seen when the columns are read
        return ("pressed", 1)

    engine.set_schema("d", {"s": ["x", "y"], "t": ["x", "y"]})
    column = Column(list(range(MANY)))
    before = signal.signal(signal.SIGINT, handle)
    try:
        engine.apply("d", added={"s": [Row(press)], "t": {"x": column, "y": column}})
    finally:
        signal.signal(signal.SIGINT, before)
    assert refused
    assert set(engine.rows("d", "t")) == {("before", 0), *((n, n) for n in range(MANY))}


@pytest.fixture
def finalizers() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Give what lets a function run as often as Python collects garbage."""
    running: list[Callable[[str, dict[str, int]], None]] = []
    before = gc.get_threshold()

    def add(act: Callable[[], None]) -> None:
        def see(phase: str, _info: dict[str, int]) -> None:
            if phase == "stop":
                act()

        running.append(see)
        gc.callbacks.append(see)
        gc.set_threshold(50)

    yield add
    gc.set_threshold(*before)
    for see in running:
        gc.callbacks.remove(see)


def test_what_garbage_does_to_the_engine_harms_no_answer(
    engine: Engine, finalizers: Callable[[Callable[[], None]], None]
) -> None:
    expected = [(f"{n} and some more text", n) for n in range(MANY)]
    engine.load("d", {"t": expected})
    asked = engine.prepare("p", "d:t(?, y)")
    refused: list[InvalidRequest] = []
    count = iter(range(10**9))

    def act() -> None:
        fresh = [(f"fresh text {next(count)}", -1) for _ in range(20)]
        try:
            engine.apply("d", added={"t": fresh})
            engine.apply("d", removed={"t": fresh})
            asked(expected[3][0])
        except InvalidRequest as error:
            refused.append(error)

    finalizers(act)
    for n in (3, 3, 3, 4, 3):
        assert asked(expected[n][0]) == [expected[n]]
    assert set(engine.rows("d", "t")) == set(expected)
    assert refused
    assert set(engine.query("p", "d:t(x, y)")) == set(expected)


def test_a_question_may_come_to_mean_something_else_while_its_answer_is_kept(
    engine: Engine, finalizers: Callable[[Callable[[], None]], None]
) -> None:
    # Python keeps shorter tuples to give them out again: those let no finalizer run.
    values = tuple(range(30))
    engine.set_schema("d", {"w": [f"c{value}" for value in values]})
    engine.load("d", {"w": [values]})
    asked = engine.prepare("p", f"d:w({', '.join('?' * len(values))})")
    collections_left = -1

    def act() -> None:
        nonlocal collections_left
        collections_left -= 1
        if collections_left == 0:
            with suppress(InvalidRequest):
                engine.insert("p", f"other{number}(x) :- d:w(c0=x)")
                asked(*values)

    finalizers(act)
    gc.set_threshold(1)
    for number in range(1, 9):
        for collections in (-1, -1, number):  # planned; asked once; kept
            collections_left = collections
            assert asked(*values) == [values]
    assert engine.tables("p")
