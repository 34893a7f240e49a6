"""How the sources of a node reach their publishers when nobody answers for long."""

from __future__ import annotations

import threading

from congress_dist.clock import new_random
from congress_dist.codec import Encoder
from congress_dist.delivery import Delivery
from congress_dist.messages import Heartbeat
from congress_dist.options import DseOptions
from congress_dist.rate_limit import RateLimit
from congress_dist.source_feeds import SourceFeeds
from congress_dist.stream import Epoch, Seq
from congress_dist.testing.fake_clock import FakeClock
from congress_dist.testing.memory_transport import MemoryBus, MemoryTransport
from congress_dist.workers import Workers

PATIENCE = 10.0
OPTIONS = DseOptions()


class CountingTransport(MemoryTransport):
    """Remembers the requests that were made; nobody answers them."""

    requests = 0

    def call(
        self, topic: str, payload: bytes, *, timeout: float, server: str | None = None
    ) -> bytes:
        self.requests += 1
        return super().call(topic, payload, timeout=timeout, server=server)


def ignore(*_: object) -> None:
    """Hear nothing."""


def test_request_that_waited_too_long_for_a_worker_is_not_made() -> None:
    clock, bus = FakeClock(), MemoryBus(seed=1)
    transport = CountingTransport(bus, "me")
    workers = Workers("test", 1)
    feeds = SourceFeeds(
        incarnation="me",
        transport=transport,
        encode=Encoder(),
        options=OPTIONS,
        clock=clock,
        rng=new_random(1),
        delivery=Delivery(clock, ignore),
        workers=workers,
        log_limit=RateLimit(clock),
        receive=ignore,
        wake=ignore,
    )
    stopped_peer = threading.Event()
    workers.submit(lambda: ignore(stopped_peer.wait(PATIENCE)))
    feeds.subscribe("nova", ["servers"], ignore)
    feeds.on_message(Heartbeat("nova", "n", "i", 1, 0.0, Epoch(1), Seq(1), full=True))
    for _ in range(40):
        clock.advance(OPTIONS.sync_timeout / 2)
        feeds.tick()
    stopped_peer.set()
    workers.stop(PATIENCE)
    bus.stop()
    # Many were given up while the worker was busy; only the last may still be waited for.
    assert transport.requests <= 1
