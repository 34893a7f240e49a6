"""Room on Python's stack for what nests deeply."""

from __future__ import annotations

import sys

FEW = 40
"""What nests no deeper than this needs no room: a few frames for each."""
_FRAMES = 10_000
"""Of which what nests as deep as it may needs some 4,000; the rest is for callers."""


def allow_deep_calls() -> None:
    """Let calls nest as deep as work on the deepest rules needs, from now on.

    Shapes: the limit is one of the whole process; it is raised once, when the first such rule is
        read, and stays: lowered again it could hit another thread.
    Promises: a limit that is higher already stays.
    """
    if sys.getrecursionlimit() < _FRAMES:
        sys.setrecursionlimit(_FRAMES)
