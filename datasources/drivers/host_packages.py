"""Driver host_packages: Debian packages, the files they own, the updates that wait.

Reads dpkg's database and asks apt-get; works as an ordinary user.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from congress_dist.clock import utc_now

from ..driver import (
    UNCHANGED,
    Column,
    Driver,
    Option,
    Poll,
    SourceUnavailable,
    Table,
    TableRead,
    TableSchema,
    schema,
)
from .apt import Apt, is_outdated
from .dpkg import DpkgDatabase
from .file_tree import FileTree, printable

RUN_UPDATE = "run apt-get update"
_APT_TIMEOUT = 100.0
_RECHECK_AFTER = timedelta(days=1)


class HostPackages(Driver):
    """The packages of this machine, of dpkg and apt."""

    name = "host_packages"
    description = "Debian packages of this machine, their files and pending updates"
    options = (
        Option("root", "directory that stands for / (for tests)", default="/"),
        Option("apt_get", "the apt-get to ask for pending updates", default="apt-get"),
        Option(
            "lists_max_age_days",
            "age of apt's lists from which pending updates count as unknown; a week, because "
            "security updates come within days",
            type=int,
            default=7,
        ),
    )
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "packages": schema(
            Column("name", description="without architecture, as in the other tables"),
            Column("version", description="as dpkg compares it: epoch:upstream-revision"),
            Column("architecture", description="amd64, arm64, … or all"),
            description="installed packages",
        ),
        "package_files": schema(
            Column("path", description="canonical: links in its directory part are resolved"),
            Column("package", description="the package that owns the file"),
            description="files of packages, where diversions put them; no directories",
        ),
        "pending_updates": schema(
            Column("package", description="without architecture"),
            Column("installed", description="version installed now"),
            Column("candidate", description="version that apt would install"),
            description="what apt-get dist-upgrade would upgrade",
        ),
    }
    polls = (
        Poll("database", ("packages", "package_files"), interval=5.0, timeout=60.0),
        Poll("updates", ("pending_updates",), interval=30.0, timeout=120.0),
    )

    def __init__(
        self, config: Mapping[str, Any], *, wall_clock: Callable[[], datetime] = utc_now
    ) -> None:
        super().__init__(config)
        self._root = str(config.get("root") or "/")
        self._apt_get = str(config.get("apt_get") or "apt-get")
        self._lists_max_age = timedelta(days=int(config.get("lists_max_age_days") or 7))
        self._wall_clock = wall_clock
        self._database_seen: object = None
        self._updates_seen: object = None
        self._updates_read_at: datetime | None = None

    def read(self, poll: str) -> Mapping[str, TableRead]:
        """Read the tables of one poll; what did not change since the last read is UNCHANGED."""
        if poll == "database":
            return self._read_database()
        return {"pending_updates": self._read_updates()}

    def _read_database(self) -> Mapping[str, TableRead]:
        database = DpkgDatabase(FileTree(self._root))
        try:
            signature = database.signature()
        except SourceUnavailable as reason:
            self._database_seen = None
            return {"packages": reason, "package_files": reason}
        if signature == self._database_seen:
            return {"packages": UNCHANGED, "package_files": UNCHANGED}
        packages = [
            (package.name, package.version, package.architecture)
            for package in database.packages()
            if package.is_installed
        ]
        files = [(printable(path), package) for path, package in database.files()]
        # Ordering: only after both were read; a read that failed half-way is tried again.
        self._database_seen = signature
        return {"packages": Table(packages), "package_files": Table(files)}

    def _read_updates(self) -> TableRead:
        tree = FileTree(self._root)
        apt = Apt(tree, self._apt_get)
        now = self._wall_clock()
        try:
            installed = DpkgDatabase(tree).signature()
            last_update = apt.last_update()
            if is_outdated(last_update, now, self._lists_max_age):
                raise SourceUnavailable(RUN_UPDATE)
            if not self._is_due((installed, last_update), now):
                return UNCHANGED
            rows = [(u.package, u.installed, u.candidate) for u in apt.upgrades(_APT_TIMEOUT)]
        except SourceUnavailable as reason:
            self._updates_seen = None
            return reason
        self._updates_seen, self._updates_read_at = (installed, last_update), now
        return Table(rows, _expiry_note(apt.expired(now)))

    def _is_due(self, signature: object, now: datetime) -> bool:
        if signature != self._updates_seen or self._updates_read_at is None:
            return True
        return now - self._updates_read_at >= _RECHECK_AFTER


def _expiry_note(expired: list[str]) -> str:
    if not expired:
        return ""
    return f"{len(expired)} of apt's lists have expired: apt-get update may be failing"
