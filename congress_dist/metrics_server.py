"""A small HTTP server for a node's metrics: GET /metrics, and nothing else.

Threads: one that accepts, and one for each request under way; none looks around while nothing
happens.
"""

from __future__ import annotations

import io
import logging
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

from .clock import Clock, SystemClock
from .errors import InvalidConfig

LOG = logging.getLogger(__name__)
OFF, ANY = "off", "0"
_AT_ONCE = 8
_PATIENCE = 10.0
"""Seconds that a client may take to ask, all in all, and to take its answer."""

_PAUSE = 1.0
"""Seconds after which it accepts again when that failed."""

Report = Callable[[], Mapping[str, Any]]


def ports_of(text: str) -> range:
    """Read the option `ports`: `off`, one port, or the first and the last of several.

    Raises: InvalidConfig: it is none of these.
    """
    if text == OFF:
        return range(0)
    first, _, last = text.partition("-")
    last = last or first
    is_ports = first.isdecimal() and last.isdecimal() and len(last) < 6
    if not is_ports or not int(first) <= int(last) <= 65535 or (text != ANY and first == ANY):
        raise InvalidConfig(
            f"option 'ports' in section [metrics] is {text!r}; give 'off', 0 for any free port, "
            "a port, or several as 9710-9799",
            option="ports",
            section="metrics",
        )
    return range(int(first), int(last) + 1)


class MetricsServer:
    """Answers with what a node reports at that moment."""

    def __init__(self, report: Report, host: str, ports: range) -> None:
        self._report = report
        self._host = host
        self._ports = ports
        self._listener: socket.socket | None = None
        self._stopped = threading.Event()
        self._free = threading.BoundedSemaphore(_AT_ONCE)

    def start(self) -> str | None:
        """Listen on the first of the ports that is free; give the address, None without one.

        Promises: a node works without its metrics: that it has none is logged.
        """
        host, ports = self._host, self._ports
        listener = next(_open(host, ports), None)
        if listener is None:
            if ports:
                LOG.warning("no port for metrics host=%s first=%d last=%d; choose others with "
                            "ports in [metrics]", host, ports[0], ports[-1])  # fmt: skip
            return None
        self._listener = listener
        threading.Thread(
            target=self._run, args=(listener,), name="metrics-server", daemon=True
        ).start()
        return f"http://{_reached_at(host)}:{listener.getsockname()[1]}/metrics"

    def stop(self) -> None:
        """Listen no more; idempotent. Answers under way are given."""
        self._stopped.set()
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.shutdown(socket.SHUT_RDWR)  # wakes `accept`
            listener.close()

    def _run(self, listener: socket.socket) -> None:
        while not self._stopped.is_set():
            try:
                connection, address = listener.accept()
            except OSError:
                # Stopped, or a client that went away, or no file descriptor is left: that one
                # would fail again at once.
                self._stopped.wait(_PAUSE)
                continue
            if not self._free.acquire(blocking=False):
                connection.close()  # who asks so often has an answer under way
                continue
            answer = threading.Thread(
                target=self._answer, args=(connection, address), name="metrics-answer", daemon=True
            )
            try:
                answer.start()
            except RuntimeError as error:  # the system gives no more threads
                LOG.warning("no thread to answer for metrics error=%s", error)
                self._free.release()
                connection.close()

    def _answer(self, connection: socket.socket, address: Any) -> None:
        try:
            with connection:
                _Asked(connection, address, self._report)
        except OSError:
            LOG.debug("a client of the metrics went away")
        except Exception:
            LOG.exception("metrics were not answered")
        finally:
            self._free.release()


class InTime(io.RawIOBase):
    """What a socket receives within so many seconds.

    A socket's own timeout begins anew with each byte: who sends one now and then would stay.
    """

    def __init__(self, connection: socket.socket, clock: Clock, seconds: float) -> None:
        super().__init__()
        self._connection = connection
        self._clock = clock
        self._end = clock.monotonic() + seconds

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive what there is.

        Raises: TimeoutError: the time is over, also while more comes.
        """
        left = self._end - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("it was not asked in time")
        self._connection.settimeout(left)
        return self._connection.recv_into(buffer)


class _Asked(BaseHTTPRequestHandler):
    """One request: answered by being made, as the base class does."""

    server_version = "congress_dist"
    sys_version = ""

    def __init__(self, connection: socket.socket, address: Any, report: Report) -> None:
        self._report = report
        super().__init__(connection, address, None)  # type: ignore[arg-type]  # it only keeps it

    def setup(self) -> None:
        """Bound what reading takes."""
        super().setup()
        self.rfile = io.BufferedReader(InTime(self.connection, SystemClock(), _PATIENCE))

    def do_GET(self) -> None:
        """Answer with metrics."""
        from .metrics import CONTENT_TYPE, exposition

        if self.path.partition("?")[0] != "/metrics":
            self.send_error(HTTPStatus.NOT_FOUND, explain="the metrics are at /metrics")
            return
        body = exposition(self._report())
        self.connection.settimeout(_PATIENCE)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log requests for debugging only."""
        LOG.debug("metrics request=%s", format % args)


def _open(host: str, ports: range) -> Iterator[socket.socket]:
    """Give a listening socket for each port that is free."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in ports:
        try:
            yield socket.create_server((host, port), family=family, backlog=_AT_ONCE)
        except OSError:
            continue


def _reached_at(host: str) -> str:
    """Give the name by which others reach an address that is listened on."""
    if host in ("0.0.0.0", "::"):  # noqa: S104 - what was asked for is only compared
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
