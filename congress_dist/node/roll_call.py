"""Asks every node on the roll how it does; who does not answer is told of nevertheless."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, TypedDict

import msgspec
from msgspec import Meta

from ..clock import Clock
from ..errors import CongressError, DeadlineExceeded, UnreadableMessage
from ..protocol.roll import HeardNode
from .calls import CallClient
from .sync_calls import NODE_TOPIC

ANSWERED, SUSPECT, SILENT = "alive", "suspect", "silent"
_AT_ONCE = 32
_ROUNDS = 2
"""So many times `timeout` all of it may take, however many are silent."""


class _Stream(TypedDict):
    stream: str
    state: str
    why: str
    position: tuple[int, int] | None


class _Source(TypedDict):
    source: str
    state: str
    why: str
    position: tuple[int, int] | None
    lag: int | None


class _Report(TypedDict):
    """What others rely on in a report, which another release may have made; more may be in it."""

    services: list[str]
    metrics: Annotated[str, Meta(pattern=r"^http://[^/\s]+/metrics$")] | None
    streams: list[_Stream]
    sources: list[_Source]


class RollCall:
    """Calls all nodes at the same time; thread safe."""

    def __init__(
        self,
        calls: CallClient,
        clock: Clock,
        me: str,
        own: Callable[[], dict[str, Any]],
        *,
        stale_after: float,
    ) -> None:
        self._calls = calls
        self._clock = clock
        self._me = me
        self._own = own
        self._stale_after = stale_after
        self._metrics: dict[str, str | None] = {}
        """Where each incarnation served its metrics when it answered last; replaced as a whole."""

    def ask(self, nodes: Sequence[HeardNode], now: float, timeout: float) -> list[dict[str, Any]]:
        """Give a report of each node, in their order.

        Shapes: to a node's own report are added `state` (`alive`; `suspect`: it answers, and its
            heartbeats do not come; `silent`), `why` and `heard_age`, the seconds since its last
            heartbeat. Of a silent one there is what its heartbeats said: services, positions, and
            what it subscribes to; and the address of its metrics, if it ever told it here, so that
            Prometheus sees that it does not answer.
        Promises: returns after `timeout`, or twice that when many are silent; who was not asked by
            then is told of as silent.
        """
        if not nodes:
            return []
        end = now + _ROUNDS * timeout
        with ThreadPoolExecutor(min(_AT_ONCE, len(nodes)), "dse-roll-call") as pool:
            reports = list(pool.map(lambda node: self._ask(node, timeout, end), nodes))
        self._metrics = {report["incarnation"]: report["metrics"] for report in reports}
        return reports

    def _ask(self, node: HeardNode, timeout: float, end: float) -> dict[str, Any]:
        now = self._clock.monotonic()
        try:
            report = self._report(node, min(timeout, end - now))
        except CongressError as error:
            silent = _silent(node, self._heard_age(node), error)
            return silent | {"metrics": self._metrics.get(node.incarnation)}
        age = self._heard_age(node)
        state, why = ANSWERED, ""
        if age > self._stale_after:
            # Threads that answer calls go on when a node's loop, or its way to the bus, does not.
            state, why = SUSPECT, f"it answers, but was last heard {age:.0f} s ago"
        return {**report, "state": state, "why": why, "heard_age": age}

    def _heard_age(self, node: HeardNode) -> float:
        return self._clock.monotonic() - node.heard_at

    def _report(self, node: HeardNode, timeout: float) -> dict[str, Any]:
        if node.incarnation == self._me:
            return self._own()
        if timeout <= 0:
            raise DeadlineExceeded("it was not asked: too many nodes do not answer")
        answer: dict[str, Any] = self._calls.call(
            NODE_TOPIC,
            "status",
            {},
            timeout=timeout,
            server=node.incarnation,
            repeat=False,  # one try: an operator waits
        )
        try:
            msgspec.convert(answer, _Report)
        except msgspec.ValidationError as error:
            raise UnreadableMessage(f"its report cannot be read: {error}") from error
        return {**answer, "node": node.node_id, "incarnation": node.incarnation}


def _silent(node: HeardNode, age: float, error: CongressError) -> dict[str, Any]:
    """Give what is known of a node that does not answer."""
    why = f"{error.message}; last heard {age:.0f} s ago"
    return {
        "node": node.node_id,
        "incarnation": node.incarnation,
        "services": sorted(node.services),
        "state": SILENT,
        "why": why,
        "heard_age": age,
        "streams": [
            {"stream": name, "state": SILENT, "why": why, "position": list(position)}
            for name, position in sorted(node.positions.items())
        ],
        "sources": [
            {"source": name, "state": SILENT, "why": why, "tables": sorted(tables)}
            for name, tables in sorted(node.wants.items())
        ],
    }
