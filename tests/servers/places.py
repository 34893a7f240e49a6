"""Where a server runs: on loopback addresses of this machine, or in a network of its own."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Protocol


class Place(Protocol):
    """What a server must know of its network."""

    @property
    def address(self) -> str:
        """The address to listen on."""
        ...

    def command(self, words: Sequence[str]) -> list[str]:
        """Give the command that runs a program there."""
        ...

    def answers(self, port: int) -> bool:
        """Tell whether somebody there accepts connections."""
        ...


class Loopback:
    """Reachable from this machine alone."""

    address = "127.0.0.1"

    def command(self, words: Sequence[str]) -> list[str]:
        """Give the command as it is."""
        return list(words)

    def answers(self, port: int) -> bool:
        """Tell whether somebody accepts connections."""
        return answers(port)


def answers(port: int) -> bool:
    """Tell whether somebody accepts connections on this port of the caller's 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        if probe.connect_ex(("127.0.0.1", port)) != 0:
            return False
        # Where nobody listens, a probe that is given this very port talks to itself.
        return probe.getsockname() != probe.getpeername()
