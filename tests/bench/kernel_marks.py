"""What the marks of the kernel are measured by, each a function that gives figures.

Seconds of one thread's CPU time stand beside elapsed ones: other work may share the cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from time import perf_counter, thread_time

import psutil

from congress_dist.policy import Engine

from .changes import FAN_OUT, Cloud, Transaction
from .kernel_runs import (
    MAX_ROWS,
    assert_counts,
    evaluate,
    evaluated,
    keep_inputs_out_of_collections,
    kernel_bytes,
    loaded,
    new_engine,
    size,
    timed,
)
from .workloads import W1A, W4

RULES_PER_TEXT = 5_000
"""Rules of which the text stays below the limit of one megabyte."""


@dataclass(slots=True)
class Times:
    """Seconds of many actions of one kind."""

    elapsed: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def clock(self, action: Callable[[], object]) -> None:
        """Carry an action out and note how long it took."""
        began, cpu_began = perf_counter(), thread_time()
        action()
        cpu_ended, ended = thread_time(), perf_counter()
        self.elapsed.append(ended - began)
        self.cpu.append(cpu_ended - cpu_began)

    def cpu_quantile(self, part: float) -> float:
        return quantile(self.cpu, part)

    def elapsed_quantile(self, part: float) -> float:
        return quantile(self.elapsed, part)


def quantile(figures: Sequence[float], part: float) -> float:
    """Give the figure below which a part of all of them are."""
    return sorted(figures)[min(len(figures) - 1, int(part * len(figures)))]


# --- small changes of W4


def small_changes(count: int = 1_000, *, compared_every: int = 50) -> dict[str, Times]:
    """Give the times of the first transaction, of those without, and of those with fan-out."""
    engine, cloud = evaluated(W4), Cloud(W4.tables())
    keep_inputs_out_of_collections()
    times = {"first": Times(), "plain": Times(), "fan-out": Times()}
    for number, transaction in enumerate(cloud.transactions(count)):
        kind = "fan-out" if transaction.kind in FAN_OUT else "plain"
        times[kind if number else "first"].clock(partial(apply, engine, transaction))
        if compared_every and number % compared_every == compared_every - 1:
            assert_recomputed(engine, cloud)
    return times


def apply(engine: Engine, transaction: Transaction) -> None:
    engine.apply("d", added=transaction.added, removed=transaction.removed)


def assert_recomputed(engine: Engine, cloud: Cloud) -> None:
    """Compare all derived tables with those of an engine that starts from the present rows."""
    fresh = new_engine(W4)
    fresh.load("d", {table: list(rows) for table, rows in cloud.tables.items()})
    evaluate(fresh, W4)
    for table in ("tg", *W4.counts):
        assert set(engine.rows("p", table)) == set(fresh.rows("p", table)), table


# --- removing edges of W1a


def edge_removals(count: int = 100) -> tuple[float, Times]:
    """Give the seconds of a fresh evaluation, and the times of removing single edges."""
    fresh = float("inf")
    for _ in range(3):
        engine = loaded(W1A)
        fresh = min(fresh, timed(partial(evaluate, engine, W1A))[0])
    times = Times()
    for edge in Random(7).sample(list(W1A.tables()["edge"]), count):
        times.clock(partial(engine.apply, "d", removed={"edge": [edge]}))
        engine.apply("d", added={"edge": [edge]})
    assert_counts(engine, W1A)
    return fresh, times


# --- prepared look-ups

LOOKUPS = {"v1(?, n)": "servers", "d:ports(id=?, server=s)": "ports"}
"""Queries that give at most two rows, and the tables whose first column is asked for."""
HOT_KEYS = 1_000


def lookup_keys(query: str) -> list[str]:
    """Give all keys of a query, in no order."""
    keys = [str(row[0]) for row in W4.tables()[LOOKUPS[query]]]
    Random(1).shuffle(keys)
    return keys


def lookups_per_second(engine: Engine, query: str, keys: Sequence[str]) -> float:
    """Give how many look-ups a second of CPU time does."""
    ask = engine.prepare("p", query)
    ask(keys[0])

    def ask_all() -> None:
        for key in keys:
            ask(key)

    return len(keys) / min(timed(ask_all)[0] for _ in range(3))


# --- many rules


def many_rules(count: int) -> Engine:
    """Give an engine with rules of four literals for tables of their own."""
    engine = Engine()
    engine.set_schema("nova", {"servers": ["id", "name", "status", "ram"]})
    engine.set_schema("neutron", {"ports": ["id", "device_id", "ip"]})
    engine.create_policy("p")
    insert_all(engine, rule_texts(count))
    return engine


def rule_texts(count: int) -> list[str]:
    return [
        f't{n}(id, name) :- nova:servers(id=id, name=name, status="S{n}", ram=r),'
        f' neutron:ports(device_id=id, ip=ip), r > {n}, ip != "10.0.0.{n}"'
        for n in range(count)
    ]


def load_few_rows(engine: Engine) -> None:
    engine.load("nova", {"servers": [("s1", "n1", "S1", 1)]})
    engine.load("neutron", {"ports": []})


def insert_all(engine: Engine, texts: Sequence[str]) -> None:
    for start in range(0, len(texts), RULES_PER_TEXT):
        engine.insert("p", "\n".join(texts[start : start + RULES_PER_TEXT]))


def extra_rules() -> Iterator[str]:
    """Give rules that no engine of `many_rules` has."""
    for n in range(10**9):
        yield (
            f"extra{n}(id) :- nova:servers(id=id, ram=r), r > {n}, not neutron:ports(device_id=id)"
        )


def rule_additions(engine: Engine, count: int = 200) -> Times:
    """Give the times of adding single rules."""
    times, texts = Times(), extra_rules()
    for _ in range(count):
        times.clock(partial(engine.insert, "p", next(texts)))
    return times


CONSTANTS = 10_000


def rules_with_constants() -> Engine:
    """Give an engine with as many rules on one table, each for one flavor of servers."""
    engine = Engine()
    engine.set_schema("d", {"servers": ["id", "flavor"]})
    engine.create_policy("p")
    engine.load("d", {"servers": [(f"s{n}", f"f{n % CONSTANTS}") for n in range(2 * CONSTANTS)]})
    insert_all(engine, [f'r{n}(x) :- d:servers(id=x, flavor="f{n}")' for n in range(CONSTANTS)])
    return engine


def constant_changes(engine: Engine, count: int = 2_000) -> Times:
    """Give the times of adding a server, each seen by one rule."""
    times, rng = Times(), Random(7)
    engine.apply("d", added={"servers": [("first", "f0")]})
    for n in range(count):
        flavor = rng.randrange(CONSTANTS)
        row = f"new{n}", f"f{flavor}"
        before = size(engine, "p", f"r{flavor}")
        times.clock(partial(engine.apply, "d", added={"servers": [row]}))
        assert size(engine, "p", f"r{flavor}") == before + 1
    return times


# --- memory

SIZES = (1_000_000, 1_400_000, 1_900_000)
"""Rows over one doubling of a table that grows: it is not always as full."""


def bytes_per_row(width: int) -> tuple[float, float, float]:
    """Give the bytes of a row of a derived table without indexes, and of an index on it.

    Shapes: the row's; those of an index with ten rows for each key, and with one.
    """
    found = [_bytes_per_row(width, count) for count in SIZES]
    row, shared, unique = (sum(figures) / len(SIZES) for figures in zip(*found, strict=True))
    return row, shared, unique


def _bytes_per_row(width: int, count: int) -> tuple[float, float, float]:
    engine = Engine(max_rows=MAX_ROWS)
    columns = [f"x{n}" for n in range(width)]
    engine.set_schema("d", {"t": columns})
    engine.create_policy("p")
    rng = Random(1)
    engine.load(
        "d",
        {"t": [(n, *(rng.randrange(count // 10) for _ in columns[1:])) for n in range(count)]},
    )
    terms = ", ".join(columns)
    before = kernel_bytes(engine)
    engine.insert("p", f"copy({terms}) :- d:t({terms})")
    sizes = [kernel_bytes(engine) - before]
    asks = []
    for column in ("x1", "x0"):
        before = kernel_bytes(engine)
        asks.append(engine.prepare("p", f"copy({terms.replace(column, '?')})"))
        assert asks[-1](-1) == []
        assert len(engine.footprint().indexes["p:copy"]) == len(asks)
        sizes.append(kernel_bytes(engine) - before)
    row, shared, unique = (size / count for size in sizes)
    return row, shared, unique


def fresh_strings(count: int) -> Iterable[tuple[int, int]]:
    """Replace rows by others with strings never seen; give how often, and bytes in memory."""
    engine = Engine()
    engine.set_schema("d", {"servers": ["id", "name", "flavor"]})
    engine.create_policy("p", "recursive")
    engine.insert("p", 'large(x) :- d:servers(id=x, flavor="f1")')
    engine.insert("p", "named(x, n) :- large(x), d:servers(id=x, name=n)")
    rows = [(f"server {n}", f"name {n}", f"f{n % 4}") for n in range(1_000)]
    engine.load("d", {"servers": rows})
    process = psutil.Process()
    for n in range(1, count + 1):
        place = n % len(rows)
        row = f"fresh server {n}", f"fresh name {n}", f"f{n % 4}"
        engine.apply("d", added={"servers": [row]}, removed={"servers": [rows[place]]})
        rows[place] = row
        if n % 100_000 == 0:
            yield n, process.memory_info().rss
