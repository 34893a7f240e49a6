"""How long a workspace takes to load, to evaluate and to change, and what it keeps in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from congress_dist.clock import SystemClock
from congress_dist.row import Cell

from ..language.names import table_name
from .progress import with_progress
from .workspace import Workspace

if TYPE_CHECKING:
    from ..engine import Engine
    from ..planner.answers import Changes, Footprint
    from ..planner.normal_form import TableKey

T = TypeVar("T")
Rows = Sequence[Sequence[Cell]]
_Found = tuple[list[float], list[float], list[int]]

_clock = SystemClock()


@dataclass(frozen=True, slots=True)
class ChangeTimes:
    """One-row changes of one table: each row that was tried was taken out and put back.

    Shapes: `removing` and `putting` are of one length, in the order in which rows were tried;
        empty for a table without rows. `derived` is the most derived rows that one row moved.
    Units: seconds.
    """

    table: str
    rows: int
    removing: Sequence[float]
    putting: Sequence[float]
    derived: int


@dataclass(frozen=True, slots=True)
class BenchReport:
    """What was measured. Units: seconds."""

    reading: float
    loading: float
    evaluating: float
    rules: int
    derived_rows: int
    changes: Sequence[ChangeTimes]
    footprint: Footprint
    missing: Mapping[str, str]
    """Tables that are not known, with the reason."""


def run_bench(
    opened: Callable[[], Workspace], *, now: str | None, repeat: int, changes: int
) -> BenchReport:
    """Read, load and evaluate `repeat` times, of which the fastest counts; then change rows.

    Raises: as `opened` and `Workspace.engine`.
    """
    opened().refuse_errors()  # and modules that only it needs are there before a clock runs
    times = []
    for _ in with_progress(range(repeat), "evaluation"):
        reading, workspace = timed(opened)
        loading, engine = timed(partial(workspace.loaded_engine, now=now))
        evaluating, _ = timed(partial(workspace.put_to_work, engine))
        times.append((reading, loading, evaluating))
    read, loaded, evaluated = map(min, zip(*times, strict=True))
    owned = [(p.name, table) for p in workspace.packages for table in engine.tables(p.name)]
    return BenchReport(
        read,
        loaded,
        evaluated,
        sum(len(package.statements) for package in workspace.packages),
        sum(engine.size(*table) for table in owned),
        _change_tables(engine, workspace, changes),
        engine.footprint(),
        {
            table_name((source, name)): recorded.missing
            for source, tables in workspace.recording.items()
            for name, recorded in tables.items()
            if recorded.missing is not None
        },
    )


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Give the seconds that an action took, and what it gave."""
    began = _clock.monotonic()
    result = action()
    return _clock.monotonic() - began, result


def _change_tables(engine: Engine, workspace: Workspace, most: int) -> list[ChangeTimes]:
    tables = {
        (source, name): _spread(recorded.rows, most)
        for source, tables in sorted(workspace.recording.items())
        for name, recorded in sorted(tables.items())
        if recorded.missing is None
    }
    steps = [(table, row) for table, rows in tables.items() for row in rows]
    found: dict[TableKey, _Found] = {table: ([], [], []) for table in tables}
    for (source, name), row in with_progress(
        steps, "changed row", lambda step: table_name(step[0])
    ):
        removing, putting, derived = found[source, name]
        rows = {name: [row]}
        seconds, gone = timed(partial(engine.apply, source, removed=rows))
        removing.append(seconds)
        putting.append(timed(partial(engine.apply, source, added=rows))[0])
        derived.append(_moved(gone))
    return [
        ChangeTimes(
            table_name(table), engine.size(*table), removing, putting, max(derived, default=0)
        )
        for table, (removing, putting, derived) in found.items()
    ]


def _spread(rows: Rows, most: int) -> Rows:
    """Give some rows, from all parts of a table."""
    count = min(most, len(rows))
    return [rows[place * len(rows) // count] for place in range(count)]


def _moved(changes: Changes) -> int:
    return sum(len(added) + len(removed) for added, removed in changes.values())
