"""What the files under /proc say, parsed; not a driver. Reads nothing secret: no command lines,
no environments.

A process may end between any two reads: what vanished is `Vanished`, what the kernel does not show
to this user is `PermissionError`.
"""

from __future__ import annotations

import os
import re
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

from ..driver import text_of

_KERNEL_THREAD = 0x00200000
"""PF_KTHREAD in the flags of /proc/PID/stat. A missing executable does not tell: zombies too."""
_DELETED = b" (deleted)"
_LISTEN, _UNCONNECTED = b"0A", b"07"
_GONE = (FileNotFoundError, ProcessLookupError, NotADirectoryError)

_EXECUTABLE_MAPPING = re.compile(
    rb"^[0-9a-f]+-[0-9a-f]+ ..x. [0-9a-f]+ [0-9a-f:]+ \d+ +(/.*)$", re.MULTILINE
)
_EFFECTIVE_UID = re.compile(rb"^Uid:\s+\d+\s+(\d+)", re.MULTILINE)
_WORKER = re.compile(rb"^(kworker/u?\d+:\d+\w*)[-+].*$", re.DOTALL)
"""The kernel appends what a worker is doing just now, which changes all the time."""
# sl, local address:port, remote, state, queues, timer, retransmits, uid, timeout, inode
_SOCKET = re.compile(
    rb"^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+\s+(\d+)\s+\d+ (\d+)",
    re.MULTILINE,
)
_SHARED_MEMORY = (b"/memfd:", b"/SYSV", b"/dev/zero", b"/dev/shm/", b"/anon_hugepage", b"/[aio]")
"""How the kernel names memory that is shared, always as deleted files."""
_IN_MEMORY_FILES = b"/dev/shm/"


class Vanished(Exception):
    """The process has ended meanwhile."""


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc/PID/stat with the uid of /proc/PID/status.

    Units: `start_ticks` in clock ticks since the machine's start. `uid` is the effective one.
    """

    pid: int
    name: str
    parent: int | None
    is_kernel_thread: bool
    is_zombie: bool
    start_ticks: int
    uid: int | None

    @property
    def has_program(self) -> bool:
        """Tell whether there is a program, with files and memory of its own."""
        return not (self.is_kernel_thread or self.is_zombie)


@dataclass(frozen=True, slots=True)
class Socket:
    """A TCP socket that listens or a UDP socket that is bound and not connected."""

    protocol: str
    address: str
    port: int
    uid: int
    inode: int


@dataclass(frozen=True, slots=True)
class MappedFile:
    """A regular file that a process executes code of; `replaced`: that file is gone from disk."""

    path: str
    replaced: bool


class ProcFiles:
    """Reads the process file system mounted at `root`."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def pids(self) -> list[int]:
        """Give the ids of the processes that this user may see.

        Raises: OSError: the file system is not mounted.
        """
        return [int(name) for name in os.listdir(self._root) if name.isdigit()]  # noqa: PTH208

    def boot_time(self) -> int:
        """Give the machine's start in seconds since the epoch.

        Promises: none of a fixed value: it moves by 1 s as the clock is adjusted.
        """
        found = re.search(rb"^btime (\d+)$", self._read("stat"), re.MULTILINE)
        return int(found.group(1)) if found else 0

    def process(self, pid: int) -> Process:
        """Give what everybody may know of a process.

        Raises: Vanished, PermissionError (/proc mounted with hidepid).
        """
        # The name is in parentheses and may hold parentheses and spaces itself.
        head, _, tail = self._read(f"{pid}/stat").rpartition(b")")
        fields = tail.split()
        if len(fields) < 20:
            raise Vanished(pid)
        is_kernel_thread = bool(int(fields[6]) & _KERNEL_THREAD)
        name = head.partition(b"(")[2]
        return Process(
            pid=pid,
            name=text_of(_WORKER.sub(rb"\1", name) if is_kernel_thread else name),
            parent=int(fields[1]) or None,
            is_kernel_thread=is_kernel_thread,
            is_zombie=fields[0] in {b"Z", b"X"},
            start_ticks=int(fields[19]),
            uid=0 if is_kernel_thread else self._effective_uid(pid),
        )

    def executable(self, pid: int) -> MappedFile:
        """Give the file that a process runs.

        Raises: Vanished (zombies and kernel threads have none either), PermissionError.
        """
        try:
            target = os.readlink(os.fsencode(f"{self._root}/{pid}/exe"))  # noqa: PTH115 - bytes
        except _GONE as error:
            raise Vanished(pid) from error
        path, deleted = _without_deleted(target)
        return MappedFile(text_of(path), deleted and not _is_shared_memory(path))

    def mapped_files(self, pid: int) -> set[MappedFile]:
        """Give the regular files that a process has mapped as executable.

        Raises: Vanished, PermissionError.
        """
        found = set(_EXECUTABLE_MAPPING.findall(self._read(f"{pid}/maps")))
        return {
            MappedFile(text_of(path), deleted)
            for raw in found
            for path, deleted in [_without_deleted(raw.replace(rb"\012", b"\n"))]
            if not _is_memory(path, deleted)
        }

    def socket_inodes(self, pid: int) -> set[int]:
        """Give the inodes of the sockets that a process holds open.

        Raises: Vanished, PermissionError.
        """
        try:
            directory = os.open(f"{self._root}/{pid}/fd", os.O_RDONLY | os.O_DIRECTORY)
        except _GONE as error:
            raise Vanished(pid) from error
        try:
            targets = [_link(name, directory) for name in os.listdir(directory)]  # noqa: PTH208
        except _GONE as error:
            raise Vanished(pid) from error
        finally:
            os.close(directory)
        return {int(target[8:-1]) for target in targets if target.startswith("socket:[")}

    def open_ports(self) -> set[Socket]:
        """Give the sockets of this network namespace to which anybody may send first.

        Raises: OSError: neither TCP nor UDP sockets can be read.
        """
        sockets = self._sockets("tcp", "net/tcp", _LISTEN)
        sockets |= self._sockets("udp", "net/udp", _UNCONNECTED)
        for protocol, wanted in (("tcp", _LISTEN), ("udp", _UNCONNECTED)):
            if Path(f"{self._root}/net/{protocol}6").exists():  # without IPv6 there is none
                sockets |= self._sockets(protocol, f"net/{protocol}6", wanted)
        return sockets

    def _effective_uid(self, pid: int) -> int | None:
        found = _EFFECTIVE_UID.search(self._read(f"{pid}/status"))
        return int(found.group(1)) if found else None

    def _sockets(self, protocol: str, file: str, wanted: bytes) -> set[Socket]:
        text = self._read(file)
        return {
            Socket(protocol, _address(address), int(port, 16), int(uid), int(inode))
            for address, port, state, uid, inode in _SOCKET.findall(text)
            if state == wanted
        }

    def _read(self, name: str) -> bytes:
        try:
            with open(f"{self._root}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - hot
                return file.readall()
        except _GONE as error:
            if name[0].isdigit():
                raise Vanished(name) from error
            raise


def reason_of(error: OSError) -> str:
    """Give why something of a process cannot be read, as tables tell it."""
    if isinstance(error, PermissionError):
        return "permission denied"  # the kernel has two codes for it
    return os.strerror(error.errno or 0).lower()


def _link(name: str, directory: int) -> str:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError:  # closed meanwhile
        return ""


def _address(hexadecimal: bytes) -> str:
    # The kernel prints the address as 32-bit words in the machine's own byte order.
    count = len(hexadecimal) // 8
    words = (int(hexadecimal[8 * i : 8 * i + 8], 16) for i in range(count))
    raw = struct.pack(f"={count}I", *words)
    return socket.inet_ntop(socket.AF_INET if count == 1 else socket.AF_INET6, raw)


def _without_deleted(raw: bytes) -> tuple[bytes, bool]:
    """Split the kernel's mark off a path; a file may also be named so and exist."""
    if not raw.endswith(_DELETED) or (not _is_shared_memory(raw) and os.path.lexists(raw)):
        return raw, False
    return raw[: -len(_DELETED)], True


def _is_shared_memory(path: bytes) -> bool:
    return path.startswith(_SHARED_MEMORY)


def _is_memory(path: bytes, deleted: bool) -> bool:
    if deleted:
        return _is_shared_memory(path)
    # What is mapped from /dev is a device, except the files of /dev/shm.
    return path.startswith((b"/dev/", b"/memfd:")) and not path.startswith(_IN_MEMORY_FILES)
