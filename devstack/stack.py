"""A private RabbitMQ and the demonstration over it, until Ctrl-C: `make stack ARGS=…`.

Nothing of it stays: broker, processes and state end with it. ARGS are those of `congress up`.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers.certificates import make_certificates
from tests.servers.rabbitmq import APT_LINE, RabbitServer, is_installed

HERE = Path(__file__).resolve().parent
CONGRESS = Path(sys.executable).with_name("congress")
NOT_AVAILABLE = 3


def main() -> int:
    """Run the stack; give the exit code of `congress up`."""
    if not is_installed():
        sys.stderr.write(f"stack: this machine has no RabbitMQ; install it with: {APT_LINE}\n")
        return NOT_AVAILABLE
    with tempfile.TemporaryDirectory(prefix="congress-stack-") as directory:
        where = Path(directory)
        server = RabbitServer(where / "rabbitmq", make_certificates(where / "tls"))
        # A signal of the terminal is passed on, and the broker ends after those who use it.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            sys.stderr.write("stack: starting RabbitMQ …\n")
            server.start()
            config = write_config(where / "stack.conf", server)
            sys.stderr.write(f"stack: RabbitMQ on port {server.tls_port}, state in {where}\n")
            return run_system(where, config)
        except KeyboardInterrupt:
            return 0
        finally:
            server.end()


def write_config(path: Path, server: RabbitServer) -> Path:
    """Write the demonstration's configuration with this broker as the bus, over TLS."""
    assert server.certificates is not None  # noqa: S101 made above
    bus = [
        "[dse]",
        f"transport_url = {server.tls_url()}",
        "[oslo_messaging_rabbit]",
        "ssl = true",
        f"ssl_ca_file = {server.certificates.authority}",
    ]
    path.touch(mode=0o600)
    path.write_text("\n".join([*bus, "", (HERE / "host_safety.conf").read_text()]))
    return path


def run_system(where: Path, config: Path) -> int:
    """Run `congress up` until it ends; pass on what shall end it."""
    policy = HERE / "policies" / "host_safety"
    command = [str(CONGRESS), "up", "--data-dir", str(where / "data")]
    command += ["--config", str(config), "--policy", str(policy), *sys.argv[1:]]
    # A process group of its own: the terminal's Ctrl-C must not reach it twice.
    system = subprocess.Popen(command, process_group=0)
    while True:
        try:
            return system.wait()
        except KeyboardInterrupt:
            system.send_signal(signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())
