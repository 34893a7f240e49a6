"""Keeping Python's cycle collector away while many objects are made, of which none is garbage."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_depth = 0
_was_enabled = False


@contextmanager
def without_collection() -> Iterator[None]:
    """Put the collector off until the last thread inside has left.

    A megabyte of facts becomes millions of objects; looking at all of them again and again took
    more time than reading the text. Those that are left at the end count as old, else the next
    collection would look at each of them at once.
    """
    global _depth, _was_enabled
    with _lock:
        if _depth == 0:
            _was_enabled = gc.isenabled()
            gc.disable()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0 and _was_enabled:
                _take_for_old()
                gc.enable()


def _take_for_old() -> None:
    """Move all objects to the oldest generation, without looking at any."""
    if gc.get_freeze_count() == 0:  # else this would thaw what somebody wants to keep frozen
        gc.freeze()
        gc.unfreeze()
