"""Sorted rows in pages: a marker is the last row that was given, so pages survive changes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from congress_dist.errors import InvalidRequest, InvalidRow
from congress_dist.row import Cell

from .planner.answers import Row
from .planner.kernel_face import ALL_ROWS

OrderedRows = Callable[[int, Row | None], list[Row]]
"""Gives up to so many rows in order, of those behind a row."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the marker with which the next ones are asked for, if there are more."""

    rows: Sequence[Row]
    next: str | None


def page_of(ordered: OrderedRows, limit: int | None, marker: str | None) -> Page:
    """Give the first `limit` rows, in order, that follow a marker.

    Raises: InvalidRequest: the limit is below 1 (reason `limit`); no page gave this marker (reason
        `marker`).
    """
    if limit is not None and limit < 1:
        raise InvalidRequest(f"limit is {limit}, expected at least 1", reason="limit")
    after = None if marker is None else _row_of(marker)
    try:
        rows = ordered(ALL_ROWS if limit is None else limit + 1, after)
    except InvalidRow as error:
        raise _not_given(marker) from error
    if limit is None or len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], _marker_of(rows[limit - 1]))


def _marker_of(row: Row) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(row)).decode()


def _row_of(marker: str) -> Row:
    try:
        text = base64.urlsafe_b64decode(marker)
        row: Row = msgspec.json.decode(text, type=tuple[Cell, ...])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise _not_given(marker) from error
    return row


def _not_given(marker: str | None) -> InvalidRequest:
    return InvalidRequest(f"marker {marker!r} is none that a page gave", reason="marker")
