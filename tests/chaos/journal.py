"""What a process did, line by line, in a file that outlives it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Line = dict[str, Any]


class Journal:
    """Written by a node process, by any of its threads."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def write(self, kind: str, **fields: Any) -> None:
        """Add a line, as a whole unless the process dies meanwhile."""
        os.write(self._fd, json.dumps({"kind": kind, **fields}).encode() + b"\n")


class JournalReader:
    """Follows a journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> Iterator[Line]:
        """Give the lines that are new and whole."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return  # its process writes it now, or died in it
                self._offset += len(line)
                yield json.loads(line)
