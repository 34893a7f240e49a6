"""Knows whether a broker is there: one connection that is only watched, on a thread of its own.

oslo.messaging tells nobody that a broker went or came back, and waits for it in the thread of
whoever sends. With this it need not be asked: while the broker is away a sender is told at once.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Protocol

from ..clock import new_random

LOG = logging.getLogger(__name__)
PROBE_SECONDS = 0.5
"""Between questions to the broker, each a fraction of a millisecond; a stop takes as long."""
RETRY_SECONDS = 0.3
"""Longest pause between attempts to reach a broker that is away; senders wait for the outcome."""


class WatchedConnection(Protocol):
    """A connection that carries nothing."""

    def probe(self) -> None:
        """Ask the broker for a sign of life; raises what says that there is none."""
        ...

    def wait_for_end(self, seconds: float) -> None:
        """Return after this time, or raise as soon as the connection ends."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


class BrokerWatch:
    """Says at once whether the broker is away.

    Promises: a broker that ends is noticed when its connection does; one that hangs within
        PROBE_SECONDS and the patience of `probe`; one that is back within RETRY_SECONDS.
    """

    def __init__(
        self,
        connect: Callable[[], WatchedConnection],
        failures: tuple[type[Exception], ...],
    ) -> None:
        self._connect = connect
        self._failures = failures
        self._rng = new_random()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._away: str | None = None
        self._outages = 0

    @property
    def outages(self) -> int:
        """Give how often the broker went away."""
        return self._outages

    def why_away(self) -> str | None:
        """Give why the broker cannot be reached, None while it is there.

        Promises: at once, but for the first one to ask, who waits for the connection.
        """
        if self._thread is None:
            self._start()
        return self._away

    def begin_to_stop(self) -> None:
        """Tell the watch to end, without waiting for it."""
        self._stopping.set()

    def stop(self) -> None:
        """End the watch; idempotent."""
        self.begin_to_stop()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        with self._lock:
            if self._thread is not None or self._stopping.is_set():
                return
            connection = self._try_to_connect()
            # Ordering: who asks without the lock sees the thread only when the answer is known.
            self._thread = threading.Thread(
                target=self._run, args=[connection], name="broker-watch", daemon=True
            )
            self._thread.start()

    def _run(self, connection: WatchedConnection | None) -> None:
        while not self._stopping.is_set():
            if connection is None:
                self._stopping.wait(self._rng.uniform(0.3, 1.0) * RETRY_SECONDS)
                connection = self._try_to_connect()
                continue
            try:
                connection.probe()
                connection.wait_for_end(PROBE_SECONDS)
            except self._failures as error:
                self._note_away(error)
                self._close(connection)
                connection = None
        if connection is not None:
            self._close(connection)

    def _try_to_connect(self) -> WatchedConnection | None:
        try:
            connection = self._connect()
        except self._failures as error:
            self._note_away(error)
            return None
        if self._away is not None:
            LOG.info("the broker is back")
        self._away = None
        return connection

    def _note_away(self, error: Exception) -> None:
        if self._away is None:
            self._outages += 1
            LOG.warning("the broker is away; what is published is dropped until then: %s", error)
        self._away = str(error) or type(error).__name__

    def _close(self, connection: WatchedConnection) -> None:
        try:
            connection.close()
        except self._failures as error:
            LOG.debug("a lost connection was closed error=%s", error)
