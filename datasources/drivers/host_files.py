"""Driver host_files: search path directories, setuid files, packaged programs that were changed.

Reads directories and files; works as an ordinary user and says what it could not read.
"""

from __future__ import annotations

import logging
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

from congress_dist.clock import Clock, SystemClock

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
)
from .changed_files import scan_changes
from .dpkg import DpkgDatabase
from .file_tree import FileTree, printable
from .search_path import SearchPaths, read_search_paths
from .setuid_scan import scan_setuid

_LOG = logging.getLogger(__name__)
_SCAN_TIMEOUT = 600.0
_SCAN_LIMIT = 540.0  # the scan stops by itself, with what it has, before its poll times out
_HOUR = 3600.0


class HostFiles(Driver):
    """The files of this machine that decide what runs with which rights."""

    name = "host_files"
    description = "search path directories, setuid files and changed programs of this machine"
    options = (
        Option("root", "directory that stands for / (for tests)", default="/"),
        Option(
            "scan_from",
            "directory where the setuid scan begins; it stays on that directory's filesystem",
            default="/",
        ),
    )
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "path_directories": schema(
            Column("directory", description="canonical"),
            Column("origin", description='"root", or process name and user: "sshd (uid 0)"'),
            Column("owner_uid", "int", description="user id of its owner"),
            Column("world_writable", "bool", description="everybody may create files in it"),
            Column("sticky", "bool", description="only owners may remove or rename in it"),
            description="existing directories of root's login search path and of processes' PATH",
        ),
        "setuid_files": schema(
            Column("path", description="canonical: links in its directory part are resolved"),
            Column("owner", nullable=True, description="null for a user without a name"),
            Column("uid", "int", description="user id of its owner"),
            Column("mode", description="permission bits, octal: 4755"),
            Column("kind", description='"setuid", also with both bits, or "setgid"'),
            description="files that run with the rights of their owner or group",
        ),
        "changed_files": schema(
            Column("path", description="canonical: links in its directory part are resolved"),
            Column("package", description="the package that owns the file"),
            Column("kind", description='"content", or "type" when it is no longer a file'),
            description="packaged programs in the search path that differ from dpkg's md5sums",
        ),
    }
    polls = (
        Poll("search_path", ("path_directories",), interval=10.0),
        Poll("setuid", ("setuid_files",), _HOUR, timeout=_SCAN_TIMEOUT, low_priority=True),
        Poll("changed", ("changed_files",), _HOUR, timeout=_SCAN_TIMEOUT, low_priority=True),
    )

    def __init__(self, config: Mapping[str, Any], *, clock: Clock | None = None) -> None:
        super().__init__(config)
        self._root = str(config.get("root") or "/")
        self._scan_from = str(config.get("scan_from") or "/")
        self._clock = clock or SystemClock()
        self._closed = threading.Event()

    def read(self, poll: str) -> Mapping[str, TableRead]:
        """Read the table of one poll."""
        if poll == "search_path":
            return {"path_directories": self._read_search_path()}
        if poll == "setuid":
            return {"setuid_files": self._read_setuid()}
        return {"changed_files": self._read_changed()}

    def close(self) -> None:
        """Make running scans end."""
        self._closed.set()

    def _read_search_path(self) -> Table:
        tree = FileTree(self._root)
        paths = read_search_paths(tree)
        return Table(list(_directory_rows(paths, tree)), paths.note())

    def _read_setuid(self) -> Table:
        started = self._clock.monotonic()
        scan = scan_setuid(FileTree(self._root), self._scan_from, self._limit(started))
        _LOG.info(
            "setuid scan ended found=%d files=%d directories=%d seconds=%.1f",
            len(scan.files),
            scan.looked_at,
            scan.directories,
            self._clock.monotonic() - started,
        )
        rows = [(printable(f.path), f.owner, f.uid, f.mode, f.kind) for f in scan.files]
        return Table(rows, scan.note())

    def _read_changed(self) -> TableRead:
        started = self._clock.monotonic()
        tree = FileTree(self._root)
        directories = read_search_paths(tree).all_directories()
        try:
            scan = scan_changes(DpkgDatabase(tree), tree, directories, self._limit(started))
        except SourceUnavailable as reason:
            return reason
        _LOG.info(
            "changed files scan ended found=%d files=%d seconds=%.1f",
            len(scan.files),
            scan.looked_at,
            self._clock.monotonic() - started,
        )
        return Table([(printable(f.path), f.package, f.kind) for f in scan.files], scan.note())

    def _limit(self, started: float) -> Callable[[], bool]:
        return lambda: self._closed.is_set() or self._clock.monotonic() - started > _SCAN_LIMIT


def _directory_rows(
    paths: SearchPaths, tree: FileTree
) -> Iterator[tuple[str, str, int, bool, bool]]:
    known: dict[str, tuple[int, bool, bool] | None] = {}
    for origin, directories in paths.directories.items():
        for directory in directories:
            if directory not in known:
                known[directory] = _rights(directory, tree)
            rights = known[directory]
            if rights is not None:
                yield (printable(directory), printable(origin), *rights)


def _rights(directory: str, tree: FileTree) -> tuple[int, bool, bool] | None:
    """Give owner, whether all may write, whether it is sticky; None when it is no directory."""
    try:
        status = tree.file(directory).stat()
    except OSError:
        return None
    mode = status.st_mode
    if not stat.S_ISDIR(mode):
        return None
    return status.st_uid, bool(mode & stat.S_IWOTH), bool(mode & stat.S_ISVTX)
