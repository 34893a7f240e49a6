"""The processes of this machine, the ports they listen on and the files they execute."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from congress_dist.row import Cell

from ..driver import (
    Column,
    Driver,
    Option,
    Poll,
    SourceUnavailable,
    Table,
    TableRead,
    TableSchema,
    schema,
    text_of,
)
from .linux_proc import MappedFile, Process, ProcFiles, Socket, Vanished, reason_of
from .remembered import ByProcess, Remembered

_CLOCK_SET = 60
"""Seconds by which the boot time must move before it is believed: it moves by 1 s as the clock is
adjusted, and every row of `processes` with it."""
_USER_NAMES_KEPT = 30
"""Reads for which a user's name is remembered: a look-up may go to a directory server."""
_INIT = 1
_DESCRIPTORS_EVERY = 5
"""Reads after which all descriptors of all processes are looked at although no port was opened or
closed: one may have been handed to another process. 10 s, a sixth of the cost of each time."""
_MAPS_EVERY = 3
"""Reads after which the maps of all processes are read: 30 s; new processes are read at once."""
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

_PID = Column("pid", "int", description="process id")


class HostProcesses(Driver):
    """Reads /proc; sees what the kernel shows to the user that it runs as."""

    name = "host_processes"
    description = "Processes of this machine, their listening sockets and the files they execute"
    options = (
        Option("proc", "where the process file system is mounted", Path, default=Path("/proc")),
    )
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "processes": schema(
            _PID,
            Column("parent", "int", nullable=True, description="process id of the parent"),
            Column("name", description="what the kernel calls it: at most 15 bytes"),
            Column(
                "executable",
                nullable=True,
                description="path of the file that it runs; null: a kernel thread, a zombie, "
                "or not readable (see table unreadable)",
            ),
            Column("uid", "int", nullable=True, description="effective user id"),
            Column("user", nullable=True, description="name of that user; null: it has none"),
            Column("started", "int", description="seconds since 1970-01-01 UTC"),
            description="every process and kernel thread",
        ),
        "sockets": schema(
            Column("protocol", description="tcp or udp"),
            Column("address", description="local address; 0.0.0.0 and :: are all addresses"),
            Column("port", "int", description="local port"),
            Column("pid", "int", nullable=True, description="who holds it; null: not readable"),
            Column("uid", "int", nullable=True, description="user id that opened it"),
            description="TCP sockets that listen and UDP sockets that are bound, in this network "
            "namespace; one row per process that holds it",
        ),
        "maps": schema(
            _PID,
            Column("path", description="file with code that the process has mapped"),
            Column("replaced", "bool", description="that file was replaced or removed since"),
            description="executables and libraries in use; memory that is only shared is not here",
        ),
        "unreadable": schema(
            _PID,
            Column("what", description="process, executable, sockets or maps"),
            Column("reason", description="why it cannot be read"),
            description="what the other tables of this source lack, by process",
        ),
    }
    polls = (
        Poll("processes", ("processes", "sockets", "unreadable"), interval=2.0),
        Poll("maps", ("maps",), interval=10.0),
    )

    def __init__(
        self,
        config: Mapping[str, Any],
        *,
        user_name: Callable[[int], str | None] | None = None,
        is_root: bool | None = None,
    ) -> None:
        super().__init__(config)
        self._proc = ProcFiles(Path(config.get("proc") or "/proc"))
        self._users = _UserNames(user_name or _user_name)
        self._is_root = os.geteuid() == 0 if is_root is None else is_root
        self._boot_time: int | None = None
        self._executables = Remembered(self._proc.executable, every=1)
        self._held = Remembered(self._proc.socket_inodes, every=_DESCRIPTORS_EVERY)
        self._mapped = Remembered(self._files_in_use, every=_MAPS_EVERY)
        self._ports: set[Socket] = set()
        # Written by one poll and read by the other, each time as a whole.
        self._unreadable_maps: Mapping[int, str] = {}

    def read(self, poll: str) -> Mapping[str, TableRead]:
        """Read the tables of one poll.

        Raises: SourceUnavailable: the process file system is not there.
        """
        try:
            return {"maps": self._read_maps()} if poll == "maps" else self._read_processes()
        except OSError as error:
            raise _unavailable(error) from error

    def _read_processes(self) -> Mapping[str, TableRead]:
        try:
            ports = self._proc.open_ports()
        except OSError as error:
            return self._process_tables(self._scan(), _unavailable(error))
        scan = self._scan()
        held = self._held.look(scan.programs(), at_all=ports != self._ports)
        if _unowned(ports, held) - self._ports:
            # Closed while we looked, or opened by a process that started meanwhile: look again,
            # or such a socket would be shown as one whose owner is hidden.
            scan = self._scan()
            held = self._held.look(scan.programs(), at_all=True)
            ports &= self._proc.open_ports()
        self._ports = ports
        scan.unreadable["sockets"] = held.unreadable
        sockets = Table(_socket_rows(ports, held), self._note(scan, "sockets"))
        return self._process_tables(scan, sockets)

    def _process_tables(self, scan: _Scan, sockets: TableRead) -> Mapping[str, TableRead]:
        executables = self._executables.look(scan.programs())
        scan.unreadable["executable"] = executables.unreadable
        rows = self._process_rows(scan, executables.found)
        return {
            "processes": Table(rows, self._note(scan, "executable")),
            "sockets": sockets,
            "unreadable": Table(self._unreadable_rows(scan)),
        }

    def _scan(self) -> _Scan:
        scan = _Scan(self._proc.pids())
        for pid in scan.pids:
            try:
                scan.processes[pid] = self._proc.process(pid)
            except Vanished:
                continue
            except OSError as error:
                scan.unreadable["process"][pid] = reason_of(error)
        return scan

    def _process_rows(
        self, scan: _Scan, executables: Mapping[int, MappedFile]
    ) -> list[tuple[Cell, ...]]:
        rows: list[tuple[Cell, ...]] = []
        boot = self._current_boot_time()
        self._users.begin_read()
        for pid, process in scan.processes.items():
            path = executables[pid].path if pid in executables else None
            user = None if process.uid is None else self._users.find_name(process.uid)
            started = boot + process.start_ticks // _TICKS_PER_SECOND
            rows.append((pid, process.parent, process.name, path, process.uid, user, started))
        return rows

    def _unreadable_rows(self, scan: _Scan) -> list[tuple[Cell, ...]]:
        maps = self._unreadable_maps
        scan.unreadable["maps"] = {pid: maps[pid] for pid in scan.processes if pid in maps}
        return [
            (pid, what, reason)
            for what, reasons in scan.unreadable.items()
            for pid, reason in reasons.items()
        ]

    def _read_maps(self) -> Table:
        scan = self._scan()
        mapped = self._mapped.look(scan.programs())
        scan.unreadable["maps"] = self._unreadable_maps = mapped.unreadable
        rows = {
            (pid, file.path, file.replaced)
            for pid, files in mapped.found.items()
            for file in files
        }
        return Table(rows, self._note(scan, "maps"))

    def _files_in_use(self, pid: int) -> set[MappedFile]:
        files = self._proc.mapped_files(pid)
        executable = self._proc.executable(pid)
        return files | {executable} if executable.replaced else files

    def _note(self, scan: _Scan, what: str) -> str:
        hint = "give it CAP_SYS_PTRACE" if self._is_root else "run as root"
        if _INIT not in scan.pids:
            return f"/proc hides the processes of other users, {hint} to see them"
        lacking = scan.unreadable["process"].keys() | scan.unreadable[what].keys()
        if not lacking:
            return ""
        total = len(scan.programs()) + len(scan.unreadable["process"])
        return f"{len(lacking)} of {total} processes not readable, {hint} to see them"

    def _current_boot_time(self) -> int:
        now = self._proc.boot_time()
        if self._boot_time is None or abs(now - self._boot_time) > _CLOCK_SET:
            self._boot_time = now
        return self._boot_time


@dataclass(slots=True)
class _Scan:
    """The processes at one time, and what could not be read of which: what, process id, reason."""

    pids: list[int]
    processes: dict[int, Process] = field(default_factory=dict)
    unreadable: dict[str, dict[int, str]] = field(default_factory=lambda: {"process": {}})

    def programs(self) -> list[Process]:
        """Give the processes that have files and memory of their own."""
        return [process for process in self.processes.values() if process.has_program]


class _UserNames:
    """Names of user ids, looked up now and then."""

    def __init__(self, look_up: Callable[[int], str | None]) -> None:
        self._look_up = look_up
        self._names: dict[int, str | None] = {}
        self._reads = 0

    def begin_read(self) -> None:
        """Forget the names when they are old."""
        self._reads += 1
        if self._reads % _USER_NAMES_KEPT == 0:
            self._names.clear()

    def find_name(self, uid: int) -> str | None:
        """Give a user's name; None: there is no such user."""
        if uid not in self._names:
            self._names[uid] = self._look_up(uid)
        return self._names[uid]


def _user_name(uid: int) -> str | None:
    try:
        return text_of(os.fsencode(pwd.getpwuid(uid).pw_name))
    except KeyError:
        return None


def _unowned(ports: Iterable[Socket], held: ByProcess[set[int]]) -> set[Socket]:
    owned = set().union(*held.found.values())
    return {port for port in ports if port.inode not in owned}


def _socket_rows(ports: Iterable[Socket], held: ByProcess[set[int]]) -> list[tuple[Cell, ...]]:
    pids_by_inode: dict[int, list[int | None]] = {port.inode: [] for port in ports}
    for pid, inodes in held.found.items():
        for inode in inodes & pids_by_inode.keys():
            pids_by_inode[inode].append(pid)
    return [
        (port.protocol, port.address, port.port, pid, port.uid)
        for port in ports
        for pid in pids_by_inode[port.inode] or [None]
    ]


def _unavailable(error: OSError) -> SourceUnavailable:
    return SourceUnavailable(f"{error.filename} cannot be read: {error.strerror}")
