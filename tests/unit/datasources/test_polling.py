"""A turn of reading survives reads that hang and drivers that misbehave."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping
from typing import ClassVar

import pytest

from congress_dist.datasources.driver import (
    Changes,
    Driver,
    Poll,
    Table,
    TableRead,
    TableSchema,
    schema,
)
from congress_dist.datasources.poll_thread import ReadEnd
from congress_dist.datasources.polling import Polling
from congress_dist.protocol.published_table import TableResult
from congress_dist.protocol.stream import READY, failing
from congress_dist.row import encode_row

WAIT = 10.0


class Hanging(Driver):
    """Reads only when it is let go."""

    name = "hanging"
    description = "waits"
    tables: ClassVar[Mapping[str, TableSchema]] = {"t": schema("x")}
    polls = (Poll("p", ("t",), interval=2.0, timeout=30.0),)

    def __init__(self) -> None:
        super().__init__({})
        self.let_go: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.closes = 0

    def read(self, poll: str) -> Mapping[str, TableRead]:  # noqa: ARG002
        self.let_go.get()
        return {"t": Table([("late",)])}

    def close(self) -> None:
        self.closes += 1
        self.let_go.put(True)
        if self.closes == 1:
            raise OSError("not now")


class Turn:
    """A polling of a hanging driver, its clock in the test's hand."""

    def __init__(self) -> None:
        self.driver = Hanging()
        self.ends: queue.SimpleQueue[ReadEnd] = queue.SimpleQueue()
        self.polling = Polling(self.driver, now=0.0, draw=lambda: 0.5, deliver=self.ends.put)
        self.polling.start()
        assert self.polling.on_tick(0.0) == []


@pytest.fixture
def turn() -> Iterator[Turn]:
    turn = Turn()
    yield turn
    turn.polling.close()


def test_the_tables_of_a_read_that_hangs_say_so(turn: Turn) -> None:
    (reading,) = turn.polling.on_tick(30.0)
    assert reading.results == {"t": TableResult(None, failing("read took longer than 30 s"))}
    (poll,) = turn.polling.describe(31.0)["polls"]
    assert (poll["doing"], poll["late_reads"]) == ("late", 1)
    assert turn.polling.next_wake() is None


def test_what_a_late_read_gives_is_used(turn: Turn) -> None:
    turn.polling.on_tick(30.0)
    turn.driver.let_go.put(True)
    end = turn.ends.get(timeout=WAIT)
    (reading,) = turn.polling.on_read_end(end, 40.0)
    assert reading.age == 40.0  # since it began
    assert reading.results == {"t": TableResult(frozenset({encode_row(("late",))}), READY)}
    assert turn.polling.next_wake() == 41.0


def test_closing_does_not_wait_for_a_read_that_hangs_nor_for_a_driver_that_raises(
    turn: Turn, caplog: pytest.LogCaptureFixture
) -> None:
    turn.polling.close()
    assert "poll left behind" in caplog.text
    assert "driver could not be closed" in caplog.text


def rows_that_break() -> Iterator[tuple[str]]:
    yield ("new",)
    raise OSError("the source hung up")


class Changing(Driver):
    """Gives a table, a change that cannot be taken, and what is there when it starts over."""

    name = "changing"
    description = "changes"
    tables: ClassVar[Mapping[str, TableSchema]] = {"t": schema("x")}
    polls = (Poll("p", ("t",), interval=2.0, timeout=30.0),)

    def __init__(self, broken: Mapping[str, TableRead]) -> None:
        super().__init__({})
        self.reads: list[Mapping[str, TableRead]] = [{"t": Table([("old",)])}, broken]

    def read(self, poll: str) -> Mapping[str, TableRead]:  # noqa: ARG002
        return self.reads.pop(0) if self.reads else {"t": Changes([("newer",)], [])}

    def start_over(self, poll: str) -> None:
        assert poll == "p"
        self.reads = [{"t": Table([("old",), ("new",), ("newer",)])}]


@pytest.mark.parametrize(
    "broken",
    [
        {"t": Changes([(1,)], [])},
        {"t": Changes(rows_that_break(), [])},
        {"another": Changes([("new",)], [])},
    ],
    ids=["a row that may not be", "rows that raise", "another table"],
)
def test_changes_that_could_not_be_taken_are_not_missing_for_ever(
    broken: Mapping[str, TableRead],
) -> None:
    ends: queue.SimpleQueue[ReadEnd] = queue.SimpleQueue()
    polling = Polling(Changing(broken), now=0.0, draw=lambda: 0.5, deliver=ends.put)
    polling.start()
    readings = polling.on_tick(0.0)
    for number in range(3):
        now = number * 60.0 + 1.0
        readings = polling.on_read_end(ends.get(timeout=WAIT), now)
        polling.on_tick(now + 50.0)
    polling.close()
    rows = frozenset(encode_row((text,)) for text in ("old", "new", "newer"))
    assert readings[0].results == {"t": TableResult(rows, READY)}
