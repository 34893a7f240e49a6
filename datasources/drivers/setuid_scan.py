"""The search for files that run with the rights of their owner or group, on one filesystem.

Used by the host_files driver; it runs for seconds to minutes, and asks whether to stop.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass, field

from .file_tree import FileTree, root_hint

_NEVER_SCANNED = frozenset({"/proc", "/sys"})
_SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID
_OCTAL_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class SetuidFile:
    """A regular file with a setuid or setgid bit. `owner` is None for a user without a name."""

    path: str
    owner: str | None
    uid: int
    mode: str

    @property
    def kind(self) -> str:
        """Give "setuid", also for a file with both bits, or "setgid"."""
        return "setuid" if int(self.mode, 8) & stat.S_ISUID else "setgid"


@dataclass(slots=True)
class SetuidScan:
    """What one scan found and how far it came."""

    files: list[SetuidFile] = field(default_factory=list)
    looked_at: int = 0
    directories: int = 0
    unreadable: int = 0
    left: int = 0

    def note(self) -> str:
        """Say what was not scanned, "" when nothing."""
        parts = []
        if self.unreadable:
            parts.append(f"{self.unreadable} directories not readable{root_hint()}")
        if self.left:
            parts.append(f"stopped for time with at least {self.left} directories to go")
        return "; ".join(parts)


def mount_points(tree: FileTree) -> frozenset[str]:
    """Give the directories at which other filesystems begin.

    By name, not by device number: on overlayfs a directory and its files can differ in that.
    """
    try:
        lines = tree.file("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    except OSError:
        return frozenset()
    fields = (line.split(" ") for line in lines.splitlines())
    return frozenset(_unescaped(words[4]) for words in fields if len(words) > 4)


def scan_setuid(tree: FileTree, start: str, is_over: Callable[[], bool]) -> SetuidScan:
    """Find the setuid and setgid files below `start` on its filesystem.

    Promises: does not cross mount points, follow links, or enter /proc and /sys; ends soon after
        `is_over` says so, with what was found until then.
    Cost: one look at each file's metadata.
    """
    scan = SetuidScan()
    first = tree.canonical_directory(start)
    borders = (mount_points(tree) | _NEVER_SCANNED) - {first}
    names: dict[int, str | None] = {}
    pending = [first]
    while pending:
        if is_over():
            scan.left = len(pending)
            break
        directory = pending.pop()
        pending.extend(path for path in _look(tree, directory, scan, names) if path not in borders)
    return scan


def _look(
    tree: FileTree, directory: str, scan: SetuidScan, names: dict[int, str | None]
) -> list[str]:
    """Add one directory's setuid files to the scan and give its subdirectories."""
    below: list[str] = []
    prefix = directory.rstrip("/")
    scan.directories += 1
    try:
        with os.scandir(tree.locate(directory)) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    below.append(f"{prefix}/{entry.name}")
                elif entry.is_file(follow_symlinks=False):
                    scan.looked_at += 1
                    _add_file(scan, f"{prefix}/{entry.name}", entry, names)
    except (FileNotFoundError, NotADirectoryError):
        pass  # removed or replaced meanwhile
    except OSError:
        scan.unreadable += 1
    return below


def _add_file(
    scan: SetuidScan, path: str, entry: os.DirEntry[str], names: dict[int, str | None]
) -> None:
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if status.st_mode & _SPECIAL_BITS:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        owner = _user_name(status.st_uid, names)
        scan.files.append(SetuidFile(path, owner, status.st_uid, mode))


def _user_name(uid: int, names: dict[int, str | None]) -> str | None:
    if uid not in names:
        try:
            names[uid] = pwd.getpwuid(uid).pw_name
        except KeyError:
            names[uid] = None
    return names[uid]


def _unescaped(path: str) -> str:
    return _OCTAL_ESCAPE.sub(lambda found: chr(int(found[1], 8)), path)
