"""What stands between oslo.messaging and a handler: it decodes, guards, and answers."""

from __future__ import annotations

import logging
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from ..errors import CongressError, DeadlineExceeded, InternalError, ServiceUnavailable

_LOG = logging.getLogger(__name__)


class Attachment:
    """A handler on a topic: the RPC server that calls it, and whether it still may."""

    server: Any

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[int] = set()
        self._finished = False
        self._stopped = False

    def stop(self) -> None:
        """Detach the handler and wait for it, unless called inside it."""
        with self._lock:
            self._stopped = True
        inside = self.is_inside()
        self.server.stop()
        if not inside:
            self.server.wait()
            self._finished = True

    def is_inside(self) -> bool:
        """Tell whether the calling thread runs the handler."""
        with self._lock:
            return threading.get_ident() in self._running

    @property
    def is_finished(self) -> bool:
        """Tell whether it is stopped and has nothing left to give back."""
        return self._finished

    @contextmanager
    def running(self) -> Iterator[bool]:
        """Tell whether the handler may run, and know while it does."""
        me = threading.get_ident()
        with self._lock:
            allowed = not self._stopped
            self._running.add(me)
        try:
            yield allowed
        finally:
            with self._lock:
                self._running.discard(me)


class ListenEndpoint:
    """What oslo.messaging calls for a publication."""

    def __init__(
        self, topic: str, handler: Callable[[bytes], None], codec: Codec, attachment: Attachment
    ) -> None:
        self._topic = topic
        self._handler = handler
        self._codec = codec
        self._attachment = attachment

    def deliver(self, _context: Mapping[str, Any], payload: Any) -> None:
        """Hand one publication to the handler."""
        with self._attachment.running() as allowed:
            if not allowed:
                return
            try:
                self._handler(self._codec.decode(payload))
            except Exception:  # noqa: BLE001 the border to the handler: the next one follows
                _LOG.exception("listener failed topic=%s", self._topic)


class ServeEndpoint:
    """What oslo.messaging calls for a call."""

    def __init__(
        self, topic: str, handler: Callable[[bytes], bytes], codec: Codec, attachment: Attachment
    ) -> None:
        self._topic = topic
        self._handler = handler
        self._codec = codec
        self._attachment = attachment

    def answer(self, context: Mapping[str, Any], payload: Any, timeout: float) -> dict[str, Any]:
        """Give the handler's answer or error; nothing is carried out that nobody waits for."""
        if context.get("queued_seconds", 0.0) >= timeout:
            return _failed(DeadlineExceeded("nobody waits any more", outcome="not_written"))
        with self._attachment.running() as allowed:
            if not allowed:
                return _failed(
                    ServiceUnavailable(
                        f"a server of topic {self._topic!r} is stopping", outcome="not_written"
                    )
                )
            return self._answer(payload)

    def _answer(self, payload: Any) -> dict[str, Any]:
        try:
            answer = self._handler(self._codec.decode(payload))
        except CongressError as error:
            return _failed(error)
        except Exception:  # noqa: BLE001 the border to the handler: the caller is told
            _LOG.exception("call failed topic=%s", self._topic)
            return _failed(
                InternalError(f"a call on topic {self._topic!r} failed", topic=self._topic)
            )
        return {"payload": self._codec.encode(answer)}


class Codec(Protocol):
    """How a payload stands in a message."""

    def encode(self, payload: bytes) -> Any:
        """Give the payload's form in a message."""
        ...

    def decode(self, value: Any) -> bytes:
        """Give the payload of a message."""
        ...


class RawCodec:
    """For drivers that carry bytes."""

    def encode(self, payload: bytes) -> bytes:
        """Give it as it is."""
        return payload

    def decode(self, value: bytes) -> bytes:
        """Give it as it is."""
        return value


class Base64Codec:
    """For drivers that carry JSON."""

    def encode(self, payload: bytes) -> str:
        """Give it as text."""
        return b64encode(payload).decode("ascii")

    def decode(self, value: str) -> bytes:
        """Give it from its text."""
        return b64decode(value)


def _failed(error: CongressError) -> dict[str, Any]:
    return {"error": error.to_wire()}
