"""Load rows from memory and from files, and print how many a second of CPU time takes in.

.venv/bin/python -m tests.bench.measure_bulk --rounds 3
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from congress_dist.policy import Engine

from .workloads import W4, Tables

_MANY = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="measure_bulk")
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    tables = W4.tables()
    starts, ends = array("q", range(_MANY)), array("q", (n * 7 % 1_000_003 for n in range(_MANY)))
    pairs = list(zip(starts, ends, strict=True))
    link = {"t": ["a", "b"]}
    report("two integers: tuples", link, {"t": pairs}, rounds)
    report("two integers: array.array", link, {"t": {"a": starts, "b": ends}}, rounds)
    report("W4: tuples", W4.columns, tables, rounds)
    with tempfile.TemporaryDirectory() as directory:
        files = write_files(Path(directory), W4.columns, tables)
        report("W4: CSV", W4.columns, files, rounds)
    report("W4: Arrow", W4.columns, arrow_tables(W4.columns, tables), rounds)


def report(what: str, columns: Any, tables: Mapping[str, Any], rounds: int) -> None:
    """Load tables into one new engine after the other and print the best rate."""
    seconds, size = min(timed(lambda: loaded(columns, tables)) for _ in range(rounds))
    print(f"{what}: {size:,} rows in {seconds:.3f} s, {size / seconds:,.0f} rows/s")


def loaded(columns: Any, tables: Mapping[str, Any]) -> int:
    """Give how many rows an engine holds afterwards."""
    engine = Engine()
    engine.set_schema("d", columns)
    engine.load("d", tables)
    return sum(engine.size("d", table) for table in tables)


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """Give the CPU seconds of one call, and what it gave."""
    start = time.process_time()
    size = work()
    return time.process_time() - start, size


def write_files(directory: Path, columns: Any, tables: Tables) -> dict[str, Path]:
    """Write tables as CSV."""
    files = {}
    for name, rows in tables.items():
        files[name] = directory / f"{name}.csv"
        with files[name].open("w", newline="") as file:
            csv.writer(file).writerows([columns[name], *rows])
    return files


def arrow_tables(columns: Any, tables: Tables) -> dict[str, Any]:
    """Give tables in Arrow's memory."""
    import pyarrow as pa  # type: ignore[import-untyped]

    return {
        name: pa.table(dict(zip(columns[name], map(list, zip(*rows, strict=True)), strict=True)))
        for name, rows in tables.items()
    }


if __name__ == "__main__":
    main()
