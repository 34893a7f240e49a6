"""One running child as the supervisor holds it: its process, its pipe of beats, its log."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

MAX_LOG_BYTES = 16 * 1024 * 1024
_BEATS_AT_ONCE = 4096
_FEW_ARENAS = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "131072"}
"""What glibc's allocator does with many threads otherwise: an arena each, which large tables leave
half empty. Measured on the policy process with 100,000 rows: 155 MB, with these 141 MB."""


class ChildProcess:
    """A process in a session of its own, so that Ctrl-C in the terminal does not reach it."""

    def __init__(self, process: subprocess.Popen[bytes], beat_fd: int) -> None:
        self.beat_fd = beat_fd
        """Readable when the child beat, or closed its end."""
        self.exit_fd = os.pidfd_open(process.pid)
        """Readable when the child ended."""
        self._process = process

    @property
    def pid(self) -> int:
        """Give the process id, which is also that of its group."""
        return self._process.pid

    def read_beats(self) -> bool | None:
        """Take what is in the pipe: True after a beat, False if there is none, None at its end."""
        try:
            return True if os.read(self.beat_fd, _BEATS_AT_ONCE) else None
        except BlockingIOError:
            return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal; SIGKILL goes to the whole group."""
        with suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(self.pid, number)
            else:
                self._process.send_signal(number)

    def reap(self) -> str:
        """Take the end of the child, with what it left running, and say in words how it ended.

        Promises: the descriptors are closed.
        """
        # Ordering: before the child is reaped; later its group's number may be another's.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        status = self._process.wait()
        os.close(self.beat_fd)
        os.close(self.exit_fd)
        if status >= 0:
            return f"ended with status {status}"
        return f"killed by {signal.Signals(-status).name}"


def spawn_child(
    argv: Sequence[str], log_file: Path, *, incarnation: str, replaces: str | None
) -> ChildProcess:
    """Start a child with its identity, its predecessor's, and a pipe to beat into.

    Raises: OSError: the log cannot be written, or the program not run.
    """
    beat_fd, alive_fd = os.pipe()
    try:
        os.set_blocking(beat_fd, False)
        more = ["--incarnation", incarnation, "--alive-fd", str(alive_fd)]
        if replaces is not None:
            more += ["--replaces", replaces]
        with _open_log(log_file) as log:
            process = subprocess.Popen(
                [*argv, *more],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=[alive_fd],
                start_new_session=True,
                env={**_FEW_ARENAS, **os.environ},
            )
        return _held(process, beat_fd)
    except OSError:
        os.close(beat_fd)
        raise
    finally:
        # Ordering: only the child holds this end now, so that its end ends the pipe.
        os.close(alive_fd)


def _held(process: subprocess.Popen[bytes], beat_fd: int) -> ChildProcess:
    try:
        return ChildProcess(process, beat_fd)
    except OSError:
        # Nobody would notice its end, and another would be started beside it.
        process.kill()
        process.wait()
        raise


def _open_log(log_file: Path) -> BinaryIO:
    with suppress(FileNotFoundError):
        if log_file.stat().st_size > MAX_LOG_BYTES:
            log_file.replace(log_file.with_name(f"{log_file.name}.1"))
    return log_file.open("ab")
