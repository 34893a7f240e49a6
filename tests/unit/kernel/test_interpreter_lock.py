"""Other threads run Python while the kernel is at work on many rows."""

from __future__ import annotations

import sys
import threading
from array import array
from collections.abc import Callable, Iterator

import pytest

from congress_dist.policy.kernel import BulkRows, Column, DeadlinePassed, Kernel, exchange_deadline

ROWS = 1_000_000
FOREVER = 10_000.0
"""Seconds for which nobody has to give up the lock to others that wait for it."""
TRIES = 5
"""A thread that is not woken in time is no proof that it could not run."""


@pytest.fixture(autouse=True)
def keep_the_lock() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(FOREVER)
    yield
    sys.setswitchinterval(before)


def lets_others_run(work: Callable[[], object]) -> bool:
    """Tell whether another thread gets on during some work."""
    gate = threading.Lock()
    gate.acquire()
    ran: list[bool] = []

    def run() -> None:
        with gate:
            ran.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    gate.release()
    work()
    has_run = bool(ran)
    thread.join()
    return has_run


def rows() -> BulkRows:
    columns = [array("q", range(ROWS)), array("q", range(1, ROWS + 1))]
    return BulkRows([Column(column) for column in columns])


class Filled:
    """A kernel in a state in which a call has many rows to do."""

    def __init__(self) -> None:
        self.kernel = Kernel(lambda *_: ())
        self.table = self.kernel.add_relation(2, "base")
        self.rows = rows()

    def given(self) -> Filled:
        self.kernel.change(self.table, self.rows, ())
        return self

    def stepped(self) -> Filled:
        self.given().kernel.end_step()
        return self

    def settled(self) -> Filled:
        self.stepped().kernel.commit()
        return self

    def emptied(self) -> Filled:
        self.settled().kernel.replace(self.table, ())
        return self


CALLS: dict[str, tuple[Callable[[Filled], Filled], Callable[[Filled], object]]] = {
    "change": (lambda f: f, lambda f: f.kernel.change(f.table, f.rows, ())),
    "take away": (Filled.settled, lambda f: f.kernel.change(f.table, (), f.rows)),
    "replace": (Filled.settled, lambda f: f.kernel.replace(f.table, ())),
    "changes": (Filled.given, lambda f: f.kernel.changes(f.table)),
    "rollback": (Filled.stepped, lambda f: f.kernel.rollback(0)),
    "commit": (Filled.emptied, lambda f: f.kernel.commit()),
    "step": (Filled.settled, lambda f: f.kernel.step([(f.table, (), f.rows)])),
}


@pytest.mark.parametrize("name", CALLS)
def test_many_rows_are_done_without_the_interpreter_lock(name: str) -> None:
    prepare, work = CALLS[name]

    def try_once() -> bool:
        filled = prepare(Filled())
        return lets_others_run(lambda: work(filled))

    assert any(try_once() for _ in range(TRIES))


def test_telling_many_changes_ends_at_the_deadline() -> None:
    filled = Filled().given()
    before = exchange_deadline(0.0)
    try:
        with pytest.raises(DeadlinePassed):
            filled.kernel.changes(filled.table)
    finally:
        exchange_deadline(before)
    assert len(filled.kernel.changes(filled.table)[0]) == ROWS
