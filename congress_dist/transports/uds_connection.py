"""One connected socket: frames in through a callback, frames out through a bounded queue."""

from __future__ import annotations

import logging
import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from .frames import FrameDecoder, FrameError
from .selector_loop import READ, WRITE, SelectorLoop

_LOG = logging.getLogger(__name__)

_RECEIVE_BYTES = 256 * 1024
_SEND_PARTS = 64

FrameHandler = Callable[["Connection", int, list[Any]], None]
CloseHandler = Callable[["Connection"], None]


class QueueFull(Exception):
    """The peer does not take what was sent to it before."""


class ConnectionClosed(Exception):
    """The peer is gone; nothing of the frame reached it."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How many bytes may wait for a peer, and how many one frame may have."""

    send_queue_bytes: int
    max_message_bytes: int


class Connection:
    """A connected socket on a loop.

    Promises: `send` may be called in any thread and never waits; the handlers run in the loop's
        thread; `on_close` runs once, whoever closed.
    """

    def __init__(
        self,
        peer: socket.socket,
        loop: SelectorLoop,
        limits: ConnectionLimits,
        *,
        on_frame: FrameHandler,
        on_close: CloseHandler,
    ) -> None:
        self._peer = peer
        self._fd = peer.fileno()
        self._loop = loop
        self._limits = limits
        self._on_frame = on_frame
        self._on_close = on_close
        self._decoder = FrameDecoder(limits.max_message_bytes)
        self._lock = threading.Lock()
        # Invariant: bytes leave in the order of `send`: directly only while the queue is empty.
        self._queue: deque[memoryview] = deque()
        self._queued_bytes = 0
        self._closed = False
        self._paused = False
        self._closing = False

    def start(self) -> None:
        """Begin to receive; in any thread."""
        self._loop.call_soon(self._watch)

    def send(self, frame: bytes) -> None:
        """Send a frame now, or queue what the socket does not take.

        Raises: QueueFull: too much is waiting already; nothing of the frame was sent.
            ConnectionClosed: the peer is gone.
        """
        with self._lock:
            if self._closed or self._closing:
                raise ConnectionClosed
            if self._queue:
                if self._queued_bytes + len(frame) > self._limits.send_queue_bytes:
                    raise QueueFull
                self._append(memoryview(frame))
                return
            sent = self._send_now(frame)
            if sent == len(frame):
                return
            self._append(memoryview(frame)[sent:])
        self._loop.call_soon(self._watch)

    def pause(self) -> None:
        """Receive nothing for the time being; in the loop's thread."""
        self._paused = True
        self._watch()

    def resume(self) -> None:
        """Receive again; in the loop's thread."""
        self._paused = False
        self._watch()

    def close(self) -> None:
        """Hang up and drop what is queued; in the loop's thread; idempotent."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._queue.clear()
            self._loop.watch(self._fd, 0, self._on_ready)
            self._peer.close()
        self._on_close(self)

    def close_when_sent(self) -> None:
        """Take nothing new, and hang up when all that is queued has left; in the loop's thread."""
        with self._lock:
            self._closing = True
            empty = not self._queue
        if empty:
            self.close()

    def _append(self, part: memoryview) -> None:
        self._queue.append(part)
        self._queued_bytes += len(part)

    def _send_now(self, frame: bytes) -> int:
        try:
            return self._peer.send(frame)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ConnectionClosed from error

    def _watch(self) -> None:
        if self._closed:
            return
        reading = 0 if self._paused else READ
        self._loop.watch(self._fd, reading | (WRITE if self._queue else 0), self._on_ready)

    def _on_ready(self, events: int) -> None:
        if events & WRITE:
            self._flush()
        if events & READ and not self._closed:
            self._receive()

    def _flush(self) -> None:
        try:
            with self._lock:
                self._drop_sent(self._peer.sendmsg(islice(self._queue, _SEND_PARTS)))
                empty = not self._queue
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        if empty and self._closing:
            self.close()
        elif empty:
            self._watch()

    def _drop_sent(self, sent: int) -> None:
        self._queued_bytes -= sent
        while sent:
            part = self._queue.popleft()
            if sent < len(part):
                self._queue.appendleft(part[sent:])
                return
            sent -= len(part)

    def _receive(self) -> None:
        try:
            data = self._peer.recv(_RECEIVE_BYTES)
            if not data:
                self.close()
                return
            for size, items in self._decoder.feed(data):
                self._on_frame(self, size, items)
        except BlockingIOError:
            return
        except (FrameError, LookupError, TypeError, ValueError) as error:
            _LOG.warning("peer sent no frame; hung up reason=%r", str(error))
            self.close()
        except OSError:
            self.close()
