"""The kernel on the workloads: load and evaluate, small changes, look-ups, many rules, memory.

Row counts are asserted everywhere; `measure_kernel.py` prints the same beside the marks.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from congress_dist.policy import Engine

from .changes import FAN_OUT, KINDS, Cloud, Transaction
from .kernel_marks import (
    HOT_KEYS,
    LOOKUPS,
    apply,
    assert_recomputed,
    bytes_per_row,
    constant_changes,
    extra_rules,
    fresh_strings,
    load_few_rows,
    lookup_keys,
    many_rules,
    quantile,
    rules_with_constants,
)
from .kernel_runs import (
    assert_counts,
    evaluate,
    evaluated,
    keep_inputs_out_of_collections,
    load,
    loaded,
    new_engine,
    size,
)
from .rivals import HINT, clingo_seconds, duckdb_seconds, has_rival, write_tables
from .workloads import W1A, W4, WORKLOADS, Workload

SMALL = ("W1a", "W4", "W5")
"""Workloads that take a second: their counts are asserted by each `make test`."""

EACH = [
    pytest.param(workload, marks=[] if name in SMALL else pytest.mark.only_bench, id=name)
    for name, workload in WORKLOADS.items()
]


@pytest.mark.parametrize("workload", EACH)
def test_loading_rows(benchmark: BenchmarkFixture, workload: Workload) -> None:
    workload.tables()
    keep_inputs_out_of_collections()

    def setup() -> tuple[tuple[Engine, Workload], dict[str, object]]:
        return (new_engine(workload), workload), {}

    benchmark.pedantic(load, setup=setup, rounds=3)


@pytest.mark.parametrize("workload", EACH)
def test_evaluating_rules(benchmark: BenchmarkFixture, workload: Workload) -> None:
    workload.tables()
    keep_inputs_out_of_collections()
    engines: list[Engine] = []

    def setup() -> tuple[tuple[Engine, Workload], dict[str, object]]:
        engines[:] = [loaded(workload)]
        return (engines[0], workload), {}

    benchmark.pedantic(evaluate, setup=setup, rounds=3)
    assert_counts(engines[0], workload)


# --- small changes


@pytest.fixture(scope="module")
def cloud() -> Iterator[tuple[Engine, Cloud]]:
    engine, cloud = evaluated(W4), Cloud(W4.tables())
    keep_inputs_out_of_collections()
    yield engine, cloud
    assert_recomputed(engine, cloud)


@pytest.mark.parametrize("kind", KINDS)
def test_a_small_change(
    benchmark: BenchmarkFixture, cloud: tuple[Engine, Cloud], kind: str
) -> None:
    """Others come between those that are timed; the first builds indexes."""
    engine, state = cloud
    drawn = state.transactions(10**9)

    def setup() -> tuple[tuple[Engine, Transaction], dict[str, object]]:
        for transaction in drawn:
            if transaction.kind == kind:
                return (engine, transaction), {}
            apply(engine, transaction)
        raise AssertionError

    benchmark.pedantic(apply, setup=setup, rounds=200)
    note_p99(benchmark)


def test_small_changes_equal_a_recomputation() -> None:
    engine, cloud = evaluated(W4), Cloud(W4.tables())
    seen = set()
    for number, transaction in enumerate(cloud.transactions(100)):
        seen.add(transaction.kind)
        apply(engine, transaction)
        if number % 50 == 49:
            assert_recomputed(engine, cloud)
    assert seen == set(KINDS) > set(FAN_OUT)


def test_removing_an_edge_of_a_component(benchmark: BenchmarkFixture) -> None:
    engine = evaluated(W1A)
    edges = iter(W1A.tables()["edge"])
    removed: list[tuple[str | int, ...]] = []

    def setup() -> tuple[tuple[str], dict[str, object]]:
        for edge in removed:
            engine.apply("d", added={"edge": [edge]})
        removed[:] = [next(edges)]
        return ("d",), {"removed": {"edge": removed}}

    benchmark.pedantic(engine.apply, setup=setup, rounds=100)
    note_p99(benchmark)
    engine.apply("d", added={"edge": removed})
    assert_counts(engine, W1A)


# --- look-ups


@pytest.mark.parametrize("query", LOOKUPS)
@pytest.mark.parametrize("keys", ["all", "hot"])
def test_looking_up_10000_keys(
    benchmark: BenchmarkFixture, cloud: tuple[Engine, Cloud], query: str, keys: str
) -> None:
    engine, _ = cloud
    every = lookup_keys(query)
    asked = every[:10_000] if keys == "all" else every[:HOT_KEYS] * 10
    ask = engine.prepare("p", query)

    def ask_all() -> int:
        most = 0
        for key in asked:
            most = max(most, len(ask(key)))
        return most

    assert benchmark(ask_all) in (1, 2)


# --- many rules


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.only_bench)])
def test_adding_a_rule_to_many(benchmark: BenchmarkFixture, count: int) -> None:
    engine, texts = many_rules(count), extra_rules()
    load_few_rows(engine)

    def setup() -> tuple[tuple[str, str], dict[str, object]]:
        return ("p", next(texts)), {}

    benchmark.pedantic(engine.insert, setup=setup, rounds=200)
    note_p99(benchmark)
    assert size(engine, "p", "extra0") == 1


@pytest.mark.only_bench
def test_a_row_beside_10000_rules_with_constants(benchmark: BenchmarkFixture) -> None:
    engine = rules_with_constants()
    rows = ((f"new{n}", f"f{n * 7 % 10_000}") for n in range(10**9))

    def setup() -> tuple[tuple[str], dict[str, object]]:
        return ("d",), {"added": {"servers": [next(rows)]}}

    benchmark.pedantic(engine.apply, setup=setup, rounds=1_000)
    note_p99(benchmark)
    constant_changes(engine, 10)


# --- memory: figures beside the time that it takes to fill the tables


@pytest.mark.only_bench
@pytest.mark.parametrize("width", [2, 5])
def test_bytes_per_row(benchmark: BenchmarkFixture, width: int) -> None:
    row, shared, unique = benchmark.pedantic(bytes_per_row, (width,), rounds=1)
    benchmark.extra_info |= {"row": row, "index": shared, "index, unique keys": unique}
    assert 0 < row < 100
    assert 0 < shared <= unique < 50


@pytest.mark.only_bench
def test_fresh_strings_do_not_pile_up(benchmark: BenchmarkFixture) -> None:
    seen = benchmark.pedantic(lambda: list(fresh_strings(300_000)), rounds=1)
    (_, first), (_, last) = seen[0], seen[-1]
    benchmark.extra_info["growth"] = last / first - 1
    assert last < 1.1 * first


# --- other engines


@pytest.mark.only_bench
@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_duckdb(benchmark: BenchmarkFixture, workload: Workload, tmp_path: Path) -> None:
    if not has_rival("duckdb"):
        pytest.skip(f"DuckDB is {HINT}")
    write_tables(workload, tmp_path)
    loading, evaluating = benchmark.pedantic(duckdb_seconds, (workload, tmp_path), rounds=1)
    benchmark.extra_info |= {"loading": loading, "evaluating": evaluating}


@pytest.mark.only_bench
@pytest.mark.parametrize("name", ["W1a", "W5"])
def test_clingo(benchmark: BenchmarkFixture, name: str) -> None:
    if not has_rival("clingo"):
        pytest.skip(f"clingo is {HINT}")
    seconds = benchmark.pedantic(partial(clingo_seconds, WORKLOADS[name]), rounds=1)
    benchmark.extra_info["evaluating"] = seconds


def note_p99(benchmark: BenchmarkFixture) -> None:
    """Add what 99 of 100 rounds stay below, in microseconds."""
    if benchmark.stats is not None:
        benchmark.extra_info["p99_us"] = quantile(benchmark.stats.stats.data, 0.99) * 1e6
