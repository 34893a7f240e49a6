"""The child's side of supervision: it beats while it works, and ends when its supervisor is gone.

Called by a node's process, in its main thread.
"""

from __future__ import annotations

import logging
import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress

_LOG = logging.getLogger(__name__)

BEAT_INTERVAL = 1.0
"""Seconds between beats: several of them fit into the silence after which a child is killed."""


def beat_until(stopping: threading.Event, alive_fd: int, is_alive: Callable[[], bool]) -> None:
    """Write a byte a second into a pipe, while `is_alive`, until stopped or orphaned.

    Promises: returns when `stopping` is set; sets it when nobody reads the pipe any more. Whoever
        is not alive is silent, and lets the supervisor judge, if there is one. The descriptor is
        closed at the end.
    """
    os.set_blocking(alive_fd, False)
    try:
        while not stopping.is_set():
            if is_alive():
                _beat(alive_fd)
            if _is_orphaned(alive_fd):
                _LOG.warning("supervisor is gone; stopping")
                stopping.set()
            stopping.wait(BEAT_INTERVAL)
    finally:
        os.close(alive_fd)


def _beat(alive_fd: int) -> None:
    # Unread beats fill the pipe: the supervisor is there, only stopped.
    with suppress(BlockingIOError, BrokenPipeError):
        os.write(alive_fd, b".")


def _is_orphaned(alive_fd: int) -> bool:
    """Tell whether nobody can read the pipe any more; asks without a beat."""
    poll = select.poll()
    poll.register(alive_fd, 0)
    return any(events & select.POLLERR for _, events in poll.poll(0))
