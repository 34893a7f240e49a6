"""The asking half of the uds driver: a connection to a listener, and the calls under way."""

from __future__ import annotations

import queue
import threading
from typing import Any

from .frames import Frame
from .uds_connection import Connection, ConnectionClosed, QueueFull

Frames = queue.SimpleQueue[list[Any] | None]
_ANSWERS = {Frame.REPLY, Frame.HEARTBEAT, Frame.REFUSED}


class Caller:
    """Sends through one connection and hands each answer to the call that it belongs to."""

    connection: Connection

    def __init__(self) -> None:
        self._frames_by_call: dict[int, Frames] = {}
        self._lock = threading.Lock()

    def call(self, call_id: int, frame: bytes) -> PendingCall:
        """Send a call.

        Raises: QueueFull, ConnectionClosed: it was not sent.
        """
        frames: Frames = queue.SimpleQueue()
        with self._lock:
            self._frames_by_call[call_id] = frames
        try:
            self.connection.send(frame)
        except (QueueFull, ConnectionClosed):
            self.forget(call_id)
            raise
        return PendingCall(self, call_id, frames)

    def forget(self, call_id: int) -> None:
        """Drop what still comes for a call; idempotent."""
        with self._lock:
            self._frames_by_call.pop(call_id, None)

    def on_frame(self, _connection: Connection, _size: int, items: list[Any]) -> None:
        """Take what the listener sent."""
        if items[0] not in _ANSWERS:
            return
        with self._lock:
            frames = self._frames_by_call.get(items[1])
        if frames is not None:
            frames.put(items)

    def fail_all(self) -> None:
        """Tell all calls under way that the listener is gone."""
        with self._lock:
            abandoned = list(self._frames_by_call.values())
        for frames in abandoned:
            frames.put(None)


class PendingCall:
    """One call under way."""

    def __init__(self, caller: Caller, call_id: int, frames: Frames) -> None:
        self._caller = caller
        self._call_id = call_id
        self._frames = frames

    def next_frame(self, timeout: float | None) -> list[Any] | None:
        """Wait for the next frame about this call; None: the listener is gone.

        Raises: queue.Empty: nothing came within `timeout`.
        """
        return self._frames.get(timeout=timeout)

    def forget(self) -> None:
        """Drop what still comes; idempotent."""
        self._caller.forget(self._call_id)
