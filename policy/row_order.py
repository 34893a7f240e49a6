"""The order in which rows are shown: by column, and in a column by kind of value."""

from __future__ import annotations

from typing import Any

from congress_dist.row import Cell

from .planner.answers import Row


def row_order(row: Row) -> tuple[tuple[int, Any], ...]:
    """Give a key by which rows of mixed types sort: null, booleans, numbers, text."""
    return tuple(_cell_order(cell) for cell in row)


def _cell_order(cell: Cell) -> tuple[int, Any]:
    if cell is None:
        return 0, 0
    if isinstance(cell, bool):
        return 1, cell
    if isinstance(cell, str):
        return 3, cell
    return 2, (cell, isinstance(cell, float))
