"""Bytes from the bus to messages; what cannot be read is counted, and told without its content."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Mapping

from ..errors import UnreadableMessage
from ..rate_limit import RateLimit
from .codec import decode
from .messages import Delta, Heartbeat, Message

LOG = logging.getLogger(__name__)
_NEWER = "newer_version"


class MessageReader:
    """Reads all that reaches a node: casts, calls and replies; thread safe.

    Promises: each reason is logged once a minute. A newer wire version is an alarm: no node may
        send one that another cannot read (docs/protocol.md section 7).
    """

    def __init__(self, log_limit: RateLimit) -> None:
        self._log_limit = log_limit
        self._lock = threading.Lock()
        self._counters: Counter[str] = Counter()
        self.received = 0
        self.received_bytes = 0

    def read(self, payload: bytes) -> Message:
        """Give the message of some bytes.

        Raises: UnreadableMessage: they are none that this node reads; it is counted and logged.
        """
        with self._lock:
            self.received += 1
            self.received_bytes += len(payload)
        try:
            return decode(payload)
        except UnreadableMessage as error:
            reason = str(error.fields.get("reason"))
            self._count(f"unreadable_{reason}")
            if self._log_limit.allows(f"unreadable {reason}"):
                level = logging.ERROR if reason == _NEWER else logging.WARNING
                LOG.log(level, "a message was dropped bytes=%d: %s", len(payload), error)
            raise

    def find_cast(self, payload: bytes) -> Delta | Heartbeat | None:
        """Give what a publisher casts, None of anything else."""
        try:
            message = self.read(payload)
        except UnreadableMessage:
            return None
        if isinstance(message, Delta | Heartbeat):
            return message
        self.note_unexpected(message)
        return None

    def note_unexpected(self, message: Message) -> None:
        """Count a message that does not belong where it came."""
        self._count("unexpected")
        name = type(message).__name__
        if self._log_limit.allows(f"unexpected {name}"):
            LOG.warning("a message came where none of its kind belongs kind=%s", name)

    def counters(self) -> Mapping[str, int]:
        """Give how many messages were not taken, by reason."""
        with self._lock:
            return dict(self._counters)

    def _count(self, name: str) -> None:
        with self._lock:
            self._counters[name] += 1
