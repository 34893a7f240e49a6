"""Sorted rows in pages: a marker is the last row that was given, so pages survive changes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from congress_dist.errors import InvalidRequest
from congress_dist.row import Cell

from .planner.answers import Row
from .row_order import row_order


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows, and the marker with which the next ones are asked for, if there are more."""

    rows: Sequence[Row]
    next: str | None


def page_of(rows: Iterable[Row], limit: int | None, marker: str | None) -> Page:
    """Give the first `limit` rows, sorted, that follow a marker.

    Raises: InvalidRequest: the limit is below 1 (reason `limit`); no page gave this marker (reason
        `marker`).
    """
    if limit is not None and limit < 1:
        raise InvalidRequest(f"limit is {limit}, expected at least 1", reason="limit")
    ordered = sorted(rows, key=row_order)
    if marker is not None:
        after = row_order(_row_of(marker))
        ordered = [row for row in ordered if row_order(row) > after]
    if limit is None or len(ordered) <= limit:
        return Page(ordered, None)
    return Page(ordered[:limit], _marker_of(ordered[limit - 1]))


def _marker_of(row: Row) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(row)).decode()


def _row_of(marker: str) -> Row:
    try:
        text = base64.urlsafe_b64decode(marker)
        row: Row = msgspec.json.decode(text, type=tuple[Cell, ...])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidRequest(
            f"marker {marker!r} is none that a page gave", reason="marker"
        ) from error
    return row
