"""A small Debian machine in a temporary directory, for the drivers that read files."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from congress_dist.datasources.driver import Driver, Table


@dataclass
class FakeHost:
    """Writes the files that the drivers read, below `root`."""

    root: Path
    packages: list[str] = field(default_factory=list)

    @property
    def config(self) -> dict[str, Any]:
        return {"root": str(self.root)}

    def path(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def write(self, path: str, content: str = "", mode: int = 0o644) -> Path:
        file = self.path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        file.chmod(mode)
        return file

    def directory(self, path: str, mode: int = 0o755) -> Path:
        directory = self.path(path)
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)
        return directory

    def link(self, path: str, target: str) -> None:
        link = self.path(path)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)

    def merged_usr(self) -> None:
        """Make /bin a link to usr/bin, as Debian does since 2019."""
        self.directory("/usr/bin")
        self.link("/bin", "usr/bin")

    def package(
        self,
        name: str,
        files: Mapping[str, str] | None = None,
        *,
        version: str = "1.0",
        state: str = "install ok installed",
        architecture: str = "amd64",
        list_name: str | None = None,
        conffiles: Iterable[str] = (),
    ) -> None:
        """Record a package with the content that its files had; writes none of the files."""
        files = files or {}
        fields = {
            "Package": name,
            "Status": state,
            "Architecture": architecture,
            "Version": version,
            "Description": "a package\n of the test",
        }
        self.packages.append("".join(f"{key}: {value}\n" for key, value in fields.items()))
        self.write("/var/lib/dpkg/status", "\n".join(self.packages))
        stem = f"/var/lib/dpkg/info/{list_name or name}"
        folders = {str(parent) for path in files for parent in Path(path).parents} - {"/"}
        self.write(f"{stem}.list", "\n".join(["/.", *sorted(folders), *files]) + "\n")
        sums = [f"{hashlib.md5(c.encode()).hexdigest()}  {p[1:]}" for p, c in files.items()]  # noqa: S324
        self.write(f"{stem}.md5sums", "\n".join(sums) + "\n")
        if conffiles:
            self.write(f"{stem}.conffiles", "\n".join(conffiles) + "\n")

    def divert(self, path: str, to: str, by: str) -> None:
        file = self.path("/var/lib/dpkg/diversions")
        before = file.read_text() if file.exists() else ""
        self.write("/var/lib/dpkg/diversions", f"{before}{path}\n{to}\n{by}\n")

    def apt_updated(self, at: datetime) -> None:
        """Leave what `apt-get update` leaves: lists with the server's dates, a touched folder."""
        self.write("/var/lib/apt/lists/deb.example_InRelease", "Suite: stable\n")
        self.directory("/var/lib/apt/lists/partial")
        os.utime(self.path("/var/lib/apt/lists/deb.example_InRelease"), (0, 0))
        os.utime(self.path("/var/lib/apt/lists/partial"), (at.timestamp(), at.timestamp()))

    def script(self, path: str, text: str) -> str:
        """Write a program and give its path."""
        return str(self.write(path, f"#!/bin/sh\n{text}\n", 0o755))

    def process(
        self, pid: int, name: str, path: str | None = None, *, uid: int = 0, kernel: bool = False
    ) -> None:
        memory = "" if kernel else "VmSize:\t  100 kB\n"
        self.write(f"/proc/{pid}/status", f"Name:\t{name}\nUid:\t{uid}\t{uid}\t0\t0\n{memory}")
        environment = "HOME=/\0" if path is None else f"HOME=/\0PATH={path}\0LANG=C\0"
        self.write(f"/proc/{pid}/environ", "" if kernel else environment)

    def mounts(self, *paths: str) -> None:
        lines = [f"{n} 1 0:{n} / {path} rw - ext4 /dev/sda rw" for n, path in enumerate(paths)]
        self.write("/proc/self/mountinfo", "\n".join(lines) + "\n")


@pytest.fixture
def host(tmp_path: Path) -> Iterator[FakeHost]:
    """An empty machine."""
    root = tmp_path / "root"
    root.mkdir()
    yield FakeHost(root)
    # pytest keeps its directories: no setuid file must stay on the real machine.
    shutil.rmtree(root)


@pytest.fixture
def rows_of():
    """Read one table of a driver and give its rows as a set."""

    def read(driver: Driver, table: str) -> set[tuple[Any, ...]]:
        (poll,) = [poll.name for poll in driver.polls if table in poll.tables]
        found = driver.read(poll)[table]
        assert isinstance(found, Table), found
        rows = list(found.rows)
        width = len(driver.tables[table].columns)
        assert all(len(row) == width for row in rows)
        return set(rows)

    return read
