"""What all sources read: tables that follow from one number, so that anybody can check a copy.

The number, the version, is in a file that every process maps. Each step touches one row of one
table, and the rows in the first two tables that hold the version itself.
"""

from __future__ import annotations

import mmap
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from congress_dist.row import Cell, encode_row

COLUMNS = ("id", "name", "host", "status", "stamp")
VERSION = "version"
"""First cell of the rows whose last cell is the version."""
_MODULUS = 2**128

Cells = tuple[str, str, str, str, int]


@dataclass(frozen=True, slots=True)
class Shape:
    """How much there is: so many tables (two at least) of so many rows."""

    tables: int
    rows: int

    def table_names(self) -> list[str]:
        """Give the names of the tables, those with the version first."""
        return [f"t{number}" for number in range(self.tables)]

    def rows_at(self, table: int, version: int) -> Iterator[Cells]:
        """Give all rows of a table at a version."""
        if table < 2:
            yield version_row(version)
        touches = (version - table) // self.tables if version >= table else -1
        for row in range(self.rows):
            newest = touches - (touches - row) % self.rows
            yield plain_row(row, newest * self.tables + table if newest >= 0 else 0)

    def touched_between(self, before: int, version: int) -> set[int]:
        """Give the tables that differ between a version and a later one."""
        steps = range(max(before + 1, version - self.tables + 1), version + 1)
        touched = {step % self.tables for step in steps}
        return touched | {0, 1} if version > before else touched

    def step(self, version: int) -> tuple[int, Cells, Cells]:
        """Give what the step to a version touches: the table, and the row before and after."""
        table, row = version % self.tables, version // self.tables % self.rows
        before = max(0, version - self.tables * self.rows)
        return table, plain_row(row, before), plain_row(row, version)


class Truth:
    """The digest that all tables together have at each version."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._digests: list[int] = []

    def digest(self, version: int) -> int:
        """Give the digest at a version.

        Cost: proportional to the steps that were not asked for before; the first time also to all
            rows.
        """
        if not self._digests:
            self._digests.append(self._first())
        while len(self._digests) <= version:
            self._digests.append(self._after(len(self._digests)))
        return self._digests[version]

    def _first(self) -> int:
        whole = (
            digest_of(name, map(encode_row, self._shape.rows_at(number, 0)))
            for number, name in enumerate(self._shape.table_names())
        )
        return sum(whole) % _MODULUS

    def _after(self, version: int) -> int:
        table, before, after = self._shape.step(version)
        changes = [(table, before, after)]
        changes += [(n, version_row(version - 1), version_row(version)) for n in (0, 1)]
        total = self._digests[version - 1]
        for number, old, new in changes:
            name = f"t{number}"
            total += digest_of(name, [encode_row(new)]) - digest_of(name, [encode_row(old)])
        return total % _MODULUS


class CloudFile:
    """The version as all processes see it."""

    def __init__(self, path: Path) -> None:
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    @staticmethod
    def create(path: Path) -> CloudFile:
        """Make the file, at version 0."""
        path.write_bytes(bytes(8))
        return CloudFile(path)

    @property
    def version(self) -> int:
        """The present version."""
        found: int = struct.unpack_from("<q", self._map)[0]
        return found

    @version.setter
    def version(self, version: int) -> None:
        struct.pack_into("<q", self._map, 0, version)


class Cloud:
    """The version as the world moves it, and since when it has been what it is."""

    def __init__(self, path: Path, shape: Shape, rate: float) -> None:
        self.path = path
        self.shape = shape
        self._file = CloudFile.create(path)
        self._begins = [time.monotonic()]
        self._interval = 1.0 / rate
        self._lock = threading.Lock()
        self._moves = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cloud", daemon=True)

    @property
    def version(self) -> int:
        """The present version."""
        return len(self._begins) - 1

    def end_of(self, version: int) -> float | None:
        """Give when a version ended, None while it has not."""
        following = version + 1
        return self._begins[following] if following < len(self._begins) else None

    def start(self) -> None:
        """Begin; it moves when it is told to."""
        self._thread.start()

    def move(self) -> None:
        """Go from version to version."""
        with self._lock:
            self._moves = True

    def stand(self) -> None:
        """Stay at the present version."""
        with self._lock:
            self._moves = False

    def stop(self) -> None:
        """End; idempotent."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._interval):
            with self._lock:
                if self._moves:
                    # Ordering: who reads the next version finds out when the last one ended.
                    self._begins.append(time.monotonic())
                    self._file.version = self.version


def version_row(version: int) -> Cells:
    """Give the row that holds the version."""
    return VERSION, "", "", "", version


def plain_row(row: int, stamp: int) -> Cells:
    """Give a row that a step touched."""
    return f"row-{row}", f"name-{row}", f"host-{row % 100}", "up", stamp


def digest_of(table: str, rows: Iterable[bytes]) -> int:
    """Give the order-free digest of rows in their table; not the product's own one."""
    key = table.encode()
    found = (blake2b(row, digest_size=16, key=key).digest() for row in rows)
    return sum(int.from_bytes(digest, "big") for digest in found) % _MODULUS


def digest_after(total: int, table: str, removed: Iterable[bytes], added: Iterable[bytes]) -> int:
    """Give a digest after rows came and went."""
    return (total + digest_of(table, added) - digest_of(table, removed)) % _MODULUS


def version_of(cells: tuple[Cell, ...]) -> int | None:
    """Give the version that a row holds, if it is such a row."""
    return int(cells[-1] or 0) if cells[0] == VERSION else None
