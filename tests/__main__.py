"""All tests, as `make test` runs them; arguments are pytest's.

Those that need no other process run on all processors; those of real systems one after the other,
because they have deadlines.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Sequence

import pytest

HALVES = (("-n", "auto", "-m", "not integration"), ("-m", "integration"))


def main(arguments: Sequence[str]) -> int:
    """Run both halves; give pytest's code: that of the half that went worse.

    Shapes: that nothing was selected counts only when no half had anything.
    """
    # The terminal's Ctrl-C reaches pytest too, which ends in its own time.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    codes = []
    for half in HALVES:
        codes.append(subprocess.call([sys.executable, "-m", "pytest", *half, *arguments]))
        if codes[-1] == pytest.ExitCode.INTERRUPTED:
            break
    told = [code for code in codes if code != pytest.ExitCode.NO_TESTS_COLLECTED]
    return max(told, default=int(pytest.ExitCode.NO_TESTS_COLLECTED))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
