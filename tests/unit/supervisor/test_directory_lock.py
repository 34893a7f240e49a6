"""One owner of a data directory at a time."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from congress_dist.errors import StartupError
from congress_dist.processes.directory_lock import DirectoryLock


def test_second_owner_is_refused_and_told_who_the_first_is(tmp_path: Path) -> None:
    first, second = DirectoryLock(tmp_path), DirectoryLock(tmp_path)
    first.take()

    with pytest.raises(StartupError, match=f"in use by process {os.getpid()}; stop that one"):
        second.take()
    first.release()
    second.take()
    second.release()


def test_taking_twice_and_releasing_twice_is_harmless(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.take()
    lock.take()
    lock.release()
    lock.release()


def test_missing_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path / "a" / "b")
    lock.take()
    lock.release()

    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_directory_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StartupError, match="cannot be used: Not a directory"):
        DirectoryLock(tmp_path / "file" / "dir").take()


def test_pid_of_a_former_owner_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("123456789012345\n")
    lock = DirectoryLock(tmp_path)
    lock.take()
    lock.release()

    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
