"""The directory that is the bus: one socket file for each listener, found by listing.

    ROOT/<exchange>@<topic>/<server>@<unique>

A file appears when its socket already listens and its name is never used again. Therefore a socket
that refuses a connection has lost its owner for good, and anybody may remove it.
"""

from __future__ import annotations

import errno
import os
import socket
import stat
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..clock import new_incarnation
from .bus_names import short_name

_BACKLOG = 256
_BIND_ATTEMPTS = 5
_UCRED = struct.Struct("3i")
_DIRECTORY_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A path in AF_UNIX holds 107 bytes: /proc/self/fd/<7 digits>/<server>@<32 hexadecimal digits>.
_MAX_SERVER_NAME = 48
_MAX_TOPIC_NAME = 120


class Address(NamedTuple):
    """Where one listener is: names of its directory and of its socket file."""

    topic: str
    file: str


class BusDirectory:
    """Makes, finds and removes the socket files of one bus; any thread may use it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._root_fd: int | None = None
        # Who sends first makes the directory; but not one that vanished with its listeners.
        self._was_there = False
        self._topic_fds: dict[str, int] = {}
        # Invariant: a descriptor stays open until `close`: another thread may be using it.
        self._retired_fds: list[int] = []

    def bind(self, topic: str, server: str) -> tuple[socket.socket, Address]:
        """Make a socket that listens, and remove those around it that lost their owner.

        Raises: OSError: the directory cannot be made or is not ours alone.
        """
        self._make_root()
        topic_fd = self._make_topic(topic)
        self.sweep(topic)
        for _ in range(_BIND_ATTEMPTS):
            listening = _bind(topic_fd, f"{short_name(server, _MAX_SERVER_NAME)}@{_unique()}")
            if listening is not None:
                return listening[0], Address(topic, listening[1])
        raise OSError(errno.EAGAIN, "socket files vanish while they are made", str(self.root))

    def addresses(self, topic: str, server: str | None = None) -> list[Address]:
        """Give where the listeners of a topic are, in a stable order.

        Raises: OSError: the bus is away.
        Cost: lists one directory; no cache, because a listener must be found at once.
        """
        topic_fd = self._find_topic(topic)
        if topic_fd is None:
            return []
        wanted = None if server is None else short_name(server, _MAX_SERVER_NAME)
        found = []
        for file in _files(topic_fd):
            owner, separator, _ = file.rpartition("@")
            if separator and wanted in (None, owner):
                found.append(Address(topic, file))
        found.sort()
        return found

    def connect(self, address: Address) -> socket.socket | None:
        """Give a connected socket that does not block; None when the listener is gone.

        Raises: BlockingIOError: it is there but takes no further connections, as when stopped.
            PermissionError: it belongs to another user.
        """
        topic_fd = self._find_topic(address.topic)
        if topic_fd is None:
            return None
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            peer.connect(_path(topic_fd, address.file))
            check_peer(peer)
        except (ConnectionRefusedError, FileNotFoundError):
            peer.close()
            self.remove(address)
            return None
        except OSError:
            peer.close()
            raise
        return peer

    def remove(self, address: Address) -> None:
        """Remove the file of a listener that has ended; idempotent."""
        topic_fd = self._find_topic(address.topic)
        if topic_fd is None:
            return
        with suppress(FileNotFoundError):
            if stat.S_ISSOCK(os.stat(address.file, dir_fd=topic_fd).st_mode):
                os.unlink(address.file, dir_fd=topic_fd)

    def sweep(self, topic: str) -> None:
        """Remove all socket files of a topic that have no owner any more."""
        topic_fd = self._find_topic(topic)
        for file in _files(topic_fd) if topic_fd is not None else ():
            with suppress(BlockingIOError, PermissionError):
                peer = self.connect(Address(topic, file))
                if peer is not None:
                    peer.close()

    def close(self) -> None:
        """Give back all descriptors; no other thread may be using the directory any more."""
        with self._lock:
            descriptors = [*self._topic_fds.values(), *self._retired_fds]
            if self._root_fd is not None:
                descriptors.append(self._root_fd)
            self._root_fd = None
            self._topic_fds.clear()
            self._retired_fds.clear()
        for descriptor in descriptors:
            os.close(descriptor)

    def _make_root(self) -> None:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._lock:
            self._open_root()

    def _make_topic(self, topic: str) -> int:
        with self._lock:
            with suppress(FileExistsError):
                os.mkdir(topic, mode=0o700, dir_fd=self._open_root())
            topic_fd = self._open_topic(topic)
        if topic_fd is None:
            raise FileNotFoundError(errno.ENOENT, "the topic's directory vanished", topic)
        return topic_fd

    def _find_topic(self, topic: str) -> int | None:
        topic_fd = self._topic_fds.get(topic)
        if topic_fd is not None and _exists(topic_fd):
            return topic_fd
        with self._lock:
            return self._open_topic(topic)

    def _open_root(self) -> int:
        if self._root_fd is not None and not _exists(self._root_fd):
            self._retired_fds.append(self._root_fd)
            self._root_fd = None
            self._was_there = True
        if self._root_fd is None:
            if not self._was_there:
                self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            root_fd = os.open(self.root, _DIRECTORY_FLAGS)
            try:
                _make_private(root_fd, self.root)
            except OSError:
                os.close(root_fd)
                raise
            self._root_fd = root_fd
        return self._root_fd

    def _open_topic(self, topic: str) -> int | None:
        known = self._topic_fds.get(topic)
        if known is not None:
            if _exists(known):
                return known
            self._retired_fds.append(self._topic_fds.pop(topic))
        try:
            topic_fd = os.open(topic, _DIRECTORY_FLAGS, dir_fd=self._open_root())
        except FileNotFoundError:
            if self._root_fd is None:
                raise
            return None
        self._topic_fds[topic] = topic_fd
        return topic_fd


def topic_name(exchange: str, topic: str) -> str:
    """Give the name of a topic's directory."""
    return f"{short_name(exchange, _MAX_TOPIC_NAME)}@{short_name(topic, _MAX_TOPIC_NAME)}"


def check_peer(peer: socket.socket) -> None:
    """Refuse a process of another user.

    Raises: PermissionError: the peer's effective user is not ours.
    """
    credentials = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, uid, _ = _UCRED.unpack(credentials)
    if uid != os.geteuid():
        raise PermissionError(errno.EPERM, f"the peer runs as uid {uid}, not {os.geteuid()}")


def _bind(topic_fd: int, file: str) -> tuple[socket.socket, str] | None:
    """Make a listening socket visible as `file`; None when somebody removed it half-made."""
    hidden = _unique()
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listening.bind(_path(topic_fd, hidden))
        listening.listen(_BACKLOG)
        # Ordering: visible only now. Before, a sweep takes it for one without owner.
        os.rename(hidden, file, src_dir_fd=topic_fd, dst_dir_fd=topic_fd)
    except FileNotFoundError:
        listening.close()
        return None
    except OSError:
        listening.close()
        raise
    return listening, file


def _make_private(root_fd: int, root: Path) -> None:
    status = os.fstat(root_fd)
    if status.st_uid != os.geteuid():
        raise PermissionError(
            errno.EPERM, f"directory belongs to uid {status.st_uid}, not {os.geteuid()}", str(root)
        )
    if status.st_mode & 0o077:
        os.fchmod(root_fd, 0o700)


def _files(directory_fd: int) -> list[str]:
    # By path, which opens it anew: listing a descriptor in two threads moves one shared offset,
    # and one of them sees an empty directory.
    return os.listdir(f"/proc/self/fd/{directory_fd}")  # noqa: PTH208


def _exists(directory_fd: int) -> bool:
    return os.fstat(directory_fd).st_nlink > 0


def _path(topic_fd: int, file: str) -> str:
    return f"/proc/self/fd/{topic_fd}/{file}"


def _unique() -> str:
    return new_incarnation().replace("-", "")
