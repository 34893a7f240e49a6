"""A RabbitMQ of one's own: free ports of 127.0.0.1, a directory of its own, ended by its ids.

Never a system service: the script in /usr/lib is started, because the one in /usr/sbin changes
user and directory. With `python -m tests.servers.rabbitmq` one runs until Ctrl-C.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .certificates import Certificates
from .places import Loopback, Place
from .processes import free_ports, wait_for_start

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
CONTROL = SERVER.with_name("rabbitmqctl")
APT_LINE = "apt-get install --no-install-recommends rabbitmq-server openssl"


def is_installed() -> bool:
    """Tell whether this machine has the server, and openssl for its certificate."""
    return SERVER.exists() and shutil.which("openssl") is not None


class RabbitServer:
    """One broker; its state outlives `kill` and `stop`, and ends with its directory."""

    def __init__(
        self,
        directory: Path,
        certificates: Certificates | None = None,
        place: Place | None = None,
    ) -> None:
        self.directory = directory
        self.place = place or Loopback()
        self.certificates = certificates
        self.user, self.password = "admin", secrets.token_hex(16)
        ports = free_ports(6)
        self.port, self.tls_port, self._dist, self._epmd_port, *self._control = ports
        self._node = f"congress-{secrets.token_hex(4)}@localhost"
        self._epmd: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        if self._server is None:
            self._write_config()
        log = self.directory / "server.log"
        if self._epmd is None:
            # Our own, because the one that the server would start outlives it.
            command = ["epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"]
            self._epmd = self._start(command, log)
            wait_for_start(self._epmd, lambda: self.place.answers(self._epmd_port), log)
        self._server = self._start([str(SERVER)], log)
        wait_for_start(self._server, lambda: self.place.answers(self.port), log)

    def stop(self) -> None:
        """Let it end in order; its port mapper stays for the next start."""
        self._signal(signal.SIGTERM)
        self._wait()

    def kill(self) -> None:
        """End it as a crash does."""
        self._signal(signal.SIGKILL)
        self._wait()

    def pause(self) -> None:
        """Stop it as a machine that hangs: its sockets stay open."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """End all that was started, whatever its state; idempotent."""
        if self._server is not None and self._server.poll() is None:
            self._signal(signal.SIGCONT)
            self.kill()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()
            self._epmd = None

    def process_ids(self) -> list[int]:
        """Give the ids of what was started: the broker and its port mapper."""
        started = [process for process in (self._server, self._epmd) if process is not None]
        return [process.pid for process in started]

    def control(self, *arguments: str) -> str:
        """Run rabbitmqctl; give what it says. It takes a second or two."""
        done = subprocess.run(
            self.place.command([str(CONTROL), "-q", *arguments]),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def close_all_connections(self) -> None:
        """Hang up on every client."""
        self.control("close_all_connections", "a test")

    def url(
        self, user: str | None = None, password: str | None = None, *, host: str = "localhost"
    ) -> str:
        """Give the transport URL for a user; without one for the administrator."""
        return self._url(user, password, host, self.port)

    def tls_url(self, user: str | None = None, password: str | None = None) -> str:
        """Give the transport URL of the port that speaks TLS."""
        return self._url(user, password, "localhost", self.tls_port)

    def _url(self, user: str | None, password: str | None, host: str, port: int) -> str:
        who = f"{user or self.user}:{password or self.password}"
        return f"rabbit://{who}@{host}:{port}/"

    def _start(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        return _start(self.place.command(command), self.environment(), log)

    def _signal(self, number: int) -> None:
        assert self._server is not None
        os.killpg(self._server.pid, number)

    def _wait(self) -> None:
        assert self._server is not None
        self._server.wait(timeout=60)

    def _write_config(self) -> None:
        lines = [
            f"listeners.tcp.1 = {self.place.address}:{self.port}",
            f"default_user = {self.user}",
            f"default_pass = {self.password}",
            # A full disk of the machine that runs the tests must not block publishers.
            "disk_free_limit.absolute = 1MB",
        ]
        if self.certificates is not None:
            lines += [
                f"listeners.ssl.1 = {self.place.address}:{self.tls_port}",
                f"ssl_options.cacertfile = {self.certificates.authority}",
                f"ssl_options.certfile = {self.certificates.certificate}",
                f"ssl_options.keyfile = {self.certificates.key}",
            ]
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "rabbitmq.conf").write_text("\n".join(lines) + "\n")
        (self.directory / "enabled_plugins").write_text("[].\n")

    def environment(self) -> dict[str, str]:
        """Give the environment in which rabbitmqctl finds this server."""
        where = self.directory
        mine = {
            "HOME": str(where),
            "RABBITMQ_CONFIG_FILE": str(where / "rabbitmq.conf"),
            "RABBITMQ_MNESIA_BASE": str(where / "mnesia"),
            "RABBITMQ_LOG_BASE": str(where / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(where / "enabled_plugins"),
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_DIST_PORT": str(self._dist),
            "RABBITMQ_CTL_DIST_PORT_MIN": str(min(self._control)),
            "RABBITMQ_CTL_DIST_PORT_MAX": str(max(self._control)),
            # The server replaces the script, so that its process id is the one that we know.
            "RABBITMQ_ALLOW_INPUT": "true",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput -kernel inet_dist_use_interface "
            "{127,0,0,1}",
            "ERL_EPMD_PORT": str(self._epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return {**kept, **mine}


def _start(
    command: list[str], environment: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
