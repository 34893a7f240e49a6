"""One publisher and one subscriber on a bench: the test carries each message by hand."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from congress_dist.clock import new_random
from congress_dist.protocol.effects import Alarm, Apply, Count, Effect, RequestSync, Send
from congress_dist.protocol.messages import Delta, Heartbeat, SyncRequest
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.published_table import Published, TableResult
from congress_dist.protocol.publisher import Identity, Publisher
from congress_dist.protocol.stream import READY, Epoch, TableState, Transaction
from congress_dist.protocol.subscriber import Subscriber
from congress_dist.row import Row, decode_row, encode_row

SOURCE = "nova"


def rows_of(names: Iterable[str]) -> frozenset[Row]:
    return frozenset(encode_row((name,)) for name in names)


class Bench:
    """Time stands still unless the test moves `now`."""

    def __init__(self, options: DseOptions | None = None, tables: str = "servers ports") -> None:
        self.options = options or DseOptions()
        self.now = 100.0
        self.rng = new_random(1)
        self.tables = tables.split()
        self.publisher = self.make_publisher(1)
        self.subscriber = Subscriber(SOURCE, options=self.options, rng=self.rng, now=self.now)
        self.counts: dict[str, int] = {}
        self.applied: list[Transaction] = []
        self.alarms: list[Alarm] = []
        self.requests: list[RequestSync] = []

    # publisher's side

    def make_publisher(
        self,
        epoch: int,
        incarnation: str | None = None,
        version: str = "v1",
        slow: tuple[str, ...] = (),
    ) -> Publisher:
        return Publisher(
            Identity(SOURCE, "ds1", incarnation or f"incarnation-{epoch}", Epoch(epoch)),
            {n: Published(version, max_age=6.0, is_slow=n in slow) for n in self.tables},
            options=self.options,
            beats=itertools.count(1),
            rng=self.rng,
            now=self.now,
        )

    def restart(self, epoch: int, incarnation: str | None = None, version: str = "v1") -> None:
        self.publisher = self.make_publisher(epoch, incarnation, version)

    def publish(self, **tables: str) -> list[Delta | Heartbeat]:
        """Publish one read: `servers="a b"` says that the table has the rows a and b."""
        reads = {name: TableResult(rows_of(t.split()), READY) for name, t in tables.items()}
        return sent(self.publisher.publish(reads, self.now))

    def publish_state(self, table: str, state: TableState) -> list[Delta | Heartbeat]:
        return sent(self.publisher.publish({table: TableResult(None, state)}, self.now))

    def due(self) -> list[Delta | Heartbeat]:
        """Give what the publisher sends when it looks at the clock."""
        return sent(self.publisher.on_tick(self.now))

    def heartbeat(self, *, full: bool = True) -> Heartbeat:
        """Give the publisher's next heartbeat, now."""
        if full:
            self.publisher._full_due = self.now
        self.publisher._heartbeat_due = self.now
        (message,) = sent(self.publisher.on_tick(self.now))
        assert isinstance(message, Heartbeat)
        return message

    # subscriber's side

    def want(self, *tables: str) -> None:
        self.take(self.subscriber.want(tables, self.now))

    def deliver(self, *messages: Delta | Heartbeat) -> None:
        for message in messages:
            self.take(self.subscriber.on_message(message, self.now))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.subscriber.on_tick(self.now))

    def answer(self, *, pieces: int = 1000) -> None:
        """Let the publisher answer what was asked, and what that leads to."""
        while self.requests and pieces > 0:
            pieces -= 1
            request = self.requests.pop(0).message
            if isinstance(request, SyncRequest):
                reply = self.publisher.on_sync(request, self.now)
            else:
                reply = self.publisher.on_chunk(request, self.now)
            self.take(self.subscriber.on_answer(reply, self.now))

    def fail(self) -> None:
        """Let the request that is out get no reply."""
        number = self.requests.pop(0).message.request
        self.take(self.subscriber.on_failure(number, self.now))

    def take(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Apply):
                self.applied.append(effect.transaction)
            elif isinstance(effect, RequestSync):
                self.requests.append(effect)
            elif isinstance(effect, Count):
                self.counts[effect.name] = self.counts.get(effect.name, 0) + 1
            elif isinstance(effect, Alarm):
                self.alarms.append(effect)
        self.subscriber.check()
        self.publisher.check()

    def begin(self, servers: str = "a", ports: str = "p") -> None:
        """Come to LIVE at (1, 1)."""
        self.want("servers", "ports")
        self.deliver(*self.publish(servers=servers, ports=ports))
        self.answer()
        assert self.subscriber.is_live
        self.applied.clear()
        self.counts.clear()

    def request(self) -> SyncRequest:
        """Give the only request that is out."""
        (request,) = self.requests
        assert isinstance(request.message, SyncRequest)
        return request.message

    def held(self, table: str) -> str:
        """Give the rows held of a table as `publish` takes them."""
        rows = self.subscriber.rows(table)
        assert rows is not None
        return " ".join(sorted(str(decode_row(row)[0]) for row in rows))

    @property
    def position(self) -> tuple[int, int] | None:
        return self.subscriber.position


def sent(effects: list[Effect]) -> list[Delta | Heartbeat]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    def make(tables: str = "servers ports", **options: float) -> Bench:
        return Bench(replace(DseOptions(), **options), tables)  # type: ignore[arg-type]

    return make
