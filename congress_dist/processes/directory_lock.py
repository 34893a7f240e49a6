"""A data directory has one owner at a time; the kernel lets go of the lock when the owner dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ..errors import StartupError

_ENOUGH_FOR_A_PID = 32


class DirectoryLock:
    """The file `lock` of a data directory, with its owner's process id in it."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._descriptor: int | None = None

    def take(self) -> None:
        """Make the directory if it is not there, and own it; idempotent.

        Raises: StartupError: another process owns it (names it), or it cannot be written.
        """
        if self._descriptor is not None:
            return
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._data_dir / "lock", flags, 0o600)
        except OSError as error:
            raise self._refused(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, b"%d\n" % os.getpid())
        except BlockingIOError as error:
            owner = _read_pid(descriptor)
            os.close(descriptor)
            raise self._owned(owner) from error
        except OSError as error:
            os.close(descriptor)
            raise self._refused(error) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; the file stays, because removing it would let two owners in. Idempotent."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _owned(self, owner: str) -> StartupError:
        return StartupError(
            f"data directory '{self._data_dir}' is in use by process {owner}; stop that one, or "
            "choose another directory with --data-dir",
            pid=owner,
            data_dir=str(self._data_dir),
        )

    def _refused(self, error: OSError) -> StartupError:
        return StartupError(
            f"data directory '{self._data_dir}' cannot be used: {error.strerror}; choose "
            "another with --data-dir",
            data_dir=str(self._data_dir),
        )


def _read_pid(descriptor: int) -> str:
    return os.pread(descriptor, _ENOUGH_FOR_A_PID, 0).decode("ascii", "replace").strip() or "?"
