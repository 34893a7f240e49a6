"""Rows in order, a page at a time."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from congress_dist.errors import InvalidRequest, InvalidRow, NotFound
from congress_dist.policy import Engine
from congress_dist.policy.row_order import row_order

CELLS = [
    None,
    False,
    True,
    -1,
    0,
    1,
    1.0,
    2**40,
    2**53 + 1,
    2.0**53,
    -0.5,
    "",
    "a",
    "ab",
    "é",
    "\uffff",
    "😀",
]


def opened(rows: list[tuple[Any, ...]]) -> Engine:
    engine = Engine()
    engine.set_schema("d", {"t": ["x", "y"], "n": []})
    engine.load("d", {"t": rows})
    return engine


def pages(engine: Engine, limit: int) -> list[tuple[Any, ...]]:
    """Give all rows as the pages give them."""
    found: list[tuple[Any, ...]] = []
    while rows := engine.page("d", "t", limit, found[-1] if found else None):
        found += rows
    return found


@pytest.mark.parametrize("seed", range(5))
def test_pages_give_each_row_once_in_order(seed: int) -> None:
    random = Random(seed)
    rows = {
        repr(row): row
        for row in ((random.choice(CELLS), random.choice(CELLS)) for _ in range(150))
    }
    engine = opened(list(rows.values()))
    expected = sorted(rows.values(), key=row_order)
    for limit in (1, 7, 1000):
        assert list(map(repr, pages(engine, limit))) == list(map(repr, expected))


def test_a_page_begins_behind_a_row_that_is_gone() -> None:
    engine = opened([(n, "a") for n in range(10)])
    engine.apply("d", removed={"t": [(4, "a")]})
    assert engine.page("d", "t", 2, (4, "a")) == [(5, "a"), (6, "a")]
    assert engine.page("d", "t", 2, (3.5, "never seen")) == [(5, "a"), (6, "a")]
    assert engine.page("d", "t", 2, (9, "a")) == []
    assert engine.page("d", "t", 0) == []


def test_a_page_of_a_table_without_columns_or_without_rules() -> None:
    engine = opened([])
    engine.load("d", {"n": [()]})
    assert (engine.page("d", "n", 5), engine.page("d", "n", 5, ())) == ([()], [])
    engine.create_policy("p")
    assert engine.page("p", "nothing", 5) == []


def test_what_is_no_row_of_the_table_is_refused() -> None:
    engine = opened([(1, 2)])
    with pytest.raises(InvalidRow, match="the row has 1 cells, d:t has 2"):
        engine.page("d", "t", 5, (1,))
    with pytest.raises(InvalidRow):
        engine.page("d", "t", 5, (1, float("nan")))
    with pytest.raises(NotFound):
        engine.page("nowhere", "t", 5)


@pytest.mark.parametrize("limit", [-1, "x", 1.5, True, None])
def test_what_is_no_number_of_rows_is_refused(limit: Any) -> None:
    with pytest.raises(InvalidRequest, match="a page has a number of rows, found"):
        opened([(1, 2)]).page("d", "t", limit)


def test_a_page_may_be_of_more_rows_than_there_can_be() -> None:
    assert opened([(1, 2)]).page("d", "t", 2**70) == [(1, 2)]


@pytest.mark.parametrize("after", [5, "ab", {"x": 1, "y": 2}])
def test_what_is_no_row_to_begin_behind_is_refused(after: Any) -> None:
    with pytest.raises(InvalidRow, match="a row is a tuple or a list of cells"):
        opened([(1, 2)]).page("d", "t", 3, after)
