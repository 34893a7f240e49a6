"""Search paths: the directories in which root and the running processes look for programs.

Used by the host_files driver; reads login.defs, /etc/environment and /proc.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from .file_tree import FileTree, root_hint

ROOT_ORIGIN = "root"
_ROOT_DEFAULT = "/sbin:/bin:/usr/sbin:/usr/bin"  # what login takes without ENV_SUPATH
_LOGIN_PATH = re.compile(r"^ENV_SUPATH\s+(?:PATH=)?(\S+)", re.MULTILINE)
_ENVIRONMENT_PATH = re.compile(r"^\s*(?:export\s+)?PATH=(.+)$", re.MULTILINE)
_ENVIRON_AT_MOST = 1 << 20
_PATH_AT_MOST = 4096  # the kernel takes no longer path


@dataclass(slots=True)
class SearchPaths:
    """Directories by origin, canonical; and how many processes kept theirs to themselves.

    Shapes: an origin is "root" (its login search path) or "NAME (uid N)" for all processes of that
        name and user: a process id would make rows come and go with every restart.
    """

    directories: dict[str, set[str]] = field(default_factory=dict)
    processes: int = 0
    unreadable: int = 0

    def all_directories(self) -> set[str]:
        """Give every directory of every origin."""
        return set().union(*self.directories.values())

    def note(self) -> str:
        """Say what could not be read, "" when nothing."""
        if not self.unreadable:
            return ""
        counts = f"{self.unreadable} of {self.processes} processes"
        return f"search paths of {counts} not readable{root_hint()}"


@dataclass(frozen=True, slots=True)
class _Process:
    name: str
    uid: str
    has_memory: bool


def read_search_paths(tree: FileTree) -> SearchPaths:
    """Read the search paths of root and of every process that lets itself be read.

    Shapes: relative entries are left out: they name another directory wherever the process goes.
    """
    found = SearchPaths()
    _add(found, ROOT_ORIGIN, _root_entries(tree), tree)
    for folder in _process_folders(tree):
        _add_process(found, folder, tree)
    return found


def _root_entries(tree: FileTree) -> list[str]:
    login = _LOGIN_PATH.search(_text(tree.file("/etc/login.defs")))
    entries = (login[1] if login else _ROOT_DEFAULT).split(":")
    for line in _ENVIRONMENT_PATH.finditer(_text(tree.file("/etc/environment"))):
        entries.extend(line[1].strip().strip("\"'").split(":"))
    return entries


def _process_folders(tree: FileTree) -> Iterator[Path]:
    try:
        yield from (folder for folder in tree.file("/proc").iterdir() if folder.name.isdecimal())
    except FileNotFoundError:
        return


def _add_process(found: SearchPaths, folder: Path, tree: FileTree) -> None:
    try:
        process = _read_status(folder)
        if process is None or not process.has_memory:
            return  # a kernel thread or a zombie: it looks for no program
        found.processes += 1
        entries = _environment_entries(folder)
    except PermissionError:
        found.unreadable += 1
    except (FileNotFoundError, ProcessLookupError):
        return  # it ended meanwhile
    else:
        _add(found, f"{process.name} (uid {process.uid})", entries, tree)


def _read_status(folder: Path) -> _Process | None:
    text = (folder / "status").read_text("utf-8", "backslashreplace")
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    uids = fields.get("Uid", "").split()
    if len(uids) < 2:
        return None
    return _Process(fields.get("Name", "").strip(), uids[1], "VmSize" in fields)


def _environment_entries(folder: Path) -> list[str]:
    with (folder / "environ").open("rb") as file:
        environment = file.read(_ENVIRON_AT_MOST)
    for variable in environment.split(b"\0"):
        if variable.startswith(b"PATH="):
            return variable[5:].decode("utf-8", "surrogateescape").split(":")
    return []


def _add(found: SearchPaths, origin: str, entries: list[str], tree: FileTree) -> None:
    canonical = {
        tree.canonical_directory(entry)
        for entry in entries
        if entry.startswith("/") and len(entry) <= _PATH_AT_MOST
    }
    if canonical:
        found.directories.setdefault(origin, set()).update(canonical)


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "surrogateescape")
    except OSError:
        return ""
