"""apt's view of the machine: how old its lists are, and what it would upgrade.

Used by the host_packages driver. Works as an ordinary user: nothing is locked or written.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from ..driver import SourceUnavailable
from .file_tree import FileTree

_LISTS = "/var/lib/apt/lists"
_UPDATE_SUCCEEDED = "/var/lib/apt/periodic/update-success-stamp"
_READ_ONLY = (
    "-o",
    "Debug::NoLocking=true",
    # As root apt would write its caches; without them an answer takes 2.2 s instead of 1.4 s.
    "-o",
    "Dir::Cache::pkgcache=",
    "-o",
    "Dir::Cache::srcpkgcache=",
)
_SIMULATE = ("--simulate", *_READ_ONLY, "dist-upgrade")
_UPGRADE_LINE = re.compile(r"^Inst ([^\s:]+)\S* \[([^\s\]]+)\] \(([^\s)]+)")
_VALID_UNTIL = re.compile(r"^Valid-Until: (.+)$", re.MULTILINE)
_RELEASE_HEAD_BYTES = 4096  # the fields before the checksums


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A package that apt would upgrade, with both versions."""

    package: str
    installed: str
    candidate: str


class Apt:
    """apt on one machine. `command` is the apt-get to run."""

    def __init__(self, tree: FileTree, command: str = "apt-get") -> None:
        self._tree = tree
        self._command = command

    def last_update(self) -> datetime | None:
        """Give when the lists were last brought up to date, None when there are none.

        apt touches `lists/partial` in each update, also when the server has nothing new. The age
        of the lists themselves is no sign: they carry the time when the server published them.
        """
        if not self._release_files():
            return None
        stamps = [self._modified(f"{_LISTS}/partial"), self._modified(_UPDATE_SUCCEEDED)]
        known = [stamp for stamp in stamps if stamp is not None]
        return max(known, default=self._modified(_LISTS))

    def expired(self, now: datetime) -> list[str]:
        """Give the lists whose own end of validity has passed: a sign that updates have failed."""
        return [name for name in self._release_files() if self._is_expired(name, now)]

    def upgrades(self, timeout: float) -> list[Upgrade]:
        """Ask apt what `apt-get dist-upgrade` would upgrade now.

        Raises: SourceUnavailable: apt-get is not there, failed, or took longer than `timeout`.
        """
        command = [self._command, *_SIMULATE]
        try:
            done = subprocess.run(
                command,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise SourceUnavailable(f"{self._command} is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise SourceUnavailable(f"apt-get took longer than {timeout:g} s") from error
        if done.returncode != 0:
            raise SourceUnavailable(f"apt-get failed: {_first_error(done.stderr)}")
        found = (_UPGRADE_LINE.match(line) for line in done.stdout.splitlines())
        return [Upgrade(*line.groups()) for line in found if line is not None]

    def _release_files(self) -> list[str]:
        try:
            names = [entry.name for entry in self._tree.file(_LISTS).iterdir()]
        except OSError:
            return []
        return sorted(name for name in names if name.endswith("Release"))

    def _is_expired(self, name: str, now: datetime) -> bool:
        try:
            with self._tree.file(f"{_LISTS}/{name}").open("rb") as file:
                head = file.read(_RELEASE_HEAD_BYTES).decode("utf-8", "replace")
        except OSError:
            return False
        line = _VALID_UNTIL.search(head)
        return line is not None and _date(line[1]) < now

    def _modified(self, path: str) -> datetime | None:
        try:
            return datetime.fromtimestamp(self._tree.file(path).stat().st_mtime, UTC)
        except OSError:
            return None


def is_outdated(last_update: datetime | None, now: datetime, limit: timedelta) -> bool:
    """Tell whether lists updated then are too old to say what is pending now."""
    return last_update is None or now - last_update > limit


def _date(text: str) -> datetime:
    try:
        date = parsedate_to_datetime(text.strip())
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return date if date.tzinfo is not None else date.replace(tzinfo=UTC)


def _first_error(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.startswith("E:")]
    return lines[0] if lines else "no message"
