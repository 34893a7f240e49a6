"""Handlers on the bus that must be there, also when the bus is away at first."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable

from .clock import Clock
from .errors import TransportError
from .rate_limit import RateLimit
from .transport import Listener

LOG = logging.getLogger(__name__)
_AGAIN_AFTER = 1.0
Attach = Callable[[], Listener]


class Attachments:
    """A group of handlers: attached once the bus is there, detached by `stop`; thread safe."""

    def __init__(self, clock: Clock, log_limit: RateLimit) -> None:
        self._clock = clock
        self._log_limit = log_limit
        self._lock = threading.Lock()
        self._attached: list[Listener] = []
        self._waiting: list[Attach] = []
        self._due = math.inf
        self._is_stopped = False

    @property
    def next_tick(self) -> float:
        """Give when `retry` will have something to do, infinity for never."""
        return self._due

    def take_due(self, now: float) -> bool:
        """Tell whether `retry` must be called now; says so once, however long that then takes."""
        with self._lock:
            is_due = now >= self._due
            if is_due:
                self._due = math.inf
            return is_due

    def add(self, attach: Attach) -> None:
        """Attach a handler now, or when `retry` finds the bus."""
        if self._is_stopped:
            return
        try:
            listener = attach()
        except TransportError as error:
            if self._log_limit.allows("attach"):
                LOG.warning("the bus is away; trying again error=%s", error)
            with self._lock:
                self._waiting.append(attach)
                self._due = self._clock.monotonic() + _AGAIN_AFTER
            return
        with self._lock:
            is_late = self._is_stopped
            if not is_late:
                self._attached.append(listener)
        if is_late:
            listener.stop()

    def retry(self) -> None:
        """Try what is not attached yet."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
            self._due = math.inf
        for attach in waiting:
            self.add(attach)

    def stop(self) -> None:
        """Detach everything; idempotent. Waits for handlers that run."""
        with self._lock:
            self._is_stopped = True
            attached, self._attached = self._attached, []
            self._waiting = []
            self._due = math.inf
        for listener in attached:
            listener.stop()
