"""Wall clocks that jump: of one process each, never the machine's."""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("clock_jump.c")


def build_clock_jump(directory: Path) -> Path | None:
    """Compile what is loaded into each process; None where there is no compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    library = directory / "clock_jump.so"
    words = [compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", str(library)]
    subprocess.run([*words, str(SOURCE), "-ldl"], check=True, capture_output=True)
    return library


class WallClock:
    """The wall clock of one process."""

    def __init__(self, library: Path, path: Path) -> None:
        self._library = library
        self._path = path
        self.jump(0.0)

    def environment(self) -> dict[str, str]:
        """Give what a process is started with to have this clock."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_JUMP": str(self._path)}

    def jump(self, seconds: float) -> None:
        """Be so far from the machine's clock from now on."""
        # In place: the process has it mapped.
        with self._path.open("r+b" if self._path.exists() else "w+b") as file:
            file.write(struct.pack("<q", int(seconds * 1e9)))
