"""A transport whose payloads are sealed: what does not verify reaches no handler."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping

from ..errors import UnreadableMessage
from ..rate_limit import RateLimit
from .seal import Sealer
from .transport import Listener, ListenHandler, ServeHandler, Transport

LOG = logging.getLogger(__name__)


class SealedTransport:
    """Seals what leaves another transport and opens what arrives; the rest is that one's.

    Promises: a publication that does not verify is dropped, counted and logged without its
        content; a call that does not, or that is a copy, is refused; an answer that does not is
        an UnreadableMessage.
    """

    def __init__(self, inner: Transport, sealer: Sealer, log_limit: RateLimit) -> None:
        self._inner = inner
        self._sealer = sealer
        self._log_limit = log_limit
        self._lock = threading.Lock()
        self._dropped: Counter[str] = Counter()

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a payload to every present listener of a topic, and forget it."""
        self._inner.publish(topic, self._sealer.seal(payload))

    def listen(self, topic: str, server: str, handler: ListenHandler) -> Listener:
        """Receive what is published on a topic by those who have a key."""

        def open_and_handle(sealed: bytes) -> None:
            try:
                payload = self._open(topic, sealed, self._sealer.open)
            except UnreadableMessage:
                return
            handler(payload)

        return self._inner.listen(topic, server, open_and_handle)

    def call(
        self, topic: str, payload: bytes, *, timeout: float, server: str | None = None
    ) -> bytes:
        """Ask one of those who serve a topic, and wait for the answer."""
        sealed = self._sealer.seal(payload)
        answer = self._inner.call(topic, sealed, timeout=timeout, server=server)
        return self._open(topic, answer, self._sealer.open)

    def serve(self, topic: str, server: str, handler: ServeHandler) -> Listener:
        """Answer calls of those who have a key."""

        def open_and_answer(sealed: bytes) -> bytes:
            payload = self._open(topic, sealed, self._sealer.open_call)
            return self._sealer.seal(handler(payload))

        return self._inner.serve(topic, server, open_and_answer)

    def counters(self) -> Mapping[str, int]:
        """Give how many payloads were dropped since the start, by cause."""
        with self._lock:
            return {**self._inner.counters(), **self._dropped}

    def stop(self) -> None:
        """Stop the other transport; idempotent."""
        self._inner.stop()

    def _open(self, topic: str, sealed: bytes, opened: Callable[[bytes], bytes]) -> bytes:
        try:
            return opened(sealed)
        except UnreadableMessage as error:
            reason = str(error.fields.get("reason"))
            with self._lock:
                self._dropped[reason] += 1
            if self._log_limit.allows(f"{topic} {reason}"):
                LOG.warning(
                    "a message was refused topic=%s bytes=%d: %s", topic, len(sealed), error
                )
            raise
