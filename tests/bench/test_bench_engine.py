"""What one poll of the demonstration costs the engine beside 115,000 package files."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from congress_dist.policy import Engine

PACKAGE_FILES = [
    (f"/usr/share/doc/package-{n % 700}/file-{n}", f"package-{n % 700}") for n in range(115_000)
]
PROCESSES = [(n, f"/usr/share/doc/package-{n % 700}/file-{n * 7}", n % 3) for n in range(400)]
SOCKETS = [(n, "0.0.0.0" if n % 2 else "127.0.0.1", 1000 + n) for n in range(0, 400, 4)]
POLICY = """
exposed(pid, port) :- host:sockets(pid=pid, address=a, port=port), a in ["0.0.0.0", "::"]
@severity("high") listener(pid, exe, port) :-
    exposed(pid, port), host:processes(pid=pid, executable=exe), not allowed(exe, port)
@severity("high") unowned(pid, exe) :-
    host:processes(pid=pid, executable=exe, uid=0), not host:package_files(path=exe)
owned(pid, package) :-
    host:processes(pid=pid, executable=exe), host:package_files(path=exe, package=package)
allowed("/usr/sbin/sshd", 22)
"""


@pytest.fixture(scope="module")
def engine() -> Engine:
    engine = Engine()
    engine.set_schema(
        "host",
        {
            "processes": ["pid", "executable", "uid"],
            "sockets": ["pid", "address", "port"],
            "package_files": ["path", "package"],
        },
    )
    engine.create_policy("p")
    engine.insert("p", POLICY)
    engine.load(
        "host", {"processes": PROCESSES, "sockets": SOCKETS, "package_files": PACKAGE_FILES}
    )
    return engine


def test_one_process_replaced(benchmark: BenchmarkFixture, engine: Engine) -> None:
    pids = count(10_000)

    def poll() -> None:
        pid = next(pids)
        engine.apply("host", added={"processes": [(pid, "/opt/new", 0)]})
        engine.apply("host", removed={"processes": [(pid, "/opt/new", 0)]})

    benchmark(poll)
    assert not [row for row in engine.rows("p", "unowned") if row[1] == "/opt/new"]


def test_loading_115000_package_files(benchmark: BenchmarkFixture, engine: Engine) -> None:
    benchmark.pedantic(
        lambda: engine.load("host", {"package_files": PACKAGE_FILES}), rounds=3, warmup_rounds=1
    )
    assert len(engine.rows("host", "package_files")) == 115_000


def test_ticks_of_the_clock_over_100000_times(benchmark: BenchmarkFixture) -> None:
    engine, start, hours = Engine(), datetime(2026, 1, 1), count(1)
    engine.set_schema("d", {"t": ["x", "at"]})
    engine.set_schema("clock", {"now": ["time"]})
    engine.create_policy("p")
    engine.insert("p", "old(x) :- d:t(x, t), age_seconds(t, s), s > 24 * 3600")
    engine.load("d", {"t": [(n, str(start + timedelta(seconds=36 * n))) for n in range(100_000)]})
    engine.load("clock", {"now": [(str(start),)]})

    def tick() -> None:
        now = start + timedelta(hours=next(hours))
        engine.load("clock", {"now": [(str(now),)]})

    for _ in range(50):
        tick()
    benchmark.pedantic(tick, rounds=500)
    assert len(engine.rows("p", "old")) == 100 * (next(hours) - 1 - 24)
