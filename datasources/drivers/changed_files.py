"""The search for packaged programs whose content is not what their package brought.

Used by the host_files driver; reads every program in the search path once.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from .dpkg import Checksum, DpkgDatabase
from .file_tree import FileTree, root_hint


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """A packaged file that is not as packaged.

    Shapes: `kind` is "content" (a file with other content) or "type" (a link, a device … stands
        where the package brought a file).
    """

    path: str
    package: str
    kind: str


@dataclass(slots=True)
class ChangeScan:
    """What one scan found and how far it came."""

    files: list[ChangedFile] = field(default_factory=list)
    looked_at: int = 0
    unreadable: int = 0
    left: int = 0

    def note(self) -> str:
        """Say what was not compared, "" when nothing."""
        parts = []
        if self.unreadable:
            counts = f"{self.unreadable} of {self.looked_at} files"
            parts.append(f"{counts} not readable{root_hint()}")
        if self.left:
            parts.append(f"stopped for time with {self.left} files to go")
        return "; ".join(parts)


def scan_changes(
    database: DpkgDatabase,
    tree: FileTree,
    directories: Collection[str],
    is_over: Callable[[], bool],
) -> ChangeScan:
    """Compare the packaged files directly in `directories` with dpkg's checksums.

    Shapes: configuration files and files that are gone are not listed.
    Promises: a file that an upgrade replaced during the scan is not listed; ends soon after
        `is_over` says so, with what was found until then.
    Raises: SourceUnavailable: the machine has no dpkg database.
    Cost: reads every such file once.
    """
    scan = ChangeScan()
    recorded = list(database.checksums(directories))
    suspects: list[tuple[Checksum, str]] = []
    for index, checksum in enumerate(recorded):
        if is_over():
            scan.left = len(recorded) - index
            break
        kind = _compare(checksum, tree, scan)
        if kind:
            suspects.append((checksum, kind))
    # Ordering: look at the database again last: dpkg records checksums after it unpacks files.
    still_recorded = set(database.checksums(directories)) if suspects else set()
    scan.files = [
        ChangedFile(checksum.path, checksum.package, kind)
        for checksum, kind in suspects
        if checksum in still_recorded
    ]
    return scan


def _compare(checksum: Checksum, tree: FileTree, scan: ChangeScan) -> str:
    file = tree.file(checksum.path)
    try:
        if not stat.S_ISREG(file.lstat().st_mode):
            return "type"
        scan.looked_at += 1
        with file.open("rb") as content:
            found = hashlib.file_digest(content, _md5).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError:
        scan.unreadable += 1
        return ""
    return "" if found == checksum.md5 else "content"


def _md5() -> hashlib._Hash:
    return hashlib.md5(usedforsecurity=False)  # dpkg records no other
