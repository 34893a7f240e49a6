"""dpkg's database: which packages are installed, which files they own, which content they had.

Shared by the host_packages and host_files drivers. Reads the files under /var/lib/dpkg, runs no
command. Imports the standard library and the driver contract only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..driver import SourceUnavailable
from .file_tree import FileTree

NO_DATABASE = "no dpkg database on this machine"
_FOLDER = "/var/lib/dpkg"
_ABSENT_STATES = frozenset({"not-installed", "config-files", "half-installed"})


@dataclass(frozen=True, slots=True)
class Package:
    """A package that dpkg knows. `state` is the third word of its Status field."""

    name: str
    version: str
    architecture: str
    state: str

    @property
    def is_installed(self) -> bool:
        """Tell whether the files of the package are unpacked on the machine."""
        return self.state not in _ABSENT_STATES


@dataclass(frozen=True, slots=True)
class Checksum:
    """What dpkg recorded of one file's content. `path` is canonical, after diversions."""

    path: str
    package: str
    md5: str


@dataclass(frozen=True, slots=True)
class _Diversion:
    to: str
    by: str  # the package that diverts, ":" for the administrator


class DpkgDatabase:
    """dpkg's database as it is now; make a new one for each read.

    Raises: SourceUnavailable: from every method, when the machine has no such database.
    """

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree
        self._info = tree.file(f"{_FOLDER}/info")

    def signature(self) -> tuple[object, ...]:
        """Give a value that changes whenever packages, their files or diversions do."""
        return (_stamp(self._status()), _stamp(self._tree.file(f"{_FOLDER}/diversions")))

    def packages(self) -> list[Package]:
        """Give all packages that dpkg knows, those with only configuration files left included."""
        with self._status().open(encoding="utf-8", errors="surrogateescape") as lines:
            return list(_read_packages(lines))

    def files(self) -> list[tuple[str, str]]:
        """Give (canonical path, package name) of every file that a package owns.

        Shapes: directories are left out, empty ones excepted; a file that several packages share
            has a row for each; a diverted file stands where it was diverted to.
        Cost: one line of dpkg's file lists each, one readlink per directory.
        """
        packages = self.packages()
        diversions = self._diversions()
        lists = self._info_names()
        canonical = self._tree.canonical
        rows: list[tuple[str, str]] = []
        for package in packages:
            paths = self._lines(package, "list", lists)
            # A directory is what another line continues: cheaper than 100,000 looks at the disk.
            directories = {path.rpartition("/")[0] for path in paths}
            for path in paths:
                if path not in directories and path != "/.":
                    actual = _after_diversion(path, package.name, diversions)
                    rows.append((canonical(actual), package.name))
        return rows

    def checksums(self, directories: Collection[str]) -> Iterator[Checksum]:
        """Give the recorded content of installed packages' files directly in `directories`.

        Shapes: `directories` and the paths given are canonical; configuration files are left out:
            they are there to be changed.
        """
        packages = [package for package in self.packages() if package.is_installed]
        diversions = self._diversions()
        lists = self._info_names()
        for package in packages:
            sums = self._lines(package, "md5sums", lists)
            conffiles = _conffile_paths(self._lines(package, "conffiles", lists))
            for md5, _, relative in (line.partition("  ") for line in sums):
                path = "/" + relative.removeprefix("./")
                if path in conffiles:
                    continue
                actual = self._tree.canonical(_after_diversion(path, package.name, diversions))
                if (actual.rpartition("/")[0] or "/") in directories:
                    yield Checksum(actual, package.name, md5)

    def _status(self) -> Path:
        status = self._tree.file(f"{_FOLDER}/status")
        if not status.is_file():
            raise SourceUnavailable(NO_DATABASE)
        return status

    def _info_names(self) -> frozenset[str]:
        return frozenset(entry.name for entry in self._info.iterdir())

    def _lines(self, package: Package, kind: str, names: frozenset[str]) -> list[str]:
        for stem in (package.name, f"{package.name}:{package.architecture}"):
            name = f"{stem}.{kind}"
            if name in names:
                text = (self._info / name).read_text("utf-8", "surrogateescape")
                return [line for line in text.split("\n") if line]
        return []

    def _diversions(self) -> dict[str, _Diversion]:
        """Give diversions by the path that they divert.

        As dpkg does, compare paths as they are written in the lists: a diversion of `/bin/sh` does
        not touch a package that ships `/usr/bin/sh`.
        """
        try:
            text = self._tree.file(f"{_FOLDER}/diversions").read_text("utf-8", "surrogateescape")
        except FileNotFoundError:
            return {}
        lines = text.split("\n")
        triples = zip(lines[::3], lines[1::3], lines[2::3], strict=False)
        return {path: _Diversion(to, by) for path, to, by in triples}


def _read_packages(lines: Iterator[str]) -> Iterator[Package]:
    fields: dict[str, str] = {}
    for line in lines:
        if line == "\n":
            yield from _package_of(fields)
            fields = {}
        elif line.startswith(("Package:", "Status:", "Version:", "Architecture:")):
            name, _, value = line.partition(":")
            fields[name] = value.strip()
    yield from _package_of(fields)


def _package_of(fields: dict[str, str]) -> Iterator[Package]:
    state = fields.get("Status", "").rpartition(" ")[2]
    if "Package" in fields and state not in ("", "not-installed"):
        version, architecture = fields.get("Version", ""), fields.get("Architecture", "")
        yield Package(fields["Package"], version, architecture, state)


def _after_diversion(path: str, package: str, diversions: dict[str, _Diversion]) -> str:
    diversion = diversions.get(path)
    return path if diversion is None or diversion.by == package else diversion.to


def _conffile_paths(lines: list[str]) -> frozenset[str]:
    # A line may begin with a flag: "remove-on-upgrade /etc/old.conf".
    return frozenset(line[line.index("/") :] for line in lines if "/" in line)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
