"""Text files: read, and written as a whole; what goes wrong names the file.

Foreign exceptions of files and of YAML end here.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from congress_dist.errors import InvalidRequest, NotFound


def read_text(path: Path) -> str:
    """Give the text of a file, without a byte order mark.

    Raises: NotFound: there is no such file. InvalidRequest: it cannot be read, or is not UTF-8.
    """
    return decoded(read_bytes(path), path)


def read_bytes(path: Path) -> bytes:
    """Give what is in a file.

    Raises: NotFound: there is no such file. InvalidRequest: it cannot be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise NotFound(f"there is no file '{path}'", path=str(path)) from error
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error


def decoded(data: bytes, path: Path) -> str:
    """Give bytes of a file as text, without a byte order mark; `path` is where they come from.

    Raises: InvalidRequest: they are not UTF-8; says in which line.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refused(path, f"is not UTF-8: line {line}: {error}; save it as UTF-8") from error


def is_directory(path: Path) -> bool:
    """Tell whether a path is a directory. Raises: InvalidRequest: nobody may look."""
    try:
        return path.is_dir()
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error


def entries_of(directory: Path) -> list[Path]:
    """Give what is in a directory, sorted. Raises: InvalidRequest: it cannot be read."""
    # Why not Path.glob: it finds nothing where it may not read.
    try:
        return sorted(directory.iterdir())
    except OSError as error:
        raise _refused(directory, f"cannot be read: {error.strerror}") from error


def files_below(directory: Path) -> Iterator[Path]:
    """Give the files of a directory and of those in it, sorted in each; links are not followed.

    Raises: InvalidRequest: one of the directories cannot be read.
    """
    for path in entries_of(directory):
        if is_directory(path) and not path.is_symlink():
            yield from files_below(path)
        else:
            yield path


def yaml_value(text: str, path: Path) -> Any:
    """Give what a text says in YAML; `path` is where it comes from.

    Raises: InvalidRequest: it is not YAML, or a key stands twice.
    """
    from yaml import YAMLError

    from .yaml_text import read_yaml

    try:
        return read_yaml(text)
    except (YAMLError, ValueError, RecursionError) as error:
        raise _refused(path, f"is not YAML: {error}") from error


def replace_text(path: Path, text: str) -> None:
    """Write a file as a whole, so that an interruption leaves the old one or the new one.

    Shapes: the permissions of an older file stay, a link goes on to lead to it; what is no file,
        like a pipe, is written to.
    Raises: InvalidRequest: it cannot be written.
    """
    target = path.resolve()
    new = target.with_name(f".{target.name}.new")
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
            return
        new.write_text(text, encoding="utf-8")
        if target.exists():
            new.chmod(target.stat().st_mode)
        new.replace(target)
    except OSError as error:
        if new.is_file():
            new.unlink()
        raise _refused(path, f"cannot be written: {error.strerror}") from error


def _refused(path: Path, what: str) -> InvalidRequest:
    return InvalidRequest(f"'{path}' {what}", path=str(path))
