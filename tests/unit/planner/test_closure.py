"""Tables that are closures are recognised; what is not one is not taken for one."""

from __future__ import annotations

import pytest

from congress_dist.policy.planner.closure import ClosureShape, edges_of, find_closure
from congress_dist.policy.planner.kernel_rules import KernelRule
from tests.oracle.lowered import lowered_each, normal_rules
from tests.oracle.symbols import Symbols

BASE = "p(x, y) :- d:e(x, y)"


def closure_of(*texts: str, table: str = "p") -> ClosureShape | None:
    symbols = Symbols()
    lowered = lowered_each(normal_rules("\n".join(texts), symbols), symbols, reports=False)
    rules = [rule for each in lowered for rule in each.rules]
    return find_closure([rule for rule in rules if rule.head == ("p", table)])


@pytest.mark.parametrize(
    ("texts", "column"),
    [
        ([BASE, "p(x, z) :- p(x, y), d:e(y, z)"], 1),
        ([BASE, "p(x, z) :- d:e(x, y), p(y, z)"], 0),
        ([BASE, "p(x, z) :- p(x, y), p(y, z)"], 1),
        ([BASE, "p(x, z) :- p(y, z), p(x, y)"], 1),
        ([BASE, "p(x, z) :- p(x, y), p(y, z)", "p(x, z) :- d:e(x, y), p(y, z)"], 0),
        ([BASE, "p(x, z) :- p(x, y), d:e(z, y)", "p(x, z) :- p(x, y), d:g(z, 1, y)"], 1),
        ([BASE, "p(x, z) :- p(x, y), d:e(y, z), y != z, not d:f(z)"], 1),
        ([BASE, "p(x, z) :- p(x, y), d:e(y, z), z in [1, 2]"], 1),
        ([BASE, "p(x, 3) :- p(x, y), d:f(y)"], 1),
        ([BASE, "p(x, z) :- p(x, 3), d:f(z)"], 1),
        (["p(x, y, z) :- d:g(x, y, z)", "p(x, w, z) :- p(x, y, z), d:e(y, w)"], 1),
        (["p(x) :- d:f(x)", "p(y) :- p(x), d:e(x, y)"], 0),
    ],
)
def test_a_column_that_moves_along_edges_makes_a_closure(texts: list[str], column: int) -> None:
    found = closure_of(*texts)
    assert found == ClosureShape(column, tuple(range(1, len(texts))), ())


def test_a_mirror_goes_with_a_closure_of_its_own_rows() -> None:
    mirror = "p(x, y) :- p(y, x)"
    assert closure_of(BASE, mirror, "p(x, z) :- p(x, y), p(y, z)") == ClosureShape(1, (2,), (1,))
    assert closure_of(BASE, mirror, "p(x, z) :- p(x, y), d:e(y, z)") is None
    assert closure_of(BASE, mirror) is None


@pytest.mark.parametrize(
    "texts",
    [
        ["p(x, z) :- p(x, y), d:e(y, z)", "p(x, z) :- d:e(x, y), p(y, z)"],
        ["p(x, z) :- p(x, y), d:e(y, z), x != z"],
        ["p(x, z) :- p(x, y), d:e(y, z), d:f(x)"],
        ["p(x, z) :- p(x, y), plus(y, 1, z)"],
        ["p(x, z) :- p(x, y), d:f(y), z in [1, 2]"],
        ["p(x, z) :- p(x, y), d:e(y, w), d:e(w, z)"],
        ["p(x, z) :- p(x, y), p(y, w), d:e(w, z)"],
        ["p(x, z) :- p(x, y), p(y, z), y != z"],
        ["p(x, x) :- p(x, y), d:e(y, x)"],
        ["p(y, z) :- p(x, y), d:e(x, z)"],
        ["p(x, y) :- p(x, z), d:f(y)"],
        ["p(1, z) :- p(1, y), d:e(y, z)"],
        ["p(x, z) :- p(x, y), d:e(y, z), not (d:e(z, w), d:f(w), w != x)"],
        [],
    ],
)
def test_other_tables_are_no_closures(texts: list[str]) -> None:
    assert closure_of(BASE, *texts) is None


def test_edges_are_what_is_left_of_a_step() -> None:
    symbols = Symbols()
    normal = normal_rules("p(x, z) :- p(x, y), d:e(y, z), y != z", symbols)
    (each,) = lowered_each(normal, symbols, reports=False)
    (rule,) = each.rules
    assert isinstance(rule, KernelRule)
    edges = edges_of(rule, 1)
    assert edges.terms == ("y", "z")
    assert len(edges.body) == 2
