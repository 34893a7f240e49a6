"""Which processes of `congress up` do not run, in words, with what they last said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from congress_dist.errors import StartupError
from congress_dist.processes.supervision import ChildStatus, Phase

TRIES = 3
"""Starts in a row after which `--once` stops hoping; the reason is hardly one that passes."""
_TAIL_BYTES = 4096
_PREFIX = "congress: "
"""How a process begins the message it ends with."""


class Troubles:
    """The troubles of the children of one supervisor.

    Shapes: `statuses` gives what is known of each child; `log_dir` holds NAME.log of each.
    """

    def __init__(self, statuses: Callable[[], Sequence[ChildStatus]], log_dir: Path) -> None:
        self._statuses = statuses
        self._log_dir = log_dir

    def lines(self) -> list[str]:
        """Give a line for each process that ended and is not back yet."""
        return [self._words(status) for status in self._statuses() if _is_away(status)]

    def check_startup(self, names: Iterable[str]) -> None:
        """Do nothing unless one of the processes has ended time and again.

        Raises: StartupError: says which, why, and where its log is.
        """
        wanted = set(names)
        for status in self._statuses():
            if status.name in wanted and _is_away(status) and status.starts >= TRIES:
                raise StartupError(self._words(status), process=status.name)

    def _words(self, status: ChildStatus) -> str:
        log = self._log_dir / f"{status.name}.log"
        said = _last_message(log)
        why = f"{status.reason}: {said}" if said else status.reason
        return f"process {status.name} does not run, {why}; see {log}"


def _is_away(status: ChildStatus) -> bool:
    restarting = status.phase is Phase.STARTING and status.starts > 1
    return restarting or status.phase is Phase.WAITING


def _last_message(log: Path) -> str:
    """Give the last line of a log if a process ended with it: its message, or its error."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").rstrip().splitlines()
    except OSError:
        return ""
    last = lines[-1] if lines else ""
    # What it logged while it ran begins with the date.
    return "" if last[:4].isdigit() else last.removeprefix(_PREFIX)
