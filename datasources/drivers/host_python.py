"""Driver host_python: the distributions that each Python interpreter of this machine would import.

Runs each interpreter once to ask for its search path; the rest is reading directories.
"""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from ..driver import UNCHANGED, Column, Driver, Option, Poll, Table, TableRead, TableSchema, schema
from .file_tree import FileTree, printable

_INTERPRETER = re.compile(r"python3\.\d+$")
_METADATA_FOLDER = re.compile(r"^(?P<stem>.+)\.(?:dist|egg)-info$")
_METADATA_FILES = ("METADATA", "PKG-INFO")
_FOLDERS = ("/usr/bin", "/usr/local/bin")
_ASK_SEARCH_PATH = "import json, sys; print(json.dumps(sys.path))"
_ASK_TIMEOUT = 10.0

Row = tuple[str, str, str | None, str, str, int]


@dataclass(slots=True)
class _Reading:
    """What one read found: rows, and what kept it from finding all."""

    rows: list[Row] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unreadable: int = 0

    def note(self) -> str:
        parts = list(self.refused)
        if self.unreadable:
            parts.append(f"{self.unreadable} directories or metadata files not readable")
        return "; ".join(parts)


class HostPython(Driver):
    """The Python distributions of this machine, by interpreter and place in its search path."""

    name = "host_python"
    description = "Python distributions on the search path of each interpreter of this machine"
    options = (
        Option("root", "directory that stands for / (for tests)", default="/"),
        Option("folders", "where interpreters are looked for", type=list, default=_FOLDERS),
    )
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "python_distributions": schema(
            Column("interpreter", description="path of the program: /usr/bin/python3.11"),
            Column("name", description="normalised: lower case, - for runs of - _ ."),
            Column("version", nullable=True, description="null: its metadata has none"),
            Column("location", description="the search path directory that holds it"),
            Column("metadata", description="canonical path of its METADATA, PKG-INFO or egg-info"),
            Column("position", "int", description="of the location in the search path, from 0"),
            description="installed distributions; the lowest position wins an import",
        ),
    }
    polls = (Poll("distributions", ("python_distributions",), interval=60.0, timeout=60.0),)

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__(config)
        self._tree_root = str(config.get("root") or "/")
        self._folders = list(config.get("folders") or _FOLDERS)
        self._search_paths: dict[str, list[str]] = {}
        self._seen: object = None

    def read(self, poll: str) -> Mapping[str, TableRead]:  # noqa: ARG002 - there is one poll
        """Read the distributions, unless no directory that holds them has changed."""
        tree = FileTree(self._tree_root)
        interpreters = find_interpreters(tree, self._folders)
        if self._seen is not None and self._signature(tree, interpreters) == self._seen:
            return {"python_distributions": UNCHANGED}
        reading = _Reading()
        # A .pth file can change the search path, so ask again whenever a directory has changed.
        self._search_paths = {
            interpreter: _ask_search_path(tree, interpreter, reading)
            for interpreter in interpreters
        }
        # Ordering: before the directories are read; what changes after that is read next time.
        # An interpreter that gave no answer is asked again.
        self._seen = None if reading.refused else self._signature(tree, interpreters)
        for interpreter, entries in self._search_paths.items():
            for position, entry in enumerate(entries):
                reading.rows.extend(_rows_of(tree, interpreter, entry, position, reading))
        return {"python_distributions": Table(reading.rows, reading.note())}

    def _signature(self, tree: FileTree, interpreters: list[str]) -> object:
        paths = {entry for entries in self._search_paths.values() for entry in entries}
        return [(path, _modified(tree, path)) for path in [*interpreters, *sorted(paths)]]


def find_interpreters(tree: FileTree, folders: list[str]) -> list[str]:
    """Give the paths of the `python3.N` programs in the folders; two names of one file once."""
    found: dict[str, str] = {}
    for folder in folders:
        try:
            names = [entry.name for entry in tree.file(folder).iterdir()]
        except OSError:
            continue
        for name in sorted(names):
            path = f"{folder}/{name}"
            if _INTERPRETER.match(name) and os.access(tree.locate(path), os.X_OK):
                found.setdefault(tree.canonical_directory(path), path)
    return list(found.values())


def normalised(name: str) -> str:
    """Give the one spelling of a distribution's name.

    Source: PEP 503, normalized names.
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def _ask_search_path(tree: FileTree, interpreter: str, reading: _Reading) -> list[str]:
    program = tree.locate(interpreter)
    try:
        if not _is_trusted(Path(program).stat()):
            reading.refused.append(f"{interpreter} not asked: others than root could change it")
            return []
        done = subprocess.run(
            [program, "-I", "-B", "-c", _ASK_SEARCH_PATH],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_ASK_TIMEOUT,
            check=True,
            cwd="/",
        )
        entries = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        reading.refused.append(f"{interpreter} did not tell its search path: {error}")
        return []
    return [entry for entry in entries if isinstance(entry, str) and entry.startswith("/")]


def _is_trusted(program: os.stat_result) -> bool:
    """Tell whether running the program lets nobody act with rights that they do not have."""
    others_write = program.st_mode & stat.S_IWOTH
    group_writes = program.st_mode & stat.S_IWGRP and program.st_gid != 0
    return program.st_uid in (0, os.geteuid()) and not others_write and not group_writes


def _rows_of(
    tree: FileTree, interpreter: str, entry: str, position: int, reading: _Reading
) -> Iterator[Row]:
    try:
        names = sorted(item.name for item in tree.file(entry).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return  # a search path may name what is not there, and zip files
    except OSError:
        reading.unreadable += 1
        return
    for name in names:
        found = _METADATA_FOLDER.match(name)
        if found is None:
            continue
        try:
            path, text = _read_metadata(tree, f"{entry}/{name}")
        except OSError:
            reading.unreadable += 1
            continue
        stem_name, _, stem_version = found["stem"].partition("-")
        title, version = _header(text, "Name"), _header(text, "Version")
        yield (
            interpreter,
            normalised(title or printable(stem_name)),
            version or printable(stem_version) or None,
            printable(entry),
            printable(tree.canonical(path)),
            position,
        )


def _read_metadata(tree: FileTree, path: str) -> tuple[str, str]:
    """Give the path and text of the metadata of a `.dist-info` or `.egg-info`, file or folder."""
    for candidate in (*(f"{path}/{name}" for name in _METADATA_FILES), path):
        try:
            text = tree.file(candidate).read_text("utf-8", "backslashreplace")
        except (FileNotFoundError, NotADirectoryError):
            continue
        except IsADirectoryError:
            break
        return candidate, text
    return path, ""


def _header(text: str, name: str) -> str:
    head = f"\n{text}".partition("\n\n")[0]
    found = re.search(rf"^{name}:[ \t]*(.*)$", head, re.MULTILINE | re.IGNORECASE)
    return found[1].strip().replace("\0", "") if found else ""


def _modified(tree: FileTree, path: str) -> int | None:
    try:
        return tree.file(path).stat().st_mtime_ns
    except OSError:
        return None
