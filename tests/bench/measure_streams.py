"""Print the figures of streams between processes, beside their marks.

    make bench-streams

Each node is a process of its own; times are elapsed.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.peer import Peer

SCRIPT = str(Path(__file__).with_name("stream_process.py"))
MILLION = 1_000_000
PATIENCE = 120.0
TUPLES = """
import sys
from tests.bench.stream_process import cells, resident_bytes
before = resident_bytes()
rows = list(cells(range(int(sys.argv[1]))))
print(resident_bytes() - before)
"""


class Bus:
    """Processes on one bus, with a policy service among them."""

    def __init__(self, stack: ExitStack, url: str | None, **options: float) -> None:
        self._stack = stack
        self._config: dict[str, Any] = {
            "dir": stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")),
            "options": options,
        }
        if url is not None:
            self._config["url"] = url
        self.start("policy")

    def start(self, role: str, name: str = "") -> Peer:
        peer = Peer(SCRIPT, {**self._config, "role": role, "name": name or role})
        self._stack.callback(peer.end)
        peer.wait_for("ready")
        return peer


@contextmanager
def new_bus(url: str | None, **options: float) -> Iterator[Bus]:
    with ExitStack() as stack:
        yield Bus(stack, url, **options)


def poll(condition: Callable[[], Any], what: str) -> Any:
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    sys.exit(f"not within {PATIENCE:.0f} s: {what}")


def caught_up(subscriber: Peer, rows: int, after: float = 0.0) -> dict[str, Any]:
    """Wait until a subscriber is live with so many rows, applied after a time."""

    def look() -> dict[str, Any] | None:
        state: dict[str, Any] = subscriber.ask(do="state")
        is_there = state["live"] and state["rows"] == rows and state["applied"] > after
        return state if is_there else None

    found: dict[str, Any] = poll(look, f"{rows} rows")
    return found


def quantile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def lost_last_message(url: str | None, times: int) -> str:
    with new_bus(url) as bus:
        publisher, subscriber = bus.start("publisher"), bus.start("subscriber")
        publisher.ask(do="fill", rows=100)
        caught_up(subscriber, 100)
        for number in range(times):
            last = publisher.ask(do="pulse", count=1, rate=1, lose=True)["last"]
            delays = caught_up(subscriber, 101, last)["delays"]
            assert len(delays) == number + 1
        assert subscriber.ask(do="state")["counters"].get("sync", 0) >= times
    return f"{max(delays):.2f} s at most, of {times}"


def first_sync(url: str | None) -> str:
    with new_bus(url) as bus:
        publisher = bus.start("publisher")
        publisher.ask(do="fill", rows=MILLION)
        state = caught_up(bus.start("subscriber"), MILLION)
    return f"{state['filled'] - state['asked']:.2f} s"


def one_row_at_a_time(url: str | None, rate: float, count: int) -> str:
    with new_bus(url) as bus:
        publisher, subscriber = bus.start("publisher"), bus.start("subscriber")
        publisher.ask(do="fill", rows=100_000)
        caught_up(subscriber, 100_000)
        last = publisher.ask(do="pulse", count=count, rate=rate)["last"]
        delays = caught_up(subscriber, 100_001, last)["delays"]
    p50, p99 = (1000 * quantile(delays, part) for part in (0.5, 0.99))
    return f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, at most {1000 * max(delays):.1f} ms"


def rows_per_second(url: str | None, transactions: int, rows: int) -> str:
    with new_bus(url) as bus:
        publisher, subscriber = bus.start("publisher"), bus.start("subscriber")
        publisher.ask(do="fill", rows=100)
        before = caught_up(subscriber, 100)["counters"].get("sync", 0)
        sent = publisher.ask(do="flood", transactions=transactions, rows=rows)
        state = caught_up(subscriber, 100 + transactions * rows)
        seconds = state["applied"] - sent["begin"]
        syncs = state["counters"].get("sync", 0) - before
    return f"{transactions * rows / seconds:,.0f} ({syncs} syncs)"


def takeover(url: str | None, number: str, **options: float) -> str:
    with new_bus(url, **options) as bus:
        former = bus.start("publisher")
        former.ask(do="fill", rows=1000)
        subscriber = bus.start("subscriber")
        caught_up(subscriber, 1000)
        other = bus.start("publisher", "other")
        former.process.send_signal(getattr(signal, number))
        begin = time.monotonic()
        epoch = other.ask(do="fill", rows=1000)["epoch"]
        poll(lambda: subscriber.ask(do="state")["epoch"] == epoch, "the other one's epoch")
        poll(lambda: not subscriber.ask(do="state")["stale"], "fresh rows")
        return f"{time.monotonic() - begin:.1f} s"


def memory(url: str | None) -> str:
    words = [sys.executable, "-c", TUPLES, str(MILLION)]
    tuples = int(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
    with new_bus(url) as bus:
        growth = bus.start("publisher").ask(do="fill", rows=MILLION)["growth"]
    return f"{growth / tuples:.2f}x ({growth / 1e6:.0f} MB, tuples {tuples / 1e6:.0f} MB)"


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-streams", description=__doc__)
    parser.add_argument("--url", help="transport (default: uds:// in a directory of its own)")
    parser.add_argument("--only", default="", help="measure only what has this in its name")
    args = parser.parse_args()
    url = args.url
    measurements: list[tuple[str, Callable[[], str]]] = [
        ("lost last message noticed and mended", lambda: lost_last_message(url, 10)),
        ("first sync of 1,000,000 rows of 5 columns", lambda: first_sync(url)),
        ("one row, 200 transactions/s", lambda: one_row_at_a_time(url, 200, 4000)),
        ("rows a second, 500 in each transaction", lambda: rows_per_second(url, 2000, 500)),
        ("takeover of a killed publisher", lambda: takeover(url, "SIGKILL")),
        ("takeover of a stopped publisher", lambda: takeover(url, "SIGSTOP")),
        (
            "takeover, killed, lease_time 3 s, renewal 1 s",
            lambda: takeover(url, "SIGKILL", lease_time=3.0, lease_renewal=1.0),
        ),
        ("memory of a publisher of 1,000,000 rows", lambda: memory(url)),
    ]
    for name, measure in measurements:
        if args.only in name:
            print(f"{name}: {measure()}", flush=True)


if __name__ == "__main__":
    main()
