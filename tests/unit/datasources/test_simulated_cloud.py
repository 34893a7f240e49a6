"""The simulated cloud: the same tables and changes each time, at the rate that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from congress_dist.datasources.conformance import check_driver
from congress_dist.datasources.driver import Changes, Table, TableRead
from congress_dist.datasources.drivers.cloud_model import CloudChanges, Size, make_tables
from congress_dist.datasources.drivers.simulated_cloud import SimulatedCloud
from congress_dist.testing.fake_clock import FakeClock

SIZE = Size(servers=200)


class Bench:
    """A driver, and the tables as its reads leave them."""

    def __init__(self, **config: Any) -> None:
        self.clock = FakeClock()
        self.driver = SimulatedCloud({"servers": 200, **config}, clock=self.clock)
        self.tables: dict[str, set[tuple[Any, ...]]] = {}

    def read(self, seconds: float = 0.0) -> Mapping[str, TableRead]:
        self.clock.advance(seconds)
        reads = self.driver.read("cloud")
        for name, read in reads.items():
            if isinstance(read, Table):
                self.tables[name] = set(read.rows)
            elif isinstance(read, Changes):
                added, removed = set(read.added), set(read.removed)
                assert removed <= self.tables[name]
                assert not added & self.tables[name]
                self.tables[name] = (self.tables[name] - removed) | added
        return reads

    @property
    def count(self) -> int:
        ((count, _at),) = self.tables["progress"]
        return int(count)


def after(count: int) -> dict[str, set[tuple[Any, ...]]]:
    """Give the cloud after so many transactions, carried out one by one."""
    tables = make_tables(SIZE)
    rows = {name: set(table) for name, table in tables.items()}
    for transaction in CloudChanges(SIZE, tables).take(count):
        for name, gone in transaction.removed.items():
            rows[name] -= set(gone)
        for name, come in transaction.added.items():
            rows[name] |= set(come)
    return rows


def test_reads_lead_to_the_cloud_after_as_many_changes() -> None:
    bench = Bench(changes_per_second=1000.0)
    bench.read()
    for seconds in (0.1, 0.5, 1.5, 0.0, 0.2):
        bench.read(seconds)
    assert bench.count == 2300
    assert {n: rows for n, rows in bench.tables.items() if n != "progress"} == after(2300)


def test_rate_holds_over_many_short_reads() -> None:
    bench = Bench(changes_per_second=3.0)
    for _ in range(101):
        bench.read(0.1)
    assert bench.count in {29, 30}


def test_cloud_stands_still_after_its_last_change() -> None:
    bench = Bench(changes_per_second=10.0, most_changes=7)
    bench.read()
    bench.read(2.0)
    assert bench.count == 7
    assert not any(isinstance(read, Table | Changes) for read in bench.read(2.0).values())


def test_pause_is_not_made_up_for() -> None:
    bench = Bench(changes_per_second=10.0)
    bench.read()
    bench.read(3600.0)
    assert bench.count == 50


def test_cloud_begins_anew_when_its_rows_were_refused() -> None:
    bench = Bench(changes_per_second=10.0)
    bench.read()
    bench.read(1.0)
    bench.driver.start_over("cloud")
    bench.read(1.0)
    assert bench.count == 0
    assert bench.tables["servers"] == set(make_tables(SIZE)["servers"])


def test_smallest_cloud_goes_on_for_ever() -> None:
    size = Size(servers=100)
    changes = CloudChanges(size, make_tables(size))
    assert sum(1 for _ in changes.take(5000)) == 5000


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"servers": 99}, "servers must be from 100 to 1000000"),
        ({"servers": 1_000_001}, "servers must be from 100 to 1000000"),
        ({"changes_per_second": -1.0}, "not below 0"),
        ({"changes_per_second": float("inf")}, "not below 0"),
        ({"changes_per_second": float("nan")}, "not below 0"),
        ({"most_changes": -1}, "not below 0"),
    ],
)
def test_sizes_that_cannot_be_are_refused(config: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SimulatedCloud(config)


def test_it_is_a_sound_driver() -> None:
    assert check_driver(SimulatedCloud, {"servers": 100, "changes_per_second": 1e6}) == []
