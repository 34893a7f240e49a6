"""Which drivers are installed: found by the entry point group `congress_dist.drivers`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from typing import Any

from stevedore import NamedExtensionManager

from congress_dist.errors import StartupError

from .driver import Driver

GROUP = "congress_dist.drivers"


def driver_names() -> list[str]:
    """Give the names of the installed drivers, sorted; imports none of them."""
    return sorted(_manager(names=[]).entry_points_names())


def load_driver(name: str) -> type[Driver]:
    """Give the class of an installed driver; imports no other one.

    Raises: StartupError: no driver has that name (says which are near), or it cannot be imported.
    """
    manager = _manager(names=[name])
    if name not in manager.names():
        raise StartupError(f"there is no driver {name!r}{did_you_mean(name, driver_names())}")
    found = manager[name].plugin
    if not (isinstance(found, type) and issubclass(found, Driver)):
        raise StartupError(f"driver {name!r}: {found!r} is not a Driver")
    return found


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Give the part of a message that says which known words were meant or possible."""
    near = get_close_matches(word, known, n=1)
    if near:
        return f", did you mean {near[0]!r}?"
    return f"; known: {', '.join(sorted(known))}" if known else ""


def _manager(*, names: list[str]) -> NamedExtensionManager[Any]:
    return NamedExtensionManager(
        GROUP,
        names=names,
        on_load_failure_callback=_refuse,
        on_missing_entrypoints_callback=_leave_out,
    )


def _refuse(_manager: Any, entry: EntryPoint, error: BaseException) -> None:
    raise StartupError(f"driver {entry.name!r} cannot be imported: {error}") from error


def _leave_out(_names: Iterable[str]) -> None:
    """Let the caller say what is missing, in words of its own."""
