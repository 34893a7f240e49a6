"""Print the kernel's figures beside its marks, DuckDB and clingo in the same run.

    make bench-kernel

CPU seconds of one thread, minima over the repetitions, since other work may share the cores; small
changes elapsed too. Soufflé is not to be had as a package: its figures, measured once beside
DuckDB's on another machine, are scaled by DuckDB's time in this run over DuckDB's time then.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path

from .kernel_marks import (
    HOT_KEYS,
    LOOKUPS,
    Times,
    bytes_per_row,
    constant_changes,
    edge_removals,
    load_few_rows,
    lookup_keys,
    lookups_per_second,
    many_rules,
    quantile,
    rule_additions,
    rules_with_constants,
    small_changes,
)
from .kernel_runs import (
    assert_counts,
    evaluate,
    evaluated,
    keep_inputs_out_of_collections,
    load,
    new_engine,
    timed,
)
from .rivals import HINT, clingo_seconds, duckdb_seconds, has_rival, write_tables
from .workloads import W4, WORKLOADS, Workload

SOUFFLE_SECONDS = {"W1b": 5.30, "W1c": 6.22, "W3": 2.20, "W4": 1.74, "W5": 0.50}
"""Soufflé 2.5, compiled, one thread, the whole process."""
DUCKDB_SECONDS = {"W1b": 1.85, "W1c": 0.83, "W3": 1.80, "W4": 0.45, "W5": 0.46}
"""DuckDB beside it, without loading."""
DUCKDB_MARKS = {"W1a": 2, "W1b": 2, "W1c": 2, "W3": 2, "W4": 1, "W5": 2}
"""How many times faster than DuckDB each workload is to be evaluated."""


@dataclass(slots=True)
class Measured:
    """CPU seconds of one workload; of an engine that is not installed none."""

    loading: float = float("inf")
    evaluating: float = float("inf")
    duckdb_loading: float = float("inf")
    duckdb: float = float("inf")
    clingo: float = float("inf")

    def take_least(self, **seconds: float) -> None:
        for name, found in seconds.items():
            setattr(self, name, min(getattr(self, name), found))


@dataclass(slots=True)
class Table:
    """Lines of a mark, what is wanted and what was measured, printed as they come."""

    missed: list[str] = field(default_factory=list)

    def line(self, mark: str, wanted: str, measured: str, is_kept: bool | None = None) -> None:
        """Print a line; `is_kept` tells whether it is what was wanted, where something was."""
        verdict = {True: "kept", False: "MISSED", None: ""}[is_kept]
        if is_kept is False:
            self.missed.append(mark)
        print(f"| {mark} | {wanted} | {measured} | {verdict} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="make bench-kernel")
    parser.add_argument("--repeat", type=int, default=3, help="how often each workload is run")
    parser.add_argument("--only", nargs="*", choices=PARTS, help="parts; all by default")
    args = parser.parse_args()
    table = Table()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| mark | wanted | measured | |\n|---|---|---|---|")
    for name, part in PARTS.items():
        if not args.only or name in args.only:
            part(table, args.repeat)
    print(f"\nload average {os.getloadavg()[0]:.1f}; missed: {'; '.join(table.missed) or 'none'}")


# --- bulk


def measure_bulk(table: Table, repeat: int) -> None:
    found = {}
    for name, workload in WORKLOADS.items():
        found[name] = measure_workload(workload, repeat)
        show_workload(table, name, found[name])
    if has_rival("duckdb"):
        show_souffle(table, found)
    for name in ("W1a", "W5"):
        if has_rival("clingo"):
            ratio = found[name].clingo / found[name].evaluating
            measured = f"{ratio:.1f}x ({found[name].clingo:.2f} s)"
            table.line(f"{name} against clingo", "10x", measured, ratio >= 10)
        else:
            table.line(f"{name} against clingo", "10x", HINT)
    loading = found["W4"].loading
    table.line("W4 rows, no rules", "0.5 s", f"{loading:.2f} s", loading <= 0.5)


def measure_workload(workload: Workload, repeat: int) -> Measured:
    measured = Measured()
    workload.tables()
    keep_inputs_out_of_collections()
    with tempfile.TemporaryDirectory() as directory:
        if has_rival("duckdb"):
            write_tables(workload, Path(directory))
        for _ in range(repeat):
            engine = new_engine(workload)
            measured.take_least(loading=timed(partial(load, engine, workload))[0])
            measured.take_least(evaluating=timed(partial(evaluate, engine, workload))[0])
            assert_counts(engine, workload)
            del engine
            if has_rival("duckdb"):
                loading, evaluating = duckdb_seconds(workload, Path(directory))
                measured.take_least(duckdb_loading=loading, duckdb=evaluating)
    if workload.name in ("W1a", "W5") and has_rival("clingo"):
        measured.take_least(clingo=clingo_seconds(workload))
    return measured


def show_workload(table: Table, name: str, measured: Measured) -> None:
    own = f"{measured.loading:.3f} + {measured.evaluating:.3f} s"
    if not has_rival("duckdb"):
        table.line(f"{name}, load + evaluate (DuckDB {HINT})", "", own)
        return
    ratio = measured.duckdb / measured.evaluating
    duckdb = f"DuckDB {measured.duckdb_loading:.3f} + {measured.duckdb:.3f} s"
    wanted = DUCKDB_MARKS[name]
    table.line(
        f"{name}, load + evaluate; evaluation against DuckDB's",
        f"{wanted}x",
        f"{own}; {duckdb}; {ratio:.2f}x",
        ratio >= wanted,
    )


def show_souffle(table: Table, found: dict[str, Measured]) -> None:
    ratios = {}
    for name, seconds in SOUFFLE_SECONDS.items():
        scale = found[name].duckdb / DUCKDB_SECONDS[name]
        ratios[name] = seconds * scale / (found[name].loading + found[name].evaluating)
        measured = f"{ratios[name]:.2f}x (its {seconds} s times {scale:.2f})"
        table.line(f"{name} against Soufflé, load included", "", measured)
    mean = prod(ratios.values()) ** (1 / len(ratios))
    table.line("geometric mean against Soufflé", "3x", f"{mean:.2f}x", mean >= 3)


# --- changes


def measure_changes(table: Table, _repeat: int) -> None:
    times = small_changes()
    first, plain, fan_out = times["first"], times["plain"], times["fan-out"]
    table.line("W4, first change", "50 ms", milliseconds(first, 1), first.cpu[0] <= 0.05)
    is_kept = plain.cpu_quantile(0.5) <= 20e-6 and plain.cpu_quantile(0.99) <= 200e-6
    table.line("W4, 1 to 4 rows: p50, p99", "20, 200 µs", microseconds(plain), is_kept)
    is_kept = fan_out.cpu_quantile(0.99) <= 2e-3
    table.line("… with fan-out: p99", "2,000 µs", microseconds(fan_out), is_kept)


def measure_edges(table: Table, _repeat: int) -> None:
    fresh, times = edge_removals()
    for mark, wanted, part in (("median", 20, 0.5), ("worst of 100", 4, 1.0)):
        spent = times.cpu_quantile(part)
        measured = f"1/{fresh / spent:.0f} ({spent * 1e3:.2f} ms of {fresh * 1e3:.0f})"
        table.line(
            f"W1a, an edge removed: {mark}", f"1/{wanted}", measured, fresh >= wanted * spent
        )


def measure_lookups(table: Table, _repeat: int) -> None:
    engine = evaluated(W4)
    keep_inputs_out_of_collections()
    for query in LOOKUPS:
        keys = lookup_keys(query)
        hot = keys[:HOT_KEYS] * 100
        for kind, asked, wanted in (("all", keys, 1_000_000), ("1,000 hot", hot, 3_000_000)):
            rate = lookups_per_second(engine, query, asked)
            mark = f"prepared {query}, {kind} keys"
            table.line(mark, f"{wanted:,}/s", f"{rate:,.0f}/s", rate >= wanted)


# --- rules


def measure_rules(table: Table, _repeat: int) -> None:
    for count, wanted in ((1_000, 2e-3), (10_000, 5e-3)):
        seconds, engine = timed(partial(many_rules, count))
        load_few_rows(engine)
        keep_inputs_out_of_collections()
        if count == 10_000:
            table.line("loading 10,000 rules", "3 s", f"{seconds:.2f} s", seconds <= 3)
        times = rule_additions(engine)
        is_kept = times.cpu_quantile(0.5) <= wanted
        mark, measured = f"a rule added to {count:,}: p50, p99", microseconds(times)
        table.line(mark, f"{wanted * 1e6:,.0f} µs", measured, is_kept)
    times = constant_changes(rules_with_constants())
    is_kept = times.cpu_quantile(0.99) <= 200e-6
    mark = "a row beside 10,000 rules with constants: p50, p99"
    table.line(mark, "200 µs (p99)", microseconds(times), is_kept)


# --- memory


def measure_memory(table: Table, _repeat: int) -> None:
    for width, wanted in ((2, 26), (5, 60)):
        row, shared, unique = bytes_per_row(width)
        mark = f"bytes per row of {width} columns, set and count"
        table.line(mark, str(wanted), f"{row:.1f}", row <= wanted)
    for kind, index in (("ten rows per key", shared), ("unique keys", unique)):
        table.line(f"bytes per row of an index, {kind}", "12", f"{index:.1f}", index <= 12)
    # Why another process: memory that this one had before would hide what grows.
    command = [sys.executable, "-m", "bench.measure_memory", "--transactions", "400000"]
    growth = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    line = growth.splitlines()[-1]
    is_kept = float(line.split()[0]) <= 10
    table.line("400,000 rows replaced, fresh strings: memory", "+10 %", line, is_kept)


def microseconds(times: Times) -> str:
    cpu, elapsed = (
        f"{quantile(seconds, 0.5) * 1e6:,.1f}, {quantile(seconds, 0.99) * 1e6:,.1f}"
        for seconds in (times.cpu, times.elapsed)
    )
    return f"{cpu} µs (elapsed {elapsed})"


def milliseconds(times: Times, part: float) -> str:
    cpu, elapsed = times.cpu_quantile(part) * 1e3, times.elapsed_quantile(part) * 1e3
    return f"{cpu:.1f} ms (elapsed {elapsed:.1f})"


PARTS: dict[str, Callable[[Table, int], None]] = {
    "bulk": measure_bulk,
    "changes": measure_changes,
    "edges": measure_edges,
    "lookups": measure_lookups,
    "rules": measure_rules,
    "memory": measure_memory,
}

if __name__ == "__main__":
    main()
