"""In which order a body runs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from congress_dist.policy.kernel import Kernel
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.planner.join_order import UnsafeRule, order_body
from congress_dist.policy.planner.normal_form import Match, NormalRule
from congress_dist.policy.planner.normalize import Unresolved, normalize
from congress_dist.policy.planner.program import Program
from congress_dist.policy.planner.symbols import Symbols

TABLES = {"big": ["k", "v"], "small": ["k", "v"], "one": ["k"], "three": ["a", "b", "c"]}


def no_plan(*asked: object) -> tuple[()]:
    raise AssertionError(asked)


@pytest.fixture
def kernel() -> Kernel:
    return Kernel(no_plan)


def normal(text: str, kernel: Kernel) -> tuple[NormalRule, ...]:
    program = Program()
    program.create_policy("p", "nonrecursive")
    program.set_schema("d", TABLES)
    (rule,) = parse(text)
    return normalize(rule, "p", program=program, symbols=Symbols(kernel))


def tables_in_order(rule: NormalRule, sizes: Mapping[str, int]) -> list[str]:
    def fan_out(table: tuple[str, str], columns: tuple[int, ...], width: int) -> float:
        return float(sizes[table[1]] ** (1 - len(columns) / width))

    ordered = order_body(rule, fan_out)
    return [literal.table[1] for literal in ordered if isinstance(literal, Match)]


def test_the_smallest_table_comes_first_then_what_is_connected(kernel: Kernel) -> None:
    (rule,) = normal("r(x) :- d:big(x, y), d:three(z, y, w), d:small(w, _)", kernel)
    sizes = {"big": 100_000, "three": 1_000, "small": 10}
    assert tables_in_order(rule, sizes) == ["small", "three", "big"]


def test_a_connected_large_table_comes_before_an_unconnected_small_one(kernel: Kernel) -> None:
    (rule,) = normal("r(x, z) :- d:one(x), d:big(x, y), d:small(z, y)", kernel)
    sizes = {"big": 1_000_000, "one": 1, "small": 2}
    assert tables_in_order(rule, sizes) == ["one", "big", "small"]


def test_parts_without_a_variable_of_the_head_come_first(kernel: Kernel) -> None:
    (rule,) = normal("r(x) :- d:one(x), d:big(y, z), d:small(z, _)", kernel)
    sizes = {"big": 1_000_000, "one": 1, "small": 1_000}
    assert tables_in_order(rule, sizes) == ["small", "big", "one"]


def test_an_unsafe_rule_is_our_own_fault(kernel: Kernel) -> None:
    for text in ("r(x) :- d:one(y)", "r(x) :- d:one(x), not d:one(y)", "r(x) :- d:one(x), y < 3"):
        with pytest.raises(UnsafeRule):
            normal(text, kernel)


def test_an_unknown_column_leaves_the_rule_unresolved(kernel: Kernel) -> None:
    with pytest.raises(Unresolved) as caught:
        normal("r(x) :- d:three(nope=x), d:none(x), e:other(a=x)", kernel)
    assert caught.value.reasons == {
        "d:three": "it has no column 'nope'",
        "e:other": "no such policy or datasource",
    }


def test_alternatives_are_multiplied_out(kernel: Kernel) -> None:
    text = "r(x) :- d:one(x), (x = 1 or d:big(x, _), (x = 2 or x = 3)), x != 3"
    assert len(normal(text, kernel)) == 3
