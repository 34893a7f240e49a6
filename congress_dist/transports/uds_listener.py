"""The receiving half of the uds driver: one socket file, and what arrives through it."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..clock import Clock
from .frames import Frame, FrameError, encode_frame
from .selector_loop import READ, SelectorLoop
from .uds_connection import Connection, ConnectionClosed, ConnectionLimits, QueueFull
from .uds_directory import Address, BusDirectory, check_peer

_LOG = logging.getLogger(__name__)
_FLUSH_TIME = 1.0
_ACCEPT_AT_ONCE = 64
_ACCEPT_AGAIN_AFTER = 1.0
"""Seconds without new connections after one could not be taken; they wait in the kernel."""


@dataclass(frozen=True, slots=True)
class ListenerLimits:
    """How many messages, and bytes of them, may be taken in and not handled yet."""

    prefetch_count: int
    prefetch_bytes: int
    connection: ConnectionLimits


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it came in; `call_id` is None for a cast."""

    context: dict[str, Any]
    message: dict[str, Any]
    call_id: int | None
    timeout: float | None
    monitor_timeout: float | None
    size: int
    arrived: float
    origin: Connection


class UdsReceiver:
    """A listening socket on a loop, and the connections that it accepted.

    Promises: `on_arrival` runs in the loop's thread. What it was given counts as unhandled until
        `handled`; while too much is, nothing is received, and the senders' queues fill.
    """

    def __init__(
        self,
        listening: socket.socket,
        address: Address,
        *,
        directory: BusDirectory,
        loop: SelectorLoop,
        limits: ListenerLimits,
        clock: Clock,
    ) -> None:
        self._listening = listening
        self._address = address
        self._directory = directory
        self._loop = loop
        self._limits = limits
        self._clock = clock
        self._connections: set[Connection] = set()
        self._on_arrival: Callable[[Arrival], None] | None = None
        self._lock = threading.Lock()
        self._unhandled_count = 0
        self._unhandled_bytes = 0
        self._paused = False
        self._all_closed = threading.Event()
        self._closing = False
        self._closed = False

    @property
    def is_closed(self) -> bool:
        """Tell whether `close` has ended."""
        return self._closed

    def start(self, on_arrival: Callable[[Arrival], None]) -> None:
        """Begin to accept and receive."""
        self._on_arrival = on_arrival
        self._loop.call_soon(self._watch_listening)

    def stop(self) -> None:
        """Disappear from the bus; calls that still arrive are refused at once. Idempotent."""
        self._loop.call_and_wait(self._stop)

    def close(self) -> None:
        """Hang up on everybody, after what is queued has left or a second has passed.

        Promises: idempotent.
        """
        if self._closed:
            return
        self._loop.call_and_wait(self._close_when_sent)
        self._all_closed.wait(_FLUSH_TIME)
        self._loop.call_and_wait(self._close_all)
        self._closed = True

    def handled(self, arrival: Arrival) -> None:
        """Count a message as taken up by its handler; in any thread, once for each."""
        with self._lock:
            self._unhandled_count -= 1
            self._unhandled_bytes -= arrival.size
            resume = self._paused and self._is_below_half()
            if resume:
                self._paused = False
        if resume:
            self._loop.call_soon(self._resume_unless_full)

    def answer(self, arrival: Arrival, items: list[Any]) -> None:
        """Send a frame to whoever called; dropped with a log line when he does not take it."""
        limits = self._limits.connection
        try:
            arrival.origin.send(encode_frame(items, max_bytes=limits.max_message_bytes))
        except ConnectionClosed:
            _LOG.debug("caller is gone; dropped answer id=%s", arrival.call_id)
        except QueueFull:
            _LOG.warning("caller takes no answers; hung up id=%s", arrival.call_id)
            self._loop.call_soon(arrival.origin.close)

    def _accept(self, _events: int) -> None:
        for _ in range(_ACCEPT_AT_ONCE):
            try:
                peer, _ = self._listening.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self._rest_from_accepting(error)
                return
            peer.setblocking(False)
            try:
                check_peer(peer)
            except OSError as error:
                _LOG.warning("refused a connection reason=%r", str(error))
                peer.close()
                continue
            self._add(peer)

    def _watch_listening(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.watch(self._listening.fileno(), READ, self._accept)

    def _rest_from_accepting(self, error: OSError) -> None:
        # It would be ready again at once, and for as long as descriptors are short.
        _LOG.warning("connections cannot be taken; trying again reason=%r", str(error))
        self._loop.watch(self._listening.fileno(), 0, self._accept)
        timer = threading.Timer(
            _ACCEPT_AGAIN_AFTER, lambda: self._loop.call_soon(self._watch_listening)
        )
        timer.daemon = True
        timer.start()

    def _add(self, peer: socket.socket) -> None:
        connection = Connection(
            peer,
            self._loop,
            self._limits.connection,
            on_frame=self._on_frame,
            on_close=self._forget,
        )
        self._connections.add(connection)
        if self._paused:
            connection.pause()
        else:
            connection.start()

    def _on_frame(self, connection: Connection, size: int, items: list[Any]) -> None:
        arrival = self._read(connection, size, items)
        if arrival is None:
            return
        if self._on_arrival is None:
            if arrival.call_id is not None:
                self.answer(arrival, [Frame.REFUSED, arrival.call_id])
            return
        with self._lock:
            self._unhandled_count += 1
            self._unhandled_bytes += size
            pause = not self._paused and self._is_full()
            self._paused = self._paused or pause
        if pause:
            for other in self._connections:
                other.pause()
        self._on_arrival(arrival)

    def _read(self, connection: Connection, size: int, items: list[Any]) -> Arrival | None:
        now = self._clock.monotonic()
        match items:
            case [Frame.CAST, dict(context), dict(message), *_]:
                return Arrival(context, message, None, None, None, size, now, connection)
            case [Frame.CALL, int(call_id), dict(context), dict(message), timeout, monitor, *_]:
                return Arrival(context, message, call_id, timeout, monitor, size, now, connection)
            case [int(kind), *_] if kind not in (Frame.CAST, Frame.CALL):
                return None  # a kind of a later release
        raise FrameError("not a message")

    def _is_full(self) -> bool:
        return (
            self._unhandled_count >= self._limits.prefetch_count
            or self._unhandled_bytes >= self._limits.prefetch_bytes
        )

    def _is_below_half(self) -> bool:
        return (
            self._unhandled_count <= self._limits.prefetch_count // 2
            and self._unhandled_bytes <= self._limits.prefetch_bytes // 2
        )

    def _resume_unless_full(self) -> None:
        with self._lock:
            if self._paused:
                return  # what had arrived with the rest has filled it again meanwhile
        self._resume()

    def _resume(self) -> None:
        for connection in list(self._connections):
            connection.resume()

    def _stop(self) -> None:
        self._on_arrival = None
        if self._listening.fileno() < 0:
            return
        with suppress(OSError):
            self._directory.remove(self._address)
        self._loop.watch(self._listening.fileno(), 0, self._accept)
        self._listening.close()
        self._resume()

    def _close_when_sent(self) -> None:
        self._stop()
        self._closing = True
        for connection in list(self._connections):
            connection.close_when_sent()
        self._tell_if_all_closed()

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._tell_if_all_closed()

    def _tell_if_all_closed(self) -> None:
        if self._closing and not self._connections:
            self._all_closed.set()

    def _close_all(self) -> None:
        for connection in list(self._connections):
            connection.close()
