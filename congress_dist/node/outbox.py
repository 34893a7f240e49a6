"""The one way out for deltas and heartbeats: in order, bounded, on a thread of its own.

Called by the threads of the node and of its services; `send` is what blocks when the bus is slow,
and nothing else waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from ..errors import CongressError
from ..protocol.codec import Encoder
from ..protocol.messages import Delta, Heartbeat
from ..rate_limit import RateLimit
from .byte_queue import ByteQueue

LOG = logging.getLogger(__name__)
HEARTBEATS = "heartbeats"
"""Where every heartbeat goes too, for those who want to know of all nodes."""
_MIN_BYTES = 256


def stream_topic(service: str) -> str:
    """Give the topic of a service's deltas and heartbeats, which arrive there in order."""
    return f"stream.{service}"


class Outbox:
    """Send messages one after the other; what is lost on the way is the subscribers' business.

    Promises: a message's contents are fixed when it is put in; it is encoded when it leaves.
    """

    def __init__(
        self,
        send: Callable[[str, bytes], None],
        encode: Encoder,
        *,
        max_bytes: int,
        log_limit: RateLimit,
    ) -> None:
        self._send = send
        self._encode = encode
        self._queue: ByteQueue[Delta | Heartbeat] = ByteQueue(max_bytes)
        self._log_limit = log_limit
        self._thread = threading.Thread(target=self._run, name="dse-outbox", daemon=True)
        self.failed = 0
        self.sent = 0
        self.sent_bytes = 0

    @property
    def waiting(self) -> int:
        """Give how many messages wait to be sent."""
        return len(self._queue)

    @property
    def waiting_bytes(self) -> int:
        """Give about what those weigh."""
        return self._queue.size_bytes

    @property
    def dropped(self) -> int:
        """Give how many messages found no room."""
        return self._queue.dropped

    @property
    def is_busy(self) -> bool:
        """Tell whether something waits to be sent: the bus does not keep up."""
        return len(self._queue) > 0

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def put(self, message: Delta | Heartbeat, size_bytes: int) -> bool:
        """Queue a message; tell whether there was room."""
        return self._queue.put(message, max(size_bytes, _MIN_BYTES))

    def stop(self, timeout: float) -> None:
        """Send what is queued, for at most `timeout`; idempotent."""
        self._queue.close()
        if self._thread.is_alive():
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._queue.is_finished:
            message = self._queue.get()
            if message is not None:
                self._send_one(message)

    def _send_one(self, message: Delta | Heartbeat) -> None:
        topics = [stream_topic(message.service)]
        if isinstance(message, Heartbeat):
            topics.append(HEARTBEATS)
        try:
            payload = self._encode(message)
        except Exception:  # also short of memory: those behind it must leave
            self.failed += 1
            LOG.exception("a message cannot be sent topic=%s", topics[0])
            return
        for topic in topics:
            self._send_payload(topic, payload)

    def _send_payload(self, topic: str, payload: bytes) -> None:
        try:
            self._send(topic, payload)
            self.sent += 1
            self.sent_bytes += len(payload)
        except CongressError as error:
            self.failed += 1
            if self._log_limit.allows(topic):
                LOG.warning(
                    "a message did not leave; subscribers will ask for it topic=%s error=%s",
                    topic,
                    error,
                )
        except Exception:
            self.failed += 1
            LOG.exception("a message could not be sent topic=%s", topic)
