"""Handlers on the bus that must be there, also when the bus is away at first."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable

from ..clock import Clock
from ..errors import TransportError
from ..rate_limit import RateLimit
from ..transports.transport import Listener
from .timetable import Job, Timetable

LOG = logging.getLogger(__name__)
_AGAIN_AFTER = 1.0
Attach = Callable[[], Listener]


class Attachments:
    """A group of handlers: attached once the bus is there, detached by `stop`; thread safe."""

    def __init__(
        self,
        clock: Clock,
        log_limit: RateLimit,
        timetable: Timetable,
        submit: Callable[[Job], None],
    ) -> None:
        self._clock = clock
        self._log_limit = log_limit
        self._timetable = timetable
        self._submit = submit
        self._lock = threading.Lock()
        self._attached: list[Listener] = []
        self._waiting: list[Attach] = []
        self._is_stopped = False

    def add(self, attach: Attach) -> None:
        """Attach a handler now, or when the bus is found."""
        if self._is_stopped:
            return
        try:
            listener = attach()
        except TransportError as error:
            if self._log_limit.allows("attach"):
                LOG.warning("the bus is away; trying again error=%s", error)
            with self._lock:
                self._waiting.append(attach)
            self._timetable.set(self.tick, self._clock.monotonic() + _AGAIN_AFTER)
            return
        with self._lock:
            is_late = self._is_stopped
            if not is_late:
                self._attached.append(listener)
        if is_late:
            listener.stop()

    def tick(self) -> None:
        """Have `retry` called where it may wait for the bus."""
        self._submit(self.retry)

    def retry(self) -> None:
        """Try what is not attached yet."""
        with self._lock:
            waiting, self._waiting = self._waiting, []
        for attach in waiting:
            self.add(attach)

    def stop(self) -> None:
        """Detach everything; idempotent. Waits for handlers that run."""
        with self._lock:
            self._is_stopped = True
            attached, self._attached = self._attached, []
            self._waiting = []
        self._timetable.set(self.tick, math.inf)
        for listener in attached:
            listener.stop()
