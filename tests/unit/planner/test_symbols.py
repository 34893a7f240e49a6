"""Values as ids."""

from __future__ import annotations

import math

import pytest

from congress_dist.errors import InvalidRow
from congress_dist.policy.kernel import Kernel
from congress_dist.policy.planner.symbols import Symbols


def no_plan(*asked: object) -> tuple[()]:
    raise AssertionError(asked)


@pytest.fixture
def kernel() -> Kernel:
    return Kernel(no_plan)


@pytest.fixture
def symbols(kernel: Kernel) -> Symbols:
    return Symbols(kernel)


def test_type_and_value_make_the_id(symbols: Symbols) -> None:
    ids = [symbols.intern(value) for value in (1, 1.0, "1", True, 0, 0.0, False, "", None)]
    assert len(set(ids)) == len(ids)
    assert symbols.intern(1) == ids[0]
    assert [type(symbols.value(i)) for i in ids[:4]] == [int, float, str, bool]


def test_minus_zero_is_zero(symbols: Symbols) -> None:
    minus = symbols.intern(-0.0)
    assert minus == symbols.intern(0.0)
    assert math.copysign(1, symbols.value(minus)) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, "a\0b", "\ud800", 2**63, -(2**63) - 1, b"x", (1,)]
)
def test_what_no_table_may_hold_is_refused(value: object, symbols: Symbols) -> None:
    with pytest.raises(InvalidRow):
        symbols.encode((1, value))  # type: ignore[arg-type]
    assert symbols.find_row((1, value)) is None  # type: ignore[arg-type]


def test_the_column_of_a_refused_cell_is_told(symbols: Symbols) -> None:
    symbols.encode(("a", 1))
    with pytest.raises(InvalidRow, match="a cell holds an integer beyond 64 bits") as caught:
        symbols.encode(("a", 1, "new", 2**63, math.nan))
    assert caught.value.fields["column"] == 3


def test_rows_survive_the_round_trip(symbols: Symbols) -> None:
    row = ("ä", 2**63 - 1, 1.5, None, False)
    assert symbols.decode(symbols.encode(row)) == row
    assert symbols.find_row(row) == symbols.encode(row)


def test_ids_of_values_that_nobody_holds_are_given_out_again(
    symbols: Symbols, kernel: Kernel
) -> None:
    held = symbols.hold(symbols.encode(("kept", "a")))
    gone = symbols.intern("b")
    kernel.commit()
    assert symbols.find_row(("b",)) is None
    assert symbols.intern("c") == gone
    assert symbols.find_row(("kept", "a")) is not None
    del held
    kernel.commit()
    assert symbols.find_row(("kept",)) is None


def test_a_row_of_a_table_keeps_its_values(symbols: Symbols, kernel: Kernel) -> None:
    table = kernel.add_relation(1, "base")
    kernel.change(table, [("kept",)], [])
    kernel.end_step()
    kernel.commit()
    assert symbols.find_row(("kept",)) is not None
    kernel.change(table, [], [("kept",)])
    kernel.end_step()
    kernel.commit()
    assert symbols.find_row(("kept",)) is None
