"""How far a long piece of work is: one line on a terminal, which is gone when the work ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

_MANY_RULES = 1000
"""Fewer rules than these are done in a tenth of a second or two."""

T = TypeVar("T")

_WORTH_TELLING = 20
"""Fewer steps than these are over before anybody reads."""


@contextmanager
def long_step(what: str, rules: int) -> Iterator[None]:
    """Say on standard error what is at work, while it is, if there are many rules to it."""
    if rules < _MANY_RULES or not sys.stderr.isatty():
        yield
        return
    sys.stderr.write(f"\r\x1b[K{what!s:.60}: {rules} rules")
    sys.stderr.flush()
    try:
        yield
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def with_progress(steps: Sequence[T], verb: str, name: Callable[[T], object] = str) -> Iterator[T]:
    """Give the steps, one after the other, and say on standard error which one is at work."""
    if len(steps) < _WORTH_TELLING or not sys.stderr.isatty():
        yield from steps
        return
    try:
        for number, step in enumerate(steps, 1):
            sys.stderr.write(f"\r\x1b[K{verb} {number} of {len(steps)}: {name(step)!s:.60}")
            sys.stderr.flush()
            yield step
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()
