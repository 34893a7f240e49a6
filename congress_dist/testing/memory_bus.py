"""What the nodes of one test share in place of a bus, and the faults that a test gives it."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from congress_dist.clock import SystemClock
from congress_dist.errors import TransportError


@dataclass(frozen=True, slots=True)
class Faults:
    """What the bus does to payloads: probabilities in [0, 1], times in seconds.

    `loss` and `delay` apply to calls and their answers too, the others to publications only.
    A reordered payload is held back for `reorder_delay`, so that later ones overtake it.
    """

    loss: float = 0.0
    duplication: float = 0.0
    reorder: float = 0.0
    reorder_delay: float = 0.02
    delay: tuple[float, float] = (0.0, 0.0)


NO_FAULTS = Faults()


class Endpoint(Protocol):
    """A handler on a topic, as the bus sees it."""

    node: str
    topic: str
    server: str

    def die(self) -> None:
        """End without waiting for the handler; fail what it has not answered."""
        ...


EndpointT = TypeVar("EndpointT", bound=Endpoint)


class MemoryBus:
    """Connects the nodes of one test; its random choices follow from `seed`.

    Shapes: `lock` guards the bus and everything that is attached to it.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.lock = threading.RLock()
        self._random = random.Random(seed)  # noqa: S311
        self._faults = NO_FAULTS
        self._cut: set[frozenset[str]] = set()
        self._away: set[str] = set()
        self._endpoints: list[Endpoint] = []
        self._turn = itertools.count()
        self._timer = _Timer()

    def set_faults(self, faults: Faults) -> None:
        """Treat payloads sent from now on in this way."""
        with self.lock:
            self._faults = faults

    def partition(self, one: str, other: str) -> None:
        """Lose everything between two nodes, in both directions."""
        with self.lock:
            self._cut.add(frozenset((one, other)))

    def heal(self) -> None:
        """Join all partitions; the faults set by `set_faults` stay."""
        with self.lock:
            self._cut.clear()

    def take_away(self, node: str) -> None:
        """Let all operations of a node fail with TransportError, and let nothing reach it."""
        with self.lock:
            self._away.add(node)

    def give_back(self, node: str) -> None:
        """Undo `take_away`."""
        with self.lock:
            self._away.discard(node)

    def kill(self, node: str) -> None:
        """Remove a node as kill -9 does: calls that it is answering fail at their callers."""
        with self.lock:
            dead = [endpoint for endpoint in self._endpoints if endpoint.node == node]
            self._endpoints = [other for other in self._endpoints if other not in dead]
        for endpoint in dead:
            endpoint.die()

    def stop(self) -> None:
        """Deliver nothing any more that is still delayed; idempotent."""
        self._timer.stop()

    def attach(self, endpoint: Endpoint) -> None:
        """Let an endpoint receive."""
        with self.lock:
            self._endpoints.append(endpoint)

    def detach(self, endpoint: Endpoint) -> None:
        """Let an endpoint receive no more; idempotent."""
        with self.lock:
            self._endpoints = [other for other in self._endpoints if other is not endpoint]

    def find(
        self, kind: type[EndpointT], topic: str, server: str | None = None
    ) -> Sequence[EndpointT]:
        """Give the endpoints of a kind on a topic, in the order in which they came."""
        with self.lock:
            return [
                endpoint
                for endpoint in self._endpoints
                if isinstance(endpoint, kind)
                and endpoint.topic == topic
                and server in (None, endpoint.server)
            ]

    def next_turn(self) -> int:
        """Give 0, 1, 2 …: for taking turns."""
        return next(self._turn)

    def require_bus(self, node: str) -> None:
        """Refuse a node from which the bus is away."""
        with self.lock:
            if node in self._away:
                raise TransportError(f"the bus is away from node {node!r}", node=node)

    def carry(self, sender: str, receiver: str, deliver: Callable[[], None]) -> list[str]:
        """Deliver now, later, or not at all; give the names of the faults that took place."""
        with self.lock:
            if self._is_cut(sender, receiver):
                return ["partitioned"]
            if self._random.random() < self._faults.loss:
                return ["lost"]
            delay = self._random.uniform(*self._faults.delay)
        self._deliver_after(delay, deliver)
        return []

    def carry_publication(
        self, sender: str, receiver: str, deliver: Callable[[], None]
    ) -> list[str]:
        """Deliver as `carry`, and perhaps twice or out of order."""
        with self.lock:
            faults = self._faults
            twice = self._random.random() < faults.duplication
            late = self._random.random() < faults.reorder
        events = ["duplicated"] * twice + ["reordered"] * late
        if late:
            self._timer.after(
                faults.reorder_delay, lambda: self._carry_late(sender, receiver, deliver)
            )
        for _ in range(1 + twice - late):
            events += self.carry(sender, receiver, deliver)
        return events

    def _carry_late(self, sender: str, receiver: str, deliver: Callable[[], None]) -> None:
        self.carry(sender, receiver, deliver)

    def _is_cut(self, one: str, other: str) -> bool:
        return frozenset((one, other)) in self._cut or one in self._away or other in self._away

    def _deliver_after(self, delay: float, deliver: Callable[[], None]) -> None:
        if delay <= 0:
            deliver()
        else:
            self._timer.after(delay, deliver)


class _Timer:
    """Runs steps after a delay, on one thread that starts with the first of them."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._thread: threading.Thread | None = None
        self._stopped = False

    def after(self, delay: float, step: Callable[[], None]) -> None:
        with self._changed:
            if self._stopped:
                return
            heapq.heappush(self._due, (self._clock.monotonic() + delay, next(self._order), step))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="bus-timer", daemon=True)
                self._thread.start()
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            thread = self._thread
            self._changed.notify()
        if thread is not None:
            thread.join()

    def _work(self) -> None:
        while (step := self._next()) is not None:
            step()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._stopped:
                wait = self._due[0][0] - self._clock.monotonic() if self._due else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            return None
