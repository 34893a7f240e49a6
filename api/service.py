"""The API's service: the web server in a thread of its own, in front of the node's calls.

May import uvicorn; nobody imports this, it is found by entry point. `start` and `stop` are called
by the node; the application runs in the server's thread only.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

import uvicorn

from congress_dist.clock import SystemClock
from congress_dist.errors import StartupError
from congress_dist.processes.process_end import stop_this_process
from congress_dist.service import Service

from .app import make_app
from .bus_client import PolicyClient
from .nodes_client import NodesClient

if TYPE_CHECKING:
    from oslo_config.cfg import ConfigOpts

    from congress_dist.dse_node import DseNode

LOG = logging.getLogger(__name__)

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "localhost")
LISTEN_BACKLOG = 1024
MAX_CONNECTIONS = 1024
"""Beyond it new requests get 503 at once: Congress's bound on requests at a time."""
SHUTDOWN_SECONDS = 3
"""Time for requests under way to end; then their connections are closed."""


class ApiService(Service):
    """The REST API on one address."""

    topic = "api"
    observes_nodes = True  # who is asked how it does, and who is missing

    def __init__(self, name: str, *, host: str, port: int, call_timeout: float) -> None:
        self.name = name
        self._host = host
        self._port = port
        self._call_timeout = call_timeout
        self._client: PolicyClient | None = None
        self._nodes: NodesClient | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """Give the port that is listened on (chosen by the system when 0 was asked for)."""
        return self._port

    def start(self, node: DseNode) -> None:
        """Listen, then answer requests in a thread.

        Raises: StartupError: the address cannot be listened on.
        """
        listener = listen(self._host, self._port)
        self._port = listener.getsockname()[1]
        clock = SystemClock()
        self._client = PolicyClient(node, timeout=self._call_timeout, clock=clock)
        self._nodes = NodesClient(node)
        self._server = _make_server(make_app(self._client, self._nodes, clock))
        self._thread = threading.Thread(
            target=self._serve, args=(self._server, listener), name="api-server"
        )
        self._thread.start()
        LOG.info("api listening host=%s port=%s", self._host, self._port)
        if self._host not in LOOPBACK_HOSTS:
            LOG.warning(
                "api has no access control and other machines reach it host=%s", self._host
            )

    def stop(self) -> None:
        """Stop listening, let requests under way end, close."""
        if self._server is not None:
            self._server.should_exit = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(SHUTDOWN_SECONDS + 2)
        # Ordering: after the server, whose requests under way still make calls.
        for client in (self._client, self._nodes):
            if client is not None:
                client.stop()

    def _serve(self, server: uvicorn.Server, listener: socket.socket) -> None:
        try:
            server.run(sockets=[listener])
        except Exception:
            LOG.exception("api server stopped; stopping this process port=%s", self._port)
            stop_this_process()
        finally:
            listener.close()


def make_service(conf: ConfigOpts, name: str) -> ApiService:
    """Make the service `api@NAME` as configured in [api]."""
    return ApiService(
        f"api@{name}",
        host=conf.api.bind_host,
        port=conf.api.bind_port,
        call_timeout=conf.api.call_timeout,
    )


def listen(host: str, port: int) -> socket.socket:
    """Open the listening socket.

    Raises: StartupError: the port is in use, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=LISTEN_BACKLOG)
    except OSError as error:
        raise StartupError(_listen_problem(host, port, error), host=host, port=port) from error


def _listen_problem(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} on {host} is in use; stop what listens there, or choose another port "
            "with --port or with bind_port in [api]"
        )
    if error.errno == errno.EACCES:
        return (
            f"port {port} on {host} needs privileges; choose one above 1023 with --port or with "
            "bind_port in [api]"
        )
    return (
        f"cannot listen on {host} port {port}: {error.strerror or error}; set bind_host in [api] "
        "to an address of this machine"
    )


def _make_server(app: Any) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=MAX_CONNECTIONS,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    )
