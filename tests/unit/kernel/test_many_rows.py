"""Rows that come in numbers are read as those that come alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from congress_dist.policy import Engine
from congress_dist.row import Cell

SHARED = ("ACTIVE", "a name that is longer than sixteen bytes", "zwölf", "")


def rows(count: int) -> list[tuple[Cell, ...]]:
    """Give rows with objects that come again, with equal ones, and with values of every type."""
    values: Sequence[Cell] = (1, 1.0, True, None, "1", 2**40)
    return [(f"id {n % 500}", SHARED[n % 4], values[n % 6], n) for n in range(count)]


def engine() -> Engine:
    made = Engine()
    made.set_schema("d", {"t": ["id", "state", "value", "n"]})
    made.create_policy("p")
    made.insert("p", "q(x, y, v, n) :- d:t(x, y, v, n)")
    return made


def typed(found: Iterator[Sequence[Cell]]) -> set[tuple[tuple[type, Cell], ...]]:
    return {tuple((type(cell), cell) for cell in row) for row in found}


@pytest.mark.parametrize("count", [1, 31, 32, 3_000])
def test_rows_come_back_with_their_types(count: int) -> None:
    given = rows(count)
    kernel = engine()
    kernel.load("d", {"t": given})
    assert typed(iter(kernel.rows("p", "q"))) == typed(iter(given))


def test_lists_and_tuples_may_be_mixed() -> None:
    given = rows(300)
    mixed = [list(row) if n % 7 == 3 else row for n, row in enumerate(given)]
    kernel = engine()
    kernel.load("d", {"t": mixed})
    assert typed(iter(kernel.rows("p", "q"))) == typed(iter(given))
