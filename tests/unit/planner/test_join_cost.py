"""With which table a body begins, and what comes first when something changed."""

from __future__ import annotations

from congress_dist.policy.planner.join_cost import cheapest_body
from congress_dist.policy.planner.join_order import starts_with
from congress_dist.policy.planner.normal_form import Condition, Match, NormalLiteral, NormalRule

SIZES = {"big": 100_000, "small": 100}
DIFFERENT = {("big", 0): 100_000, ("big", 1): 100, ("small", 0): 100, ("small", 1): 100}


class Given:
    """Estimates of the tables above; `indexes` are there already."""

    def __init__(self, *indexes: tuple[str, tuple[int, ...]]) -> None:
        self._indexes = indexes

    def size(self, table: object, _: int) -> int:
        assert isinstance(table, tuple)
        return SIZES[table[1]]

    def fan_out(self, table: tuple[str, str], columns: tuple[int, ...], _: int) -> float:
        different = max((DIFFERENT[table[1], column] for column in columns), default=1)
        return SIZES[table[1]] / different

    def search(self, _: object, columns: tuple[int, ...], __: int) -> tuple[int, ...]:
        return columns

    def has_index(self, table: tuple[str, str], columns: tuple[int, ...], _: int) -> bool:
        return (table[1], columns) in self._indexes

    def is_read_by_many(self, *_: object) -> bool:
        return False

    def are_together(self, *_: object) -> bool:
        return False


def tables(body: list[NormalLiteral]) -> list[str]:
    return [literal.table[1] for literal in body if isinstance(literal, Match)]


BIG, SMALL = Match(("d", "big"), ("x", "y")), Match(("d", "small"), ("y", "z"))
JOIN = NormalRule(("p", "p"), ("x", "z"), (SMALL, BIG))
CHOSEN = NormalRule(("p", "p"), ("x", "z"), (Match(("d", "small"), ("x", "z")), BIG))


def test_a_large_table_is_gone_through_where_it_would_need_an_index() -> None:
    assert tables(cheapest_body(JOIN, Given())) == ["big", "small"]


def test_an_index_that_is_there_is_used() -> None:
    assert tables(cheapest_body(CHOSEN, Given(("big", (0,))))) == ["small", "big"]


def test_what_the_changes_decide_is_tested_before_other_tables_are_read() -> None:
    """Comparisons first, then rows that are looked up, then what can multiply."""
    test, absent = Condition("<", "y", 7), Match(("d", "small"), ("x", "y"), negated=True)
    loose = Match(("d", "small"), ("x", None))
    rule = NormalRule(("p", "p"), ("x", "z"), (BIG, loose, SMALL, absent, test))
    assert starts_with(rule, BIG, Given().fan_out) == [BIG, test, absent, loose, SMALL]
