"""How bytes travel between nodes: the `Transport` interface and its form over oslo.messaging.

Besides uds_driver.py the only module that knows oslo.messaging, which it imports when the first
OsloTransport is made and not before: that import takes 0.3 s, and most programs that name a
Transport never make one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

ListenHandler = Callable[[bytes], None]
ServeHandler = Callable[[bytes], bytes]


class Listener(Protocol):
    """What keeps a handler attached to a topic."""

    def stop(self) -> None:
        """Detach the handler.

        Promises: idempotent, from any thread; when it returns the handler runs no more and is not
            called again (from inside the handler: is not called again).
        """
        ...


class Transport(Protocol):
    """Carries payloads that it does not look into.

    What is published may be lost, delayed, duplicated and reordered on the way.
    """

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a payload to every present listener of a topic, and forget it.

        Promises: does not wait for any listener, however slow; without listeners nothing happens.
        Raises: TransportError: the bus is away; at once.
        """
        ...

    def listen(self, topic: str, server: str, handler: ListenHandler) -> Listener:
        """Receive what is published on a topic from now on.

        Promises: the handler runs in one thread of its own, in the order of arrival; an exception
            that it raises is logged, and the next payload follows.
        Raises: TransportError: the bus is away.
        """
        ...

    def call(
        self, topic: str, payload: bytes, *, timeout: float, server: str | None = None
    ) -> bytes:
        """Ask one of those who serve a topic, or the given server of it, and wait for the answer.

        Raises: ServiceUnavailable: nobody is there (outcome not_written), or whoever was asked
                died before answering (outcome unknown).
            DeadlineExceeded: no answer within `timeout`; whether it was carried out is unknown.
            CongressError: as the handler raised it; another exception of it is an InternalError.
            TransportError: the bus is away.
        """
        ...

    def serve(self, topic: str, server: str, handler: ServeHandler) -> Listener:
        """Answer calls to a topic, and to `server` of it.

        Promises: the handler runs in a pool of threads, several calls at once.
        Raises: TransportError: the bus is away.
        """
        ...

    def counters(self) -> Mapping[str, int]:
        """Give how many payloads were dropped since the start, by cause."""
        ...

    def stop(self) -> None:
        """Stop all listeners, fail calls under way, give back sockets and threads; idempotent."""
        ...
