"""Text files: read, and written as a whole; what goes wrong names the file.

Foreign exceptions of files and of YAML end here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from congress_dist.errors import InvalidRequest, NotFound


def read_text(path: Path) -> str:
    """Give the text of a file, without a byte order mark.

    Raises: NotFound: there is no such file. InvalidRequest: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise NotFound(f"there is no file '{path}'", path=str(path)) from error
    except OSError as error:
        raise _refused(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _refused(path, f"is not UTF-8: {error}; save it as UTF-8") from error


def yaml_value(text: str, path: Path) -> Any:
    """Give what a text says in YAML; `path` is where it comes from.

    Raises: InvalidRequest: it is not YAML.
    """
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
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


def make_directory(path: Path) -> None:
    """Make a directory and those above it, where there is none.

    Raises: InvalidRequest: it cannot be made.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refused(path, f"cannot be made a directory: {error.strerror}") from error


def _refused(path: Path, what: str) -> InvalidRequest:
    return InvalidRequest(f"'{path}' {what}", path=str(path))
