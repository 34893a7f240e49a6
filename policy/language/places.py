"""From offsets in a text to lines and columns; worked out for diagnostics only."""

from __future__ import annotations

import re
from bisect import bisect_right

from .ast import Span


def place_of(text: str, span: Span, *, line_starts: list[int]) -> tuple[int, int, int, str]:
    """Give line, column, length within the line, and the line's text.

    Units: line and column count from 1.
    """
    start = min(span.start, len(text))
    line = bisect_right(line_starts, start)
    first = line_starts[line - 1]
    last = line_starts[line] - 1 if line < len(line_starts) else len(text)
    length = max(1, min(span.end, last) - start)
    return line, start - first + 1, length, text[first:last].rstrip("\r")


def line_starts_of(text: str) -> list[int]:
    """Give the offsets at which the lines of a text begin."""
    return [0, *(match.end() for match in re.finditer("\n", text))]
