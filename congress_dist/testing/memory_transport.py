"""A `Transport` inside one process: its nodes share a `MemoryBus`, whose faults a test controls.

Delivery takes place on threads, as on a real bus: one for each listener, a pool for each server.
Without faults it is immediate and ordered.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError

from congress_dist.errors import (
    CongressError,
    DeadlineExceeded,
    InternalError,
    ServiceUnavailable,
    TransportError,
)
from congress_dist.transports.transport import ListenHandler, ServeHandler

from .memory_bus import NO_FAULTS, Faults, MemoryBus

__all__ = ["NO_FAULTS", "Faults", "MemoryBus", "MemoryTransport"]

_LOG = logging.getLogger(__name__)
_SERVE_THREADS = 8


class MemoryTransport:
    """The bus as the node of one name sees it."""

    def __init__(self, bus: MemoryBus, node: str) -> None:
        self._bus = bus
        self._node = node
        self._endpoints: list[_Endpoint] = []
        self._counters: Counter[str] = Counter()
        self._stopped = threading.Event()

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a payload to every present listener of a topic."""
        self._require_bus()
        for endpoint in self._bus.find(_Ordered, topic):
            deliver = endpoint.delivery(payload)
            self._count(self._bus.carry_publication(self._node, endpoint.node, deliver))

    def listen(self, topic: str, server: str, handler: ListenHandler) -> _Ordered:
        """Receive what is published on a topic from now on, in one thread."""
        endpoint = _Ordered(self._bus, self._node, topic, server)
        endpoint.handler = handler
        self._attach(endpoint)
        return endpoint

    def call(
        self, topic: str, payload: bytes, *, timeout: float, server: str | None = None
    ) -> bytes:
        """Ask one of those who serve a topic, or the given server of it."""
        self._require_bus()
        endpoint = self._pick(topic, server)
        answer: Future[bytes] = Future()
        deliver = endpoint.delivery(payload, answer, self._node)
        self._count(self._bus.carry(self._node, endpoint.node, deliver))
        try:
            return answer.result(timeout)
        except FutureTimeoutError:
            raise DeadlineExceeded(
                f"no answer on topic {topic!r} within {timeout} s", topic=topic, outcome="unknown"
            ) from None

    def serve(self, topic: str, server: str, handler: ServeHandler) -> _Server:
        """Answer calls to a topic in a pool of threads."""
        endpoint = _Server(self._bus, self._node, topic, server)
        endpoint.handler = handler
        self._attach(endpoint)
        return endpoint

    def counters(self) -> Mapping[str, int]:
        """Give how many payloads met which fault."""
        with self._bus.lock:
            return dict(self._counters)

    def stop(self) -> None:
        """Stop all listeners of this node."""
        self._stopped.set()
        for endpoint in self._endpoints:
            endpoint.stop()

    def _pick(self, topic: str, server: str | None) -> _Server:
        servers = self._bus.find(_Server, topic, server)
        if not servers:
            named = f" as {server!r}" if server else ""
            raise ServiceUnavailable(
                f"nobody serves topic {topic!r}{named}", topic=topic, outcome="not_written"
            )
        return servers[self._bus.next_turn() % len(servers)]

    def _attach(self, endpoint: _Endpoint) -> None:
        self._require_bus()
        self._endpoints.append(endpoint)
        self._bus.attach(endpoint)

    def _require_bus(self) -> None:
        if self._stopped.is_set():
            raise TransportError(f"the transport of node {self._node!r} is stopped")
        self._bus.require_bus(self._node)

    def _count(self, events: list[str]) -> None:
        with self._bus.lock:
            self._counters.update(events)


class _Endpoint:
    """A handler on a topic, with the threads that run it."""

    threads: int

    def __init__(self, bus: MemoryBus, node: str, topic: str, server: str) -> None:
        self.node, self.topic, self.server = node, topic, server
        self._bus = bus
        self._stopped = threading.Event()
        self._own_threads: set[int] = set()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix=f"{node}:{topic}")

    def stop(self) -> None:
        """Detach the handler and wait for it, unless called inside it."""
        self._bus.detach(self)
        self._stopped.set()
        self._pool.shutdown(wait=threading.get_ident() not in self._own_threads)

    def die(self) -> None:
        """Detach the handler without waiting for it."""
        self._stopped.set()
        self._pool.shutdown(wait=False)

    def _submit(self, work: Callable[[], None]) -> bool:
        try:
            self._pool.submit(self._run, work)
        except RuntimeError:  # the pool was shut down meanwhile
            return False
        return True

    def _run(self, work: Callable[[], None]) -> None:
        self._own_threads.add(threading.get_ident())
        work()


class _Ordered(_Endpoint):
    """Runs a listen handler in one thread."""

    threads = 1
    handler: ListenHandler

    def delivery(self, payload: bytes) -> Callable[[], None]:
        """Give the step that brings a publication to the handler."""

        def deliver() -> None:
            self._submit(lambda: self._handle(payload))

        return deliver

    def _handle(self, payload: bytes) -> None:
        if self._stopped.is_set():
            return
        try:
            self.handler(payload)
        except Exception:  # noqa: BLE001 the border to the handler
            _LOG.exception("listener failed topic=%s node=%s", self.topic, self.node)


class _Server(_Endpoint):
    """Runs a serve handler in a pool and brings its answers back."""

    threads = _SERVE_THREADS
    handler: ServeHandler

    def __init__(self, bus: MemoryBus, node: str, topic: str, server: str) -> None:
        super().__init__(bus, node, topic, server)
        self._unanswered: set[Future[bytes]] = set()

    def delivery(self, payload: bytes, answer: Future[bytes], caller: str) -> Callable[[], None]:
        """Give the step that brings a call to the handler; the answer travels over the bus."""

        def deliver() -> None:
            with self._bus.lock:
                self._unanswered.add(answer)
            if not self._submit(lambda: self._handle(payload, answer, caller)):
                self._refuse(answer, "not_written")

        return deliver

    def die(self) -> None:
        """Detach the handler without waiting for it; fail what it has not answered."""
        super().die()
        with self._bus.lock:
            abandoned = list(self._unanswered)
        for answer in abandoned:
            self._refuse(answer, "unknown")

    def _handle(self, payload: bytes, answer: Future[bytes], caller: str) -> None:
        if self._stopped.is_set():
            self._refuse(answer, "not_written")
            return
        result = self._result(payload)
        self._bus.carry(self.node, caller, lambda: self._settle(answer, result))

    def _result(self, payload: bytes) -> bytes | CongressError:
        try:
            return self.handler(payload)
        except CongressError as error:
            return error
        except Exception:  # noqa: BLE001 the border to the handler
            _LOG.exception("call failed topic=%s node=%s", self.topic, self.node)
            return InternalError(f"a call on topic {self.topic!r} failed", topic=self.topic)

    def _refuse(self, answer: Future[bytes], outcome: str) -> None:
        message = f"server {self.server!r} of topic {self.topic!r} went away"
        self._settle(answer, ServiceUnavailable(message, topic=self.topic, outcome=outcome))

    def _settle(self, answer: Future[bytes], result: bytes | CongressError) -> None:
        with self._bus.lock:
            self._unanswered.discard(answer)
            if answer.done():
                return
            if isinstance(result, CongressError):
                answer.set_exception(result)
            else:
                answer.set_result(result)
