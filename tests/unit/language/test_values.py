"""Values: what rules may hold, what builtins may give, and how they compare."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from congress_dist.errors import InvalidRow
from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.language.grammar import parse
from congress_dist.row import Cell

VALUES: list[Cell] = [None, False, True, 0, 1, -1, 0.0, 1.0, 1.5, "", "0", "1", "a", 2**63 - 1]


def engine_with(*values: Cell) -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["x"]})
    engine.load("d", {"t": [(value,) for value in values]})
    return engine


def pairs(operator: str) -> set[tuple[str, str]]:
    """Give the pairs of values, as text, for which a comparison holds."""
    rows = engine_with(*VALUES).query("p", f"q(x, y) :- d:t(x), d:t(y), x {operator} y")
    return {(repr(x), repr(y)) for x, y in rows}


def test_equality_is_identity_of_type_and_value() -> None:
    assert pairs("=") == {(repr(x), repr(x)) for x in VALUES}
    everything = {(repr(x), repr(y)) for x in VALUES for y in VALUES}
    assert pairs("!=") == everything - pairs("=")


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("<", lambda x, y: x < y),
        ("<=", lambda x, y: x <= y),
        (">", lambda x, y: x > y),
        (">=", lambda x, y: x >= y),
    ],
)
def test_order_is_among_numbers_or_among_texts(operator: str, holds: object) -> None:
    kinds = [(int, float), (str,)]
    expected = {
        (repr(x), repr(y))
        for x in VALUES
        for y in VALUES
        if any(type(x) in kind and type(y) in kind for kind in kinds) and holds(x, y)  # type: ignore[operator]
    }
    assert pairs(operator) == expected


def test_large_integers_and_floats_are_ordered_exactly() -> None:
    engine = engine_with(2**53 + 1, float(2**53), 2**63 - 1, float(2**63))
    assert engine.query("p", f"q(x) :- d:t(x), x > {2**53}, x < {2**53 + 2}") == [(2**53 + 1,)]
    assert engine.query("p", "q(x) :- d:t(x), x > 9223372036854775807") == [(float(2**63),)]


def test_booleans_are_no_numbers() -> None:
    engine = engine_with(True, 1)
    assert engine.query("p", "q(x) :- d:t(x), plus(x, 1, _)") == [(1,)]
    assert engine.query("p", "q(x) :- d:t(x), x = true") == [(True,)]
    assert [type(x) for (x,) in engine.query("p", "q(x) :- d:t(x), equal(x, 1)")] == [int]


def test_minus_zero_is_zero_wherever_it_comes_from() -> None:
    engine = engine_with(-0.0, 0.0)
    assert [math.copysign(1, x) for (x,) in engine.query("p", "q(x) :- d:t(x)")] == [1.0]
    (row,) = engine.query("p", "q(x) :- x = -0.0 * 5")
    assert math.copysign(1, row[0]) == 1.0


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**63, -(2**63) - 1, "a\0", "\ud800"])
def test_a_row_that_no_table_may_hold_is_refused_with_its_column(value: Cell) -> None:
    engine = engine_with(1)
    with pytest.raises(InvalidRow) as caught:
        engine.apply("d", added={"t": [(value,)]}, removed={})
    assert "column 0" in str(caught.value)
    assert engine.rows("d", "t") == [(1,)]


@pytest.mark.parametrize(
    "text", ["p(9223372036854775808)", "p(1e999)", 'p("\\0")', 'p("\\ud800")', 'p("a\0")']
)
def test_a_rule_that_holds_such_a_value_is_refused(text: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse(text)
    (found,) = caught.value.diagnostics
    assert (found.line, found.column, bool(found.hint)) == (1, 3, True)


@pytest.mark.parametrize(
    "expression",
    [
        "9223372036854775807 + 1",
        "-9223372036854775807 - 2",
        "1e308 * 10",
        "1 / 0",
        "1.0 % 0",
        "2 - true",
    ],
)
def test_what_does_not_fit_has_no_value_and_its_negation_holds(expression: str) -> None:
    engine = engine_with(1)
    assert engine.query("p", f"q(x) :- x = {expression}") == []
    assert engine.query("p", f"q(x) :- d:t(x), not (y = {expression})") == [(1,)]


def test_a_huge_text_is_a_value() -> None:
    huge = "é" * 500_000
    engine = engine_with(huge)
    assert engine.query("p", f'q(n) :- d:t(x), x = "{huge}", len(x, n)') == [(500_000,)]
    assert engine.query("p", "q(y) :- d:t(x), y = x + x + x") == []


@given(st.integers(-(2**64), 2**64), st.integers(-(2**64), 2**64))
def test_integers_never_wrap(x: int, y: int) -> None:
    fits = all(-(2**63) <= value < 2**63 for value in (x, y))
    engine = Engine()
    engine.create_policy("p")
    if not fits:
        with pytest.raises(PolicyError):
            engine.query("p", f"q(z) :- plus({x}, {y}, z)")
        return
    expected = [(x + y,)] if -(2**63) <= x + y < 2**63 else []
    assert engine.query("p", f"q(z) :- plus({x}, {y}, z)") == expected
