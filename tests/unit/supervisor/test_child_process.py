"""Starting a child when the machine runs out of something."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest

from congress_dist.processes import child_process
from congress_dist.processes.child_process import spawn_child


def open_descriptors() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_child_that_cannot_be_watched_is_not_left_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[int] = []

    def refuse(pid: int) -> int:
        watched.append(pid)
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(child_process.os, "pidfd_open", refuse)
    before = open_descriptors()
    argv = [sys.executable, "-c", "import signal; signal.pause()"]
    with pytest.raises(OSError, match="too many"):
        spawn_child(argv, tmp_path / "log", incarnation="i", replaces=None)

    (pid,) = watched
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert open_descriptors() == before
