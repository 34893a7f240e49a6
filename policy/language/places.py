"""From offsets in a text to lines and columns; worked out for diagnostics only."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from .ast import Span
from .diagnostics import Diagnostic

_SHOWN = 200
"""Characters of a line that are shown; more is no help, and many findings may be on one line."""
_BEFORE = 60


class Place(NamedTuple):
    """Where something is in a text, with the line to show; the names are those of a diagnostic.

    Units: line and columns count from 1; `length` is within the line.
    """

    line: int
    column: int
    length: int
    text: str
    text_column: int


def place_of(text: str, span: Span, *, line_starts: list[int]) -> Place:
    """Give the place of a span.

    Cost: does not grow with the line.
    """
    start = min(span.start, len(text))
    line = bisect_right(line_starts, start)
    first = line_starts[line - 1]
    last = line_starts[line] - 1 if line < len(line_starts) else len(text)
    length = max(1, min(span.end, last) - start)
    begin, end = _window(first, last, start)
    shown = text[begin:end].rstrip("\r")
    if begin > first:
        shown = "…" + shown[1:]
    if end < last:
        shown = shown[:-1] + "…"
    return Place(line, start - first + 1, length, shown, begin - first + 1)


def _window(first: int, last: int, start: int) -> tuple[int, int]:
    """Give what to show of a line: all of a short one, of a long one what is around `start`."""
    if last - first <= _SHOWN:
        return first, last
    begin = min(max(first, start - _BEFORE), last - _SHOWN)
    return begin, begin + _SHOWN


def placed(found: Diagnostic, span: Span, texts: Mapping[str, str]) -> Diagnostic:
    """Give a finding the place of a span in its text; as it is where the text is not known."""
    text = texts.get(span.source, "")
    if not text or span.end > len(text):
        return found
    place = place_of(text, span, line_starts=line_starts_of(text))
    return replace(found, source=span.source, **place._asdict())


def line_starts_of(text: str) -> list[int]:
    """Give the offsets at which the lines of a text begin."""
    return [0, *(match.end() for match in re.finditer("\n", text))]
