"""The machine's directory tree: canonical paths, and names that a table may hold.

Called by drivers that read files. Imports the standard library and the driver contract only.
"""

from __future__ import annotations

import os
from pathlib import Path

from ..driver import text_of

_LINKS_AT_MOST = 40  # as the kernel's limit: a longer chain is a loop


def printable(path: str) -> str:
    r"""Give a path as text that a table may hold: bytes that are not UTF-8 become `\xff`.

    A file's name is any bytes, and one bad name must not cost the whole table.
    """
    if path.isascii():
        return path
    return text_of(path.encode("utf-8", "surrogateescape"))


def root_hint() -> str:
    """Give the end of a note on what was not readable: what would help, "" if this is root."""
    return ", run as root to see them" if os.geteuid() else ""


class FileTree:
    """Paths below one root directory, with their symbolic links resolved inside that root.

    Remembers what it resolved, for speed: make a new one for each read.
    """

    def __init__(self, root: str = "/") -> None:
        self._root = root.rstrip("/")
        self._canonical: dict[str, str] = {}
        self._targets: dict[str, str | None] = {}

    def locate(self, path: str) -> str:
        """Give where a path of this tree lies for system calls."""
        return self._root + path

    def file(self, path: str) -> Path:
        """Give a path of this tree to open or to look at."""
        return Path(self._root + path)

    def canonical(self, path: str) -> str:
        """Give the path with its directory part resolved; the last name stays, link or not.

        Shapes: `/bin/mount` becomes `/usr/bin/mount` where `/bin` is a link to `usr/bin`.
        """
        directory, _, name = path.rpartition("/")
        parent = self.canonical_directory(directory)
        return f"{parent}/{name}" if parent != "/" else f"/{name}"

    def canonical_directory(self, path: str) -> str:
        """Give the path with every symbolic link in it resolved, the last name included.

        Promises: names that do not exist, and links beyond the fortieth, stay as they are.
        """
        known = self._canonical.get(path)
        if known is None:
            known = self._canonical[path] = self._resolve(path)
        return known

    def _resolve(self, path: str) -> str:
        here = ""
        pending = path.split("/")[::-1]
        links = 0
        while pending:
            name = pending.pop()
            if name in ("", "."):
                continue
            if name == "..":
                here = here.rpartition("/")[0]
                continue
            step = f"{here}/{name}"
            target = self._target(step)
            if target is None or links == _LINKS_AT_MOST:
                here = step
                continue
            links += 1
            if target.startswith("/"):
                here = ""
            pending.extend(reversed(target.split("/")))
        return here or "/"

    def _target(self, path: str) -> str | None:
        if path not in self._targets:
            try:
                self._targets[path] = str(Path(self._root + path).readlink())
            except (OSError, ValueError):  # no link, not there, not ours to see, NUL in the path
                self._targets[path] = None
        return self._targets[path]
