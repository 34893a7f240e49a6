"""The heartbeats of services that publish no stream, now or ever (docs/protocol.md section 2)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping

from ..clock import Random
from .messages import Heartbeat
from .options import DseOptions


class Presence:
    """Tell that services are there, and what their node wants."""

    def __init__(
        self,
        node_id: str,
        incarnation: str,
        *,
        options: DseOptions,
        beats: Iterator[int],
        rng: Random,
        now: float,
    ) -> None:
        self._node_id = node_id
        self._incarnation = incarnation
        self._options = options
        self._beats = beats
        self._rng = rng
        self.next_tick = now

    def on_tick(
        self, services: Iterable[str], wants: Mapping[str, tuple[str, ...]], now: float
    ) -> list[Heartbeat]:
        """Give the heartbeats that are due."""
        if now < self.next_tick:
            return []
        spread = self._options.heartbeat_jitter * self._rng.uniform(-1.0, 1.0)
        self.next_tick = now + self._options.heartbeat_interval * (1.0 + spread)
        return [self._heartbeat(service, wants, now) for service in services]

    def stop(self, services: Iterable[str], now: float) -> list[Heartbeat]:
        """Say goodbye; nothing is due any more."""
        self.next_tick = math.inf
        return [self._heartbeat(service, {}, now, stopping=True) for service in services]

    def _heartbeat(
        self,
        service: str,
        wants: Mapping[str, tuple[str, ...]],
        now: float,
        *,
        stopping: bool = False,
    ) -> Heartbeat:
        return Heartbeat(
            service=service,
            node_id=self._node_id,
            incarnation=self._incarnation,
            beat=next(self._beats),
            sent=now,
            wants=wants,
            stopping=stopping,
        )
