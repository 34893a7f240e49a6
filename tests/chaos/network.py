"""How node processes reach the broker: on loopback, or each in a network namespace of its own.

A namespace has one link, to the broker's; what a cut link carries vanishes without a word, as on a
network that is broken: the sender's frames bear an address that nobody has. The machine's own
network is not touched.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tests.servers.places import Loopback, Place, answers

PREFIX = "congress-chaos"
_NOWHERE = "02:00:00:00:00:01"
_NAMESPACES = Path("/run/netns")


class Network(Protocol):
    """Who is where, and what is cut."""

    why_not_cut: str | None
    """Why nothing can be cut, None when it can."""
    broker: Place

    def add(self, name: str) -> None:
        """Make a place for a node."""
        ...

    def command(self, name: str, words: Sequence[str]) -> list[str]:
        """Give the command that runs a program at a node's place."""
        ...

    def host(self, name: str) -> str:
        """Give under which address a node reaches the broker."""
        ...

    def cut(self, name: str, *, hears: bool, is_heard: bool) -> None:
        """Let a node hear the broker no more, or be heard by it no more, or both."""
        ...

    def mend(self, name: str) -> None:
        """Let a node hear and be heard again."""
        ...


class LoopbackNetwork:
    """All in the machine's network; nothing can be cut."""

    def __init__(self, why_not_cut: str) -> None:
        self.why_not_cut: str | None = why_not_cut
        self.broker: Place = Loopback()

    def add(self, name: str) -> None:
        """There is nothing to do."""

    def command(self, _name: str, words: Sequence[str]) -> list[str]:
        """Give the command as it is."""
        return list(words)

    def host(self, _name: str) -> str:
        """Give the address of all."""
        return "localhost"

    def cut(self, name: str, *, hears: bool, is_heard: bool) -> None:
        """Refuse."""
        raise AssertionError(f"{name} has no link of its own ({hears}, {is_heard})")

    def mend(self, name: str) -> None:
        """There is nothing to mend."""


class Namespace:
    """One network namespace; the place of a server when it has the broker in it."""

    address = "0.0.0.0"  # nothing but its links leads to it

    def __init__(self, name: str) -> None:
        self.name = f"{PREFIX}-{os.getpid()}-{name}"
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words: str) -> None:
        """Change its network."""
        ip("-n", self.name, *words)

    def command(self, words: Sequence[str]) -> list[str]:
        """Give the command that runs a program in it."""
        return ["ip", "netns", "exec", self.name, *words]

    def answers(self, port: int) -> bool:
        """Tell whether somebody in it accepts connections."""
        found: list[bool] = []

        def look() -> None:
            with (_NAMESPACES / self.name).open("rb") as file:
                if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), 0) == 0:
                    found.append(answers(port))

        # A namespace is entered by a thread; this one does nothing else afterwards.
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        return found == [True]


class NamespaceNetwork:
    """A namespace for the broker, one for each node, and a link between each two."""

    why_not_cut: str | None = None

    def __init__(self) -> None:
        self._hub = Namespace("broker")
        self.broker: Place = self._hub
        self._nodes: dict[str, Namespace] = {}
        self._numbers: dict[str, int] = {}

    def add(self, name: str) -> None:
        """Make a namespace for a node, and its link."""
        number = self._numbers[name] = len(self._numbers) + 1
        node = self._nodes[name] = Namespace(name)
        link = f"to-{number}"
        near, far = ("link", "add", link, "netns", self._hub.name), ("peer", "name", "bus")
        ip(*near, "type", "veth", *far, "netns", node.name)
        for end, device, address in ((self._hub, link, 1), (node, "bus", 2)):
            end.ip("address", "add", f"10.0.{number}.{address}/24", "dev", device)
            end.ip("link", "set", device, "up")

    def command(self, name: str, words: Sequence[str]) -> list[str]:
        """Give the command that runs a program in a node's namespace."""
        return self._nodes[name].command(words)

    def host(self, name: str) -> str:
        """Give the broker's end of a node's link."""
        return f"10.0.{self._numbers[name]}.1"

    def cut(self, name: str, *, hears: bool, is_heard: bool) -> None:
        """Send what goes one way, or both, to nobody."""
        number = self._numbers[name]
        lost = ("lladdr", _NOWHERE, "nud", "permanent")
        if not hears:
            self._hub.ip("neigh", "replace", f"10.0.{number}.2", "dev", f"to-{number}", *lost)
        if not is_heard:
            self._nodes[name].ip("neigh", "replace", f"10.0.{number}.1", "dev", "bus", *lost)

    def mend(self, name: str) -> None:
        """Let both ends find each other again."""
        number = self._numbers[name]
        with suppress(subprocess.CalledProcessError):  # this way was not cut
            self._hub.ip("neigh", "delete", f"10.0.{number}.2", "dev", f"to-{number}")
        with suppress(subprocess.CalledProcessError):
            self._nodes[name].ip("neigh", "delete", f"10.0.{number}.1", "dev", "bus")


def make_network() -> Network:
    """Make a network that can be cut where this machine and user may have one.

    Promises: what is left of runs that were killed is ended; what is made ends with
        `end_namespaces`.
    """
    sweep()
    why_not = _why_no_namespaces()
    return NamespaceNetwork() if why_not is None else LoopbackNetwork(why_not)


def end_namespaces() -> None:
    """End all namespaces of this process, and their links; idempotent."""
    for left in _NAMESPACES.glob(f"{PREFIX}-{os.getpid()}-*"):
        ip("netns", "delete", left.name)


def sweep() -> None:
    """End the namespaces of runs that were killed."""
    for left in _NAMESPACES.glob(f"{PREFIX}-*"):
        pid = left.name.removeprefix(f"{PREFIX}-").partition("-")[0]
        if not Path("/proc", pid).exists():
            ip("netns", "delete", left.name)


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _why_no_namespaces() -> str | None:
    if shutil.which("ip") is None:
        return "no program 'ip': apt-get install --no-install-recommends iproute2"
    probe = f"{PREFIX}-{os.getpid()}-probe"
    try:
        ip("netns", "add", probe)
        ip("netns", "delete", probe)
    except (subprocess.CalledProcessError, OSError):
        return "network namespaces may not be made here: run as root"
    return None
