"""Standard output of a command: what its encoding lacks, and that it may be full or closed."""

from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

_LOST = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})
"""With what the write of a stream fails; that of a named file is told with its name."""


class ClosedOutput(io.TextIOBase):
    """What takes the place of a standard output that the shell closed (`>&-`)."""

    def write(self, _text: str, /) -> int:
        """Refuse. Raises: OSError."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def prepare() -> None:
    """Make the standard streams fit for any text.

    Shapes: a character that the terminal's encoding lacks is written as `?`, instead of failing.
    """
    if sys.stdout is None:
        sys.stdout = ClosedOutput()
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def is_lost(error: OSError) -> bool:
    """Tell whether an error is of standard output; if so, nothing is written to it any more."""
    if error.filename is not None or error.errno not in _LOST:
        return False
    if not isinstance(sys.stdout, ClosedOutput):
        # The interpreter flushes once more at its end, and would complain.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return True
