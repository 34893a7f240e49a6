"""Join order and the steps that come of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from congress_dist.policy.language.grammar import parse
from congress_dist.policy.planner.join_order import UnsafeRule, order_body
from congress_dist.policy.planner.memo import Memo
from congress_dist.policy.planner.normal_form import Match, NormalRule
from congress_dist.policy.planner.normalize import Unresolved, normalize
from congress_dist.policy.planner.plan import compile_plan
from congress_dist.policy.planner.program import Program
from congress_dist.policy.planner.relation import BaseRelation, Change
from congress_dist.policy.planner.steps import (
    Context,
    Exists,
    LimitExceeded,
    Probe,
    Project,
    Scan,
    collect,
)
from congress_dist.policy.planner.symbols import Symbols

TABLES = {"big": ["k", "v"], "small": ["k", "v"], "one": ["k"], "three": ["a", "b", "c"]}


@pytest.fixture
def symbols() -> Symbols:
    return Symbols()


def normal(text: str, symbols: Symbols) -> tuple[NormalRule, ...]:
    program = Program()
    program.create_policy("p", "nonrecursive")
    program.set_schema("d", TABLES)
    (rule,) = parse(text)
    return normalize(rule, "p", program=program, symbols=symbols)


def tables_in_order(rule: NormalRule, sizes: Mapping[str, int]) -> list[str]:
    def fan_out(table: tuple[str, str], columns: tuple[int, ...], width: int) -> float:
        return float(sizes[table[1]] ** (1 - len(columns) / width))

    ordered = order_body(rule, fan_out)
    return [literal.table[1] for literal in ordered if isinstance(literal, Match)]


def run(text: str, symbols: Symbols, **rows: list[tuple[object, ...]]) -> set[tuple[object, ...]]:
    relations = {
        ("d", table): BaseRelation(symbols.encode(row) for row in rows.get(table, []))  # type: ignore[arg-type]
        for table in TABLES
    }
    context = Context(relations, symbols, Memo(), max_rows=1000)
    found = set()
    for rule in normal(text, symbols):
        ordered = order_body(rule, lambda t, c, w: relations[t].fan_out(c, w))
        found |= collect(compile_plan(ordered, rule.terms).run(context), 1000)
    return {symbols.decode(row) for row in found}


def test_the_smallest_table_comes_first_then_what_is_connected(symbols: Symbols) -> None:
    (rule,) = normal("r(x) :- d:big(x, y), d:three(z, y, w), d:small(w, _)", symbols)
    sizes = {"big": 100_000, "three": 1_000, "small": 10}
    assert tables_in_order(rule, sizes) == ["small", "three", "big"]


def test_a_connected_large_table_comes_before_an_unconnected_small_one(symbols: Symbols) -> None:
    (rule,) = normal("r(x, z) :- d:one(x), d:big(x, y), d:small(z, y)", symbols)
    sizes = {"big": 1_000_000, "one": 1, "small": 2}
    assert tables_in_order(rule, sizes) == ["one", "big", "small"]


def test_parts_without_a_variable_of_the_head_come_first(symbols: Symbols) -> None:
    (rule,) = normal("r(x) :- d:one(x), d:big(y, z), d:small(z, _)", symbols)
    sizes = {"big": 1_000_000, "one": 1, "small": 1_000}
    assert tables_in_order(rule, sizes) == ["small", "big", "one"]


def test_a_literal_that_binds_nothing_new_is_a_filter(symbols: Symbols) -> None:
    (rule,) = normal("r(x) :- d:one(x), d:big(x, _), not d:small(x, _)", symbols)
    steps = compile_plan(order_body(rule, lambda *_: 1.0), rule.terms).steps
    assert [type(step) for step in steps] == [Scan, Exists, Exists]


def test_variables_that_nothing_reads_any_more_are_dropped(symbols: Symbols) -> None:
    (rule,) = normal("r(x) :- d:big(x, y), d:small(y, z), d:one(z)", symbols)
    steps = compile_plan(rule.body, rule.terms).steps
    assert [type(step) for step in steps] == [Scan, Probe, Project, Exists, Project]


def test_an_unsafe_rule_is_our_own_fault(symbols: Symbols) -> None:
    for text in ("r(x) :- d:one(y)", "r(x) :- d:one(x), not d:one(y)", "r(x) :- d:one(x), y < 3"):
        with pytest.raises(UnsafeRule):
            normal(text, symbols)


def test_columns_that_are_not_named_are_any_value(symbols: Symbols) -> None:
    three = [(1, 2, 3), (4, 5, 6)]
    assert run("r(x) :- d:three(b=x)", symbols, three=three) == {(2,), (5,)}
    assert run("r(x) :- d:three(2=x, 0=1)", symbols, three=three) == {(3,)}
    assert run("r(x) :- d:three(x)", symbols, three=three) == {(1,), (4,)}
    text = "r(x) :- d:one(x), not d:three(a=x)"
    assert run(text, symbols, three=three, one=[(1,), (2,)]) == {(2,)}


def test_an_unknown_column_leaves_the_rule_unresolved(symbols: Symbols) -> None:
    with pytest.raises(Unresolved) as caught:
        normal("r(x) :- d:three(nope=x), d:none(x), e:other(a=x)", symbols)
    assert caught.value.reasons == {
        "d:three": "it has no column 'nope'",
        "e:other": "no such policy or datasource",
    }


def test_a_repeated_variable_asks_for_equal_columns(symbols: Symbols) -> None:
    rows = [(1, 1), (1, 2), (1.0, 1)]
    assert run("r(x) :- d:big(x, x)", symbols, big=rows) == {(1,)}
    assert run("r() :- d:big(x, x)", symbols, big=rows) == {()}
    assert run("r(y) :- d:one(y), d:three(y, x, x)", symbols, one=[(1,)], three=[(1, 2, 2)]) == {
        (1,)
    }


def test_constants_join_by_type_and_value(symbols: Symbols) -> None:
    rows = [(1, "int"), (1.0, "float"), ("1", "text"), (True, "bool"), (None, "null")]
    for constant, name in (("1", "int"), ("1.0", "float"), ('"1"', "text"), ("true", "bool")):
        assert run(f"r(x) :- d:big({constant}, x)", symbols, big=rows) == {(name,)}
    assert run("r(x) :- d:big(y, x), y = null", symbols, big=rows) == {("null",)}


def test_order_needs_two_numbers_or_two_texts(symbols: Symbols) -> None:
    rows = [(1,), (2.5,), ("1",), ("b",), (True,), (None,), (2**60,)]
    assert run("r(x) :- d:one(x), x < 2.6", symbols, one=rows) == {(1,), (2.5,)}
    assert run('r(x) :- d:one(x), x >= "a"', symbols, one=rows) == {("b",)}
    assert run("r(x) :- d:one(x), x > 1152921504606846975.0", symbols, one=rows) == set()


def test_equality_binds_from_either_side(symbols: Symbols) -> None:
    assert run("r(y) :- d:one(x), y = x", symbols, one=[(1,)]) == {(1,)}
    assert run("r(y) :- d:one(x), 3 = y", symbols, one=[(1,)]) == {(3,)}
    assert run("r(z) :- z = y, y = x, d:one(x)", symbols, one=[(1,)]) == {(1,)}


def test_membership_tests_and_binds(symbols: Symbols) -> None:
    rows = [(1,), (2,), ("1",)]
    assert run('r(x) :- d:one(x), x in [1, "1", 9]', symbols, one=rows) == {(1,), ("1",)}
    assert run("r(x) :- d:one(x), x not in [1, 9]", symbols, one=rows) == {(2,), ("1",)}
    assert run("r(x) :- x in [1, 9]", symbols) == {(1,), (9,)}


def test_alternatives_are_multiplied_out(symbols: Symbols) -> None:
    text = "r(x) :- d:one(x), (x = 1 or d:big(x, _), (x = 2 or x = 3)), x != 3"
    assert len(normal(text, symbols)) == 3
    assert run(text, symbols, one=[(1,), (2,), (3,)], big=[(2, 0), (3, 0)]) == {(1,), (2,)}


def test_truth_and_falsehood(symbols: Symbols) -> None:
    assert run("r(1) :- true", symbols) == {(1,)}
    assert run("r(1) :- false", symbols) == set()
    assert run("r(x) :- d:one(x), (false or true)", symbols, one=[(1,)]) == {(1,)}


def test_a_builtin_that_fails_gives_no_row_and_its_negation_holds(symbols: Symbols) -> None:
    rows = [(1,), ("a",), (2**63 - 1,)]
    assert run("r(x, y) :- d:one(x), plus(x, 1, y)", symbols, one=rows) == {(1, 2)}
    assert run("r(x) :- d:one(x), plus(x, 1, 2)", symbols, one=rows) == {(1,)}
    assert run("r(x) :- d:one(x), not builtin:lt(x, 5)", symbols, one=rows) == {("a",), rows[2]}
    assert run("r(x) :- d:one(x), not plus(x, 1, _)", symbols, one=rows) == {("a",), rows[2]}


def test_unrelated_parts_are_asked_for_one_solution_only(symbols: Symbols) -> None:
    many: list[tuple[object, ...]] = [(n, n) for n in range(900)]
    rows: list[tuple[object, ...]] = [(n,) for n in range(900)]
    assert (
        len(
            run(
                "r(x) :- d:one(x), d:big(y, _), d:small(z, _)",
                symbols,
                one=rows,
                big=many,
                small=many,
            )
        )
        == 900
    )


@pytest.mark.parametrize("body", ["d:one(x), d:big(x, y)", "d:one(x), not d:big(x, _), y = 1"])
def test_an_index_is_made_when_the_first_row_asks_for_it(symbols: Symbols, body: str) -> None:
    big = BaseRelation(symbols.encode((n, n)) for n in range(9))
    relations = {("d", "one"): BaseRelation(), ("d", "big"): big}
    (rule,) = normal(f"r(x, y) :- {body}", symbols)
    ordered = order_body(rule, lambda t, c, w: relations[t].fan_out(c, w))
    plan = compile_plan(ordered, rule.terms)
    context = Context(relations, symbols, Memo(), max_rows=1000)
    assert (list(plan.run(context)), big.signatures) == ([], [])
    relations["d", "one"].apply(Change({symbols.encode((99,))}, frozenset()))
    list(plan.run(context))
    assert big.signatures == [(0,)]


def test_too_many_rows_stop_the_plan(symbols: Symbols) -> None:
    many: list[tuple[object, ...]] = [(n, n) for n in range(40)]
    with pytest.raises(LimitExceeded):
        run("r(x, y) :- d:big(x, _), d:small(y, _)", symbols, big=many, small=many)
