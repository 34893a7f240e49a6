"""Loads of many rows that are ended on their way: nothing has changed, and the engine goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from congress_dist.errors import Cancelled, CongressError, DeadlineExceeded, InvalidRequest
from congress_dist.policy import Engine, within
from congress_dist.policy.kernel import BulkRows, Column
from congress_dist.policy.row_input import TableInput

from .arrow_memory import Handed, table

pytestmark = pytest.mark.usefixtures("_quiet_collector")

MANY = 200_000
"""Cells: the looks at whether to stop lie 65,536 of them apart."""
NAN = float("nan")


class Acting(Sequence[int]):
    """A row that acts when the engine reads it: from then on Ctrl-C waits for a look."""

    def __init__(self, act: Callable[[], object]) -> None:
        self.act = act

    def __len__(self) -> int:
        return 1

    def __getitem__(self, number: int) -> int:  # type: ignore[override]
        if number == 0:
            self.act()
            return -1
        raise IndexError


class ActingPath(type(Path())):  # type: ignore[misc]
    """A file that acts when the engine opens it."""

    act: Callable[[], object]

    def read_bytes(self) -> bytes:
        self.act()
        return bytes(super().read_bytes())


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


# What no table may hold stands at the end of each: a load that goes on up to there is refused.


def of_tuples() -> TableInput:
    return [*((n,) for n in range(MANY)), (object(),)]  # type: ignore[list-item]


def of_lists_among_others() -> TableInput:
    return [Acting(lambda: None), *([n] for n in range(MANY)), [NAN]]


def of_a_buffer() -> TableInput:
    return {"x": array("d", [*range(MANY), NAN])}


def of_values() -> TableInput:
    return {"x": [*range(MANY), NAN]}


def of_arrow() -> TableInput:
    cells = array("d", [*range(MANY), NAN])
    return table(x=Handed(b"g", [None, cells.tobytes()], len(cells)))


KINDS = [of_tuples, of_lists_among_others, of_a_buffer, of_values, of_arrow]
Kind = Callable[[], TableInput]


def new_engine() -> Engine:
    engine = Engine(max_rows=2**40)
    engine.create_policy("p")
    engine.set_schema("d", {"first": ["x"], "many": ["x"]})
    engine.load("d", {"first": [(1,), (2,)], "many": [(1.5,), (2,)]})
    engine.insert("p", "both(x) :- d:first(x), d:many(x)  p(x) :- d:many(x)")
    return engine


def state(engine: Engine) -> object:
    tables = (("d", "first"), ("d", "many"), ("p", "both"), ("p", "p"))
    return [sorted(engine.rows(*each)) for each in tables]


def require_usable(engine: Engine, before: object) -> None:
    assert state(engine) == before
    changes = engine.apply("d", added={"many": [(1,)]}, removed={"many": [(2,)]})
    assert changes is not None
    assert engine.rows("p", "both") == [(1,)]
    assert sorted(engine.rows("p", "p")) == [(1,), (1.5,)]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_ends_a_load(kind: Kind) -> None:
    engine = new_engine()
    before = state(engine)
    with pytest.raises(KeyboardInterrupt):
        engine.load("d", {"first": [Acting(press)], "many": kind()})
    require_usable(engine, before)


@pytest.mark.parametrize("kind", KINDS)
def test_another_thread_ends_a_load(kind: Kind) -> None:
    engine = new_engine()
    before = state(engine)
    with pytest.raises(Cancelled):
        engine.load("d", {"first": [Acting(engine.cancel)], "many": kind()})
    require_usable(engine, before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_deadline_ends_a_load(kind: Kind) -> None:
    engine = new_engine()
    before = state(engine)
    soon = 0.05
    with within(soon), pytest.raises(DeadlineExceeded):
        engine.load("d", {"first": [Acting(lambda: threading.Event().wait(soon))], "many": kind()})
    require_usable(engine, before)


def long_file(path: Path, act: Callable[[], object]) -> Path:
    made = ActingPath(path / "many.csv")
    made.write_text("\n".join(["x", *map(str, range(MANY)), "one,too many"]))
    made.act = act
    return made


def test_ctrl_c_ends_the_reading_of_a_file(tmp_path: Path) -> None:
    engine = new_engine()
    before = state(engine)
    with pytest.raises(KeyboardInterrupt):
        engine.load("d", {"many": long_file(tmp_path, press)})
    require_usable(engine, before)


def test_another_thread_ends_the_reading_of_a_file(tmp_path: Path) -> None:
    engine = new_engine()
    before = state(engine)
    with pytest.raises(Cancelled):
        engine.load("d", {"many": long_file(tmp_path, engine.cancel)})
    require_usable(engine, before)


def test_a_deadline_ends_the_reading_of_a_file(tmp_path: Path) -> None:
    engine = new_engine()
    before = state(engine)
    soon = 0.05
    with within(soon), pytest.raises(DeadlineExceeded):
        engine.load("d", {"many": long_file(tmp_path, lambda: threading.Event().wait(soon))})
    require_usable(engine, before)


@contextmanager
def handled(handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    kept = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, kept)


def test_a_handler_does_not_get_into_a_change_of_many_rows() -> None:
    engine = new_engine()
    told: list[CongressError] = []

    def ask(_number: int, _frame: FrameType | None) -> None:
        try:
            engine.apply("d", added={"many": [(3,)]})
        except CongressError as error:
            told.append(error)

    # No list alone is so long that the reading of it looks.
    tables = {"first": [Acting(press), *((n,) for n in range(60_000))]}
    with handled(ask):
        engine.apply("d", added=tables)
        engine.apply("d", added={"many": [(n,) for n in range(60_000)]})
    assert [type(error) for error in told] == [InvalidRequest]
    assert engine.size("d", "first") == 60_001
    assert engine.size("p", "both") == 60_000


# --- the interpreter goes on meanwhile


@contextmanager
def cancelling(engine: Engine) -> Iterator[None]:
    is_over = threading.Event()

    def cancel() -> None:
        while not is_over.wait(0.002):
            engine.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def test_another_thread_ends_a_long_page() -> None:
    engine = new_engine()
    engine.load("d", {"many": {"x": array("q", range(MANY, 0, -1))}})

    def turn_pages() -> None:
        for _ in range(200):
            engine.page("d", "many", limit=MANY)

    with cancelling(engine), pytest.raises(Cancelled):
        turn_pages()
    assert engine.page("d", "many", limit=2) == [(1,), (2,)]


def test_another_thread_ends_a_long_load_of_a_buffer() -> None:
    engine = new_engine()
    before = state(engine)
    cells = array("q", range(10 * MANY))

    def load() -> None:
        for _ in range(200):
            engine.load("d", {"many": {"x": cells}})
            engine.load("d", {"many": [(1.5,), (2,)]})

    with cancelling(engine), pytest.raises(Cancelled):
        load()
    if engine.size("d", "many") > 2:  # it was the second one that was cancelled
        engine.load("d", {"many": [(1.5,), (2,)]})
    require_usable(engine, before)


# --- a part of the rows


def test_a_row_and_a_slice_are_those_of_the_list() -> None:
    columns = {"values": list(range(300)), "numbers": array("q", range(300))}
    rows = BulkRows([Column(each) for each in columns.values()])
    listed = list(rows)
    assert [rows[n] for n in range(-300, 300)] == [listed[n] for n in range(-300, 300)]
    for part in (slice(3, 70), slice(None, None, -1), slice(250, 10, -7), slice(5, 5), slice(9)):
        assert rows[part] == listed[part]
    with pytest.raises(IndexError):
        rows[300]


def test_a_row_is_made_without_the_others() -> None:
    rows = BulkRows([Column(array("d", [0.5, *[NAN] * 1_000, 2.5]))])
    assert (rows[0], rows[-1]) == ((0.5,), (2.5,))
    assert rows[1_001:] == [(2.5,)]


# --- memory


_SHORT = """
    import resource
    import sys
    from array import array
    from pathlib import Path
    from congress_dist.policy import Engine

    engine = Engine(max_rows=2**40)
    engine.create_policy("p")
    engine.set_schema("d", {"many": ["x", "y"]})
    engine.insert("p", "p(x) :- d:many(x, 7)")
    few = [(1, 7), ("a", 7), (2, 8)]
    engine.load("d", {"many": few})
    count = 150_000
    numbers = array("q", range(count))
    path = Path("many.csv")
    path.write_text("x,y\\n" + "".join(f"text {n},{n}\\n" for n in range(count)))
    rows = {
        "rows": lambda: [(n, n) for n in range(count)],
        "buffers": lambda: {"x": numbers, "y": numbers},
        "values": lambda: {"x": list(numbers), "y": numbers},
        "file": lambda: path,
    }[sys.argv[1]]()

    def state():
        return sorted(map(str, engine.rows("d", "many"))), engine.rows("p", "p")

    before = state()
    failed = 0
    for power in range(15, 25, 2):
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + 2**power, -1))
        try:
            engine.load("d", {"many": rows})
        except MemoryError:
            resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
            failed += 1
            assert state() == before, power
        else:
            resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
            engine.load("d", {"many": few})
        engine.apply("d", added={"many": [(9, 7)]})
        assert (9,) in engine.rows("p", "p")
        engine.apply("d", removed={"many": [(9, 7)]})
    assert failed > 1, failed
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
@pytest.mark.parametrize("kind", ["rows", "buffers", "values", "file"])
def test_a_load_without_enough_memory_changes_nothing(kind: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_SHORT), kind],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
