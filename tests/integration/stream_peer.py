"""A node on a uds bus, for tests that kill and stop processes: `stream_peer.py CONFIG`.

CONFIG is JSON: `dir`, `name`, `role` (policy, publisher or subscriber), perhaps `count` (of
subscribers), `replaces`, and `fault`: `{"when": "sent" or "received", "message": NAME, "nth": N,
"signal": "SIGKILL" or "SIGSTOP"}`, which the process does to itself at that point. Each line of
its input is a command in JSON and is answered by a line in JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from congress_dist.clock import SystemClock, new_incarnation
from congress_dist.config import load_config
from congress_dist.dse_node import DseNode, StreamPublisher
from congress_dist.policy.service import PolicyService
from congress_dist.policy.store.rule_store import RuleStore
from congress_dist.protocol.codec import decode
from congress_dist.protocol.messages import NAME_BY_CLASS
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.published_table import TableResult
from congress_dist.protocol.stream import READY, Transaction
from congress_dist.row import Row, digest_of, encode_row
from congress_dist.schema import Column, TableSchema
from congress_dist.service import Service
from congress_dist.transports.transport import Listener, ListenHandler, OsloTransport, ServeHandler

SOURCE, TABLE = "nova", "servers"
COLUMNS = ("id", "name", "host", "status", "size")


class FaultyTransport:
    """Does something to its own process when a message of a kind passes for the n-th time."""

    def __init__(self, inner: OsloTransport, fault: dict[str, Any] | None) -> None:
        self._inner = inner
        self._fault = fault
        self._seen: Counter[tuple[str, str]] = Counter()
        self.counters = inner.counters
        self.stop = inner.stop

    def publish(self, topic: str, payload: bytes) -> None:
        self._inner.publish(topic, payload)
        self._pass("sent", payload)

    def listen(self, topic: str, server: str, handler: ListenHandler) -> Listener:
        def receive(payload: bytes) -> None:
            self._pass("received", payload)
            handler(payload)

        return self._inner.listen(topic, server, receive)

    def call(
        self, topic: str, payload: bytes, *, timeout: float, server: str | None = None
    ) -> bytes:
        self._pass("sent", payload)
        answer = self._inner.call(topic, payload, timeout=timeout, server=server)
        self._pass("received", answer)
        return answer

    def serve(self, topic: str, server: str, handler: ServeHandler) -> Listener:
        def answer(payload: bytes) -> bytes:
            self._pass("received", payload)
            found = handler(payload)
            self._pass("sent", found)
            return found

        return self._inner.serve(topic, server, answer)

    def _pass(self, when: str, payload: bytes) -> None:
        if self._fault is None:
            return
        name = NAME_BY_CLASS[type(decode(payload))]
        self._seen[when, name] += 1
        fault = self._fault
        if (when, name, self._seen[when, name]) == (fault["when"], fault["message"], fault["nth"]):
            say({"fault": fault["signal"]})
            os.kill(os.getpid(), signal.Signals[fault["signal"]])


class Publisher(Service):
    """Publishes the table that it is told."""

    name = topic = SOURCE

    def __init__(self) -> None:
        self._rows: frozenset[Row] | None = None
        self._stream: StreamPublisher | None = None
        self._lock = threading.Lock()

    def start(self, node: DseNode) -> None:
        columns = tuple(Column(name) for name in COLUMNS)
        self._stream = node.publish_stream(
            SOURCE,
            {TABLE: TableSchema(columns)},
            max_age={TABLE: None},
            on_granted=lambda _epoch: self._publish(),
            on_lost=lambda _reason: None,
        )

    def set(self, count: int, version: int) -> None:
        """Have `count` rows; each version differs from the others in one of them."""
        rows = [(f"id-{i}", f"name-{i}", f"host-{i % 100}", "up", i) for i in range(count)]
        rows.append((f"version-{version}", "", "", "", version))
        self._rows = frozenset(map(encode_row, rows))
        self._publish()

    def _publish(self) -> None:
        with self._lock:
            if self._rows is not None and self._stream is not None and self._stream.epoch:
                self._stream.publish({TABLE: TableResult(self._rows, READY)})

    def state(self) -> dict[str, Any]:
        epoch = None if self._stream is None else self._stream.epoch
        digest = None if self._rows is None else f"{digest_of(self._rows):x}"
        return {"epoch": epoch, "digest": digest}


class Subscriber(Service):
    """Holds the table, as a listener sees it."""

    def __init__(self, number: int) -> None:
        self.name = self.topic = f"subscriber-{number}"
        self._rows: set[Row] = set()
        self._position: tuple[int, int] | None = None
        self._lock = threading.Lock()

    def start(self, node: DseNode) -> None:
        self._subscription = node.subscribe(SOURCE, {TABLE}, self._on_transaction)

    def _on_transaction(self, transaction: Transaction) -> None:
        change = transaction.tables.get(TABLE)
        with self._lock:
            self._position = transaction.position
            if change is not None:
                assert change.removed <= self._rows
                assert not change.added & self._rows
                self._rows -= change.removed
                self._rows |= change.added

    def state(self) -> dict[str, Any]:
        status = self._subscription.status()
        with self._lock:
            return {
                "live": status.live,
                "position": self._position,
                "rows": len(self._rows),
                "digest": f"{digest_of(self._rows):x}",
                "stale": any(table.stale for table in status.tables.values()),
                "counters": status.counters,
            }


def main() -> None:
    config = json.loads(sys.argv[1])
    directory, role = Path(config["dir"]), config["role"]
    services: list[Service]
    if role == "policy":
        services = [PolicyService("r1", RuleStore(f"sqlite:///{directory}/rules.sqlite"))]
    elif role == "publisher":
        services = [Publisher()]
    else:
        services = [Subscriber(number) for number in range(config.get("count", 1))]
    transport = OsloTransport(load_config(directory))
    node = DseNode(
        node_id=config["name"],
        incarnation=config.get("incarnation") or new_incarnation(),
        services=services,
        transport=FaultyTransport(transport, config.get("fault")),
        options=replace(DseOptions(), **config.get("options", {})),
        clock=SystemClock(),
        replaces=config.get("replaces"),
    )
    node.start()
    say({"ready": True})
    for line in sys.stdin:
        say(answer(json.loads(line), node, services))
    node.stop()
    transport.stop()


def answer(command: dict[str, Any], node: DseNode, services: list[Service]) -> Any:
    if "rows" in command:
        assert isinstance(services[0], Publisher)
        services[0].set(command["rows"], command["version"])
        return {"done": True}
    if "counters" in command:
        return node.counters()
    states: list[Callable[[], Any]] = [s.state for s in services if hasattr(s, "state")]
    return [state() for state in states]


def say(what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
