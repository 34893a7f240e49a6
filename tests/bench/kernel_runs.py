"""Engines with a workload, and what is done to them while a clock runs."""

from __future__ import annotations

import atexit
import gc
from collections.abc import Callable
from time import process_time
from typing import TypeVar

from congress_dist.policy import Engine

from .workloads import Workload

MAX_ROWS = 100_000_000
"""Above the largest table of a workload."""

T = TypeVar("T")

atexit.register(gc.unfreeze)  # DuckDB complains about what is never collected


def timed(action: Callable[[], T]) -> tuple[float, T]:
    """Give the CPU seconds that an action took, and what it gave; others may share the cores."""
    began = process_time()
    result = action()
    return process_time() - began, result


def keep_inputs_out_of_collections() -> None:
    """Let Python's collector not walk the rows that a benchmark holds while a clock runs."""
    gc.collect()
    gc.freeze()


def new_engine(workload: Workload) -> Engine:
    """Give an engine that knows a workload's tables and has no rows and rules."""
    engine = Engine(max_rows=MAX_ROWS)
    engine.set_schema("d", workload.columns)
    engine.create_policy("p", "recursive")
    return engine


def load(engine: Engine, workload: Workload) -> None:
    engine.load("d", workload.tables())


def evaluate(engine: Engine, workload: Workload) -> None:
    engine.insert("p", workload.rules)


def loaded(workload: Workload) -> Engine:
    engine = new_engine(workload)
    load(engine, workload)
    return engine


def evaluated(workload: Workload) -> Engine:
    engine = loaded(workload)
    evaluate(engine, workload)
    return engine


def size(engine: Engine, owner: str, table: str) -> int:
    """Give the number of a table's rows without making them."""
    width = engine.width(owner, table)
    return 0 if width is None else engine._face.size((owner, table), width)


def assert_counts(engine: Engine, workload: Workload) -> None:
    found = {table: size(engine, "p", table) for table in workload.counts}
    assert found == dict(workload.counts)


def kernel_bytes(engine: Engine) -> int:
    return engine._face.kernel.bytes()
