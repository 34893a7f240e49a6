"""Run a whole system under load for minutes; print how far answers lag, and whether all arrived.

    make bench-load [MINUTES=10] [ARGS="--rate 1000 --servers 100000 --bus rabbit"]

The cloud stands still at the end: then every table must be what its changes lead to.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from congress_dist.datasources.drivers.cloud_model import CloudChanges, Row, Size, make_tables
from tests.bench.kernel_runs import evaluate, new_engine
from tests.bench.workloads import W4
from tests.integration.conftest import System
from tests.servers.rabbitmq import RabbitServer

POLICY = "load"
SOURCE = "d"
SEEN = "seen(n, at) :- d:progress(n, at)"
SAMPLE_S = 0.05
PAGE_ROWS = 10_000
START_S = 180.0
"""For the first rows; and so long nothing new may arrive."""
MARK_S = 1.0
W4_SERVERS = 100_000


def main(argv: list[str] | None = None) -> int:
    """Give 1 when the lag is above its mark or anything is lost."""
    parser = argparse.ArgumentParser(prog="make bench-load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=1000.0, help="transactions a second")
    parser.add_argument("--servers", type=int, default=W4_SERVERS, help="size of the cloud")
    parser.add_argument("--bus", choices=("rabbit", "uds"), default="rabbit")
    args = parser.parse_args(argv)
    most = round(args.minutes * 60 * args.rate)
    with ExitStack() as stack:
        where = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="congress-load-")))
        bus = start_bus(args.bus, where, stack)
        config = where / "load.conf"
        config.write_text(
            f"{bus}[datasource:{SOURCE}]\ndriver = simulated_cloud\nservers = {args.servers}\n"
            f"changes_per_second = {args.rate}\nmost_changes = {most}\n"
        )
        system = System(where / "data", ["--config", str(config)])
        stack.callback(system.stop)
        system.start()
        load_rules(system)
        lags = watch(system, most)
        lost = compare(system, Size(args.servers), most)
    return report(args, most, lags, lost)


def start_bus(kind: str, where: Path, stack: ExitStack) -> str:
    """Start a broker if one is asked for; give the configuration's lines about it."""
    if kind == "uds":
        return ""
    broker = RabbitServer(where / "rabbitmq")
    stack.callback(broker.end)
    broker.start()
    return f"[dse]\ntransport_url = {broker.url()}\n"


def load_rules(system: System) -> None:
    """Create the policy as soon as the API answers."""
    system.wait_for("/v1/policies", lambda _body: True, seconds=START_S)
    body = {"name": POLICY, "rules": [{"rule": text} for text in (SEEN, *rules_of(W4.rules))]}
    status, answer = system.request("POST", "/v1/policies", body)
    assert status == 201, answer


def rules_of(text: str) -> list[str]:
    """Give the rules of a text, one each; further lines of a rule are indented."""
    rules: list[str] = []
    for line in text.strip().splitlines():
        if line.startswith(" "):
            rules[-1] += " " + line.strip()
        else:
            rules.append(line)
    return rules


def watch(system: System, most: int) -> list[float]:
    """Look at the newest change that has arrived until the last one has; give how old it was."""
    lags: list[float] = []
    count, before = 0, -1.0
    looked = time.monotonic()
    give_up = time.monotonic() + START_S
    while count < most:
        body = system.get(f"/v1/policies/{POLICY}/tables/seen/rows")
        now = time.time()
        if body is not None and body["results"]:
            count, at = body["results"][0]["data"]
            since, looked = looked, time.monotonic()
            if 0 < count < most:
                lags += evenly(now - at, looked - since)
        if count != before:
            before, give_up = count, time.monotonic() + START_S
        if time.monotonic() > give_up:
            sys.exit(f"nothing arrives any more after {count} of {most} changes")
        show(f"{count:,} of {most:,} changes, {lags[-1] if lags else 0:.2f} s ago")
        time.sleep(SAMPLE_S)
    show("")
    return lags


def evenly(lag: float, seconds: float) -> list[float]:
    """Give the lag of a look as often as there should have been looks since the one before.

    Who waits long for one answer, or gets none for a while, has not looked only once.
    """
    return [lag] * max(1, round(seconds / SAMPLE_S))


def compare(system: System, size: Size, most: int) -> list[str]:
    """Give the tables that are not what all changes lead to, those of the rules included."""
    made = make_tables(size)
    tables: dict[str, set[Row]] = {name: set(rows) for name, rows in made.items()}
    for transaction in CloudChanges(size, made).take(most):
        for name, gone in transaction.removed.items():
            tables[name] -= set(gone)
        for name, come in transaction.added.items():
            tables[name] |= set(come)
    engine = new_engine(W4)
    engine.load(SOURCE, {name: list(rows) for name, rows in tables.items()})
    evaluate(engine, W4)
    expected = {f"/v1/data-sources/{SOURCE}/tables/{n}": rows for n, rows in tables.items()}
    expected |= {f"/v1/policies/{POLICY}/tables/{n}": set(engine.rows("p", n)) for n in W4.counts}
    return [path for path, rows in expected.items() if rows_at(system, path) != rows]


def rows_at(system: System, table: str) -> set[Row]:
    """Give all rows of a table that is complete."""
    rows: set[Row] = set()
    page: str | None = f"{table}/rows?limit={PAGE_ROWS}"
    while page:
        body = system.wait_for(page, lambda body: "missing" in body)
        assert not body["missing"], (table, body["missing"])
        rows |= {tuple(each["data"]) for each in body["results"]}
        page = body.get("next")
    return rows


def show(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


def report(args: argparse.Namespace, most: int, lags: list[float], lost: list[str]) -> int:
    """Print the figures; give 1 where a mark is missed."""
    if len(lags) < 2:
        sys.exit("too short: nothing was seen while the cloud changed")
    cuts = statistics.quantiles(lags, n=100)
    print(f"{most:,} changes, {args.rate:,.0f} a second, {args.servers:,} servers, {args.bus}")
    print(f"newest change seen: p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, max {max(lags):.2f} s")
    print(f"{len(lags)} times {SAMPLE_S} s")
    print(f"tables that differ at the end: {', '.join(lost) or 'none'}")
    return int(cuts[98] > MARK_S or bool(lost))


if __name__ == "__main__":
    sys.exit(main())
