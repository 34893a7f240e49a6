"""What private servers have in common: free ports of 127.0.0.1, and waiting until one is ready."""

from __future__ import annotations

import random
import socket
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

START_SECONDS = 90.0
"""How long a server may take to answer on a busy machine; a bound, never a pause."""


_PORTS = range(20_000, 32_000)
"""Below those that the system gives to outgoing connections: none of these takes one away."""


def free_ports(count: int) -> list[int]:
    """Give so many different free ports."""
    found: list[int] = []
    with ExitStack() as stack:
        for port in random.sample(_PORTS, len(_PORTS)):
            probe = stack.enter_context(socket.socket())
            if len(found) == count:
                break
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found


def wait_for_start(process: subprocess.Popen[bytes], ready: Callable[[], bool], log: Path) -> None:
    """Wait until a server is ready.

    Raises: RuntimeError: it ended, or is not ready within START_SECONDS; with the end of its log.
    """
    pacer = threading.Event()
    for _ in range(int(START_SECONDS / 0.05)):
        if ready():
            return
        if process.poll() is not None:
            break
        pacer.wait(0.05)
    tail = log.read_text(errors="replace")[-3000:]
    raise RuntimeError(f"{process.args!r} did not become ready, exit {process.poll()}:\n{tail}")
