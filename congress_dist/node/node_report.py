"""What a node tells an operator of itself: plain data, for a call, for metrics, for the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Protocol

from ..clock import Clock
from .call_times import CallTimes


class Queue(Protocol):
    """What waits somewhere in a node."""

    @property
    def waiting(self) -> int:
        """Give how many messages wait."""
        ...

    @property
    def waiting_bytes(self) -> int:
        """Give what they weigh."""
        ...

    @property
    def dropped(self) -> int:
        """Give how many found no room."""
        ...


class NodeReport:
    """Asks the parts of a node how they do; thread safe.

    Promises: waits for none of them for longer than a fraction of a second.
    """

    def __init__(
        self,
        identity: Mapping[str, Any],
        clock: Clock,
        *,
        streams: Callable[[], Iterable[dict[str, Any]]],
        sources: Callable[[], Iterable[dict[str, Any]]],
        queues: Mapping[str, Queue],
        traffic: Callable[[], Mapping[str, int]],
        counters: Callable[[], Mapping[str, int]],
        made: CallTimes,
        served: CallTimes,
    ) -> None:
        self._identity = identity
        self._clock = clock
        self._began = clock.monotonic()
        self._streams = streams
        self._sources = sources
        self._queues = queues
        self._traffic = traffic
        self._counters = counters
        self._made = made
        self._served = served
        self.metrics_address: str | None = None
        """Where this node serves its metrics, None when it does not."""

    def make(self) -> dict[str, Any]:
        """Give the report.

        Shapes: `streams` are those that the node publishes or waits to publish, `sources` those
            that it subscribes to.
        """
        return {
            **self._identity,
            "version": _version(),
            "uptime": self._clock.monotonic() - self._began,
            "metrics": self.metrics_address,
            "streams": list(self._streams()),
            "sources": list(self._sources()),
            "queues": {
                name: {
                    "waiting": queue.waiting,
                    "waiting_bytes": queue.waiting_bytes,
                    "dropped": queue.dropped,
                }
                for name, queue in self._queues.items()
            },
            "traffic": dict(self._traffic()),
            "counters": dict(self._counters()),
            "calls": {"made": self._made.report(), "served": self._served.report()},
        }


@cache
def _version() -> str:
    from importlib.metadata import version

    return version("congress_dist")
