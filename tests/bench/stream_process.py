"""A node for measurements: `stream_process.py CONFIG`, as tests/peer.py talks to it.

CONFIG: `dir`, `name`, `role` (policy, publisher or subscriber), perhaps `url` of the transport and
`options`. Times are those of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil

from congress_dist.clock import SystemClock, new_incarnation
from congress_dist.config import load_config
from congress_dist.dse_node import DseNode, StreamPublisher, TableResult, TableUpdate
from congress_dist.policy.service import PolicyService
from congress_dist.policy.store.rule_store import RuleStore
from congress_dist.protocol.codec import decode
from congress_dist.protocol.messages import Delta
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import READY, Transaction
from congress_dist.row import Row, decode_row, encode_row
from congress_dist.schema import Column, TableSchema
from congress_dist.service import Service
from congress_dist.transports.transport import OsloTransport

SOURCE, TABLE = "nova", "servers"
COLUMNS = ("id", "name", "host", "status", "size")
STAMP = "stamp"
"""First cell of a row whose last cell says when it was published."""


def cells(numbers: range) -> Iterator[tuple[str, str, str, str, int]]:
    """Give rows of five columns."""
    for i in numbers:
        yield f"id-{i}", f"name-{i}", f"host-{i % 100}", "up", i


def resident_bytes() -> int:
    gc.collect()
    found: int = psutil.Process().memory_info().rss
    return found


class LossyTransport(OsloTransport):
    """Loses a delta when it is told to."""

    loses_next = False

    def publish(self, topic: str, payload: bytes) -> None:
        if self.loses_next and isinstance(decode(payload), Delta):
            self.loses_next = False
            return
        super().publish(topic, payload)


class Publisher(Service):
    """Publishes what it is told."""

    name = topic = SOURCE
    stream: StreamPublisher

    def __init__(self, transport: LossyTransport) -> None:
        self._transport = transport
        self._stamped: frozenset[Row] = frozenset()
        self._granted = threading.Event()

    def start(self, node: DseNode) -> None:
        self.stream = node.publish_stream(
            SOURCE,
            {TABLE: TableSchema(tuple(Column(name) for name in COLUMNS))},
            max_age={TABLE: None},
            on_granted=lambda _epoch: self._granted.set(),
            on_lost=lambda _reason: self._granted.clear(),
        )

    def fill(self, rows: int) -> dict[str, Any]:
        """Publish a whole table; give by how much memory grew."""
        self._granted.wait()
        before = resident_bytes()
        content = frozenset(encode_row(row) for row in cells(range(rows)))
        self.stream.publish({TABLE: TableResult(content, READY)})
        del content
        return {"epoch": self.stream.epoch, "growth": resident_bytes() - before}

    def pulse(self, count: int, rate: float, *, lose: bool = False) -> dict[str, Any]:
        """Publish one row after the other, each with its time, at a rate."""
        begin = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, begin + number / rate - time.monotonic()))
            self._transport.loses_next = lose
            now = time.monotonic()
            row = frozenset({encode_row((STAMP, "", "", "", now))})
            self.stream.publish({TABLE: TableUpdate(self._stamped, row)})
            self._stamped = row
        return {"last": now}

    def flood(self, transactions: int, rows: int) -> dict[str, Any]:
        """Publish transactions that each add as many rows, as fast as it goes."""
        contents = [
            frozenset(encode_row(row) for row in cells(range(-rows * (n + 1), -rows * n)))
            for n in range(transactions)
        ]
        begin = time.monotonic()
        for content in contents:
            self.stream.publish({TABLE: TableUpdate(frozenset(), content)})
        return {"begin": begin, "published": time.monotonic()}


class Subscriber(Service):
    """Notes when what arrives, as a listener sees it."""

    name = topic = "subscriber"

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows = 0
        self._transactions = 0
        self._applied = self._filled = 0.0
        self._delays: list[float] = []
        self._epoch: int | None = None
        self._asked = 0.0

    def start(self, node: DseNode) -> None:
        self._asked = time.monotonic()
        self._subscription = node.subscribe(SOURCE, {TABLE}, self._on_transaction)

    def _on_transaction(self, transaction: Transaction) -> None:
        now = time.monotonic()
        change = transaction.tables.get(TABLE)
        with self._lock:
            self._applied = now
            self._epoch = transaction.position.epoch
            self._transactions += 1
            if change is None:
                return
            self._rows += len(change.added) - len(change.removed)
            if len(change.added) > 1:
                self._filled = now
                return
            for row in change.added:
                stamp, *_, published = decode_row(row)
                if stamp == STAMP:
                    self._delays.append(now - float(published or 0.0))

    def state(self) -> dict[str, Any]:
        status = self._subscription.status()
        with self._lock:
            return {
                "live": status.live,
                "epoch": self._epoch,
                "position": status.position,
                "stale": any(table.stale for table in status.tables.values()),
                "rows": self._rows,
                "transactions": self._transactions,
                "asked": self._asked,
                "applied": self._applied,
                "filled": self._filled,
                "delays": self._delays,
                "counters": status.counters,
            }


def main() -> None:
    config = json.loads(sys.argv[1])
    directory, role = Path(config["dir"]), config["role"]
    overrides = {"dse__transport_url": config["url"]} if "url" in config else {}
    transport = LossyTransport(load_config(directory, **overrides))
    service: Any
    if role == "policy":
        service = PolicyService("r1", RuleStore(f"sqlite:///{directory}/rules.sqlite"))
    else:
        service = Publisher(transport) if role == "publisher" else Subscriber()
    node = DseNode(
        node_id=config["name"],
        incarnation=new_incarnation(),
        services=[service],
        transport=transport,
        options=replace(DseOptions(), **config.get("options", {})),
        clock=SystemClock(),
    )
    node.start()
    say({"ready": True})
    for line in sys.stdin:
        command = json.loads(line)
        say(getattr(service, command.pop("do"))(**command))
    node.stop()
    transport.stop()


def say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
