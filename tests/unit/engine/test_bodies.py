"""What a body gives: columns, constants, conditions, alternatives and builtins, one by one."""

from __future__ import annotations

import pytest

from congress_dist.errors import InvalidRequest
from congress_dist.policy import Engine
from congress_dist.policy.language.diagnostics import PolicyError
from congress_dist.row import Cell

TABLES = {"big": ["k", "v"], "small": ["k", "v"], "one": ["k"], "three": ["a", "b", "c"]}

Rows = list[tuple[Cell, ...]]


def run(text: str, **rows: Rows) -> set[tuple[Cell, ...]]:
    """Give what a rule derives, which is what a question with its body gives."""
    e = Engine(max_rows=1_000)
    e.set_schema("d", TABLES)
    e.load("d", {table: rows.get(table, []) for table in TABLES})
    e.create_policy("p")
    e.insert("p", text)
    derived = e.rows("p", "r")
    assert sorted(map(repr, e.query("p", text))) == sorted(map(repr, derived))
    return set(derived)


def test_columns_that_are_not_named_are_any_value() -> None:
    three = [(1, 2, 3), (4, 5, 6)]
    assert run("r(x) :- d:three(b=x)", three=three) == {(2,), (5,)}
    assert run("r(x) :- d:three(2=x, 0=1)", three=three) == {(3,)}
    assert run("r(x) :- d:three(x)", three=three) == {(1,), (4,)}
    text = "r(x) :- d:one(x), not d:three(a=x)"
    assert run(text, three=three, one=[(1,), (2,)]) == {(2,)}


def test_a_repeated_variable_asks_for_equal_columns() -> None:
    rows = [(1, 1), (1, 2), (1.0, 1)]
    assert run("r(x) :- d:big(x, x)", big=rows) == {(1,)}
    assert run("r() :- d:big(x, x)", big=rows) == {()}
    assert run("r(y) :- d:one(y), d:three(y, x, x)", one=[(1,)], three=[(1, 2, 2)]) == {(1,)}


def test_constants_join_by_type_and_value() -> None:
    rows = [(1, "int"), (1.0, "float"), ("1", "text"), (True, "bool"), (None, "null")]
    for constant, name in (("1", "int"), ("1.0", "float"), ('"1"', "text"), ("true", "bool")):
        assert run(f"r(x) :- d:big({constant}, x)", big=rows) == {(name,)}
    assert run("r(x) :- d:big(y, x), y = null", big=rows) == {("null",)}


def test_order_needs_two_numbers_or_two_texts() -> None:
    rows = [(1,), (2.5,), ("1",), ("b",), (True,), (None,), (2**60,)]
    assert run("r(x) :- d:one(x), x < 2.6", one=rows) == {(1,), (2.5,)}
    assert run('r(x) :- d:one(x), x >= "a"', one=rows) == {("b",)}
    assert run("r(x) :- d:one(x), x > 1152921504606846975.0", one=rows) == set()


def test_equality_binds_from_either_side() -> None:
    assert run("r(y) :- d:one(x), y = x", one=[(1,)]) == {(1,)}
    assert run("r(y) :- d:one(x), 3 = y", one=[(1,)]) == {(3,)}
    assert run("r(z) :- z = y, y = x, d:one(x)", one=[(1,)]) == {(1,)}


def test_membership_tests_and_binds() -> None:
    rows = [(1,), (2,), ("1",)]
    assert run('r(x) :- d:one(x), x in [1, "1", 9]', one=rows) == {(1,), ("1",)}
    assert run("r(x) :- d:one(x), x not in [1, 9]", one=rows) == {(2,), ("1",)}
    assert run("r(x) :- x in [1, 9]") == {(1,), (9,)}


def test_alternatives_are_multiplied_out() -> None:
    text = "r(x) :- d:one(x), (x = 1 or d:big(x, _), (x = 2 or x = 3)), x != 3"
    assert run(text, one=[(1,), (2,), (3,)], big=[(2, 0), (3, 0)]) == {(1,), (2,)}


def test_truth_and_falsehood() -> None:
    assert run("r(1) :- true") == {(1,)}
    assert run("r(1) :- false") == set()
    assert run("r(x) :- d:one(x), (false or true)", one=[(1,)]) == {(1,)}


def test_a_builtin_that_fails_gives_no_row_and_its_negation_holds() -> None:
    rows = [(1,), ("a",), (2**63 - 1,)]
    assert run("r(x, y) :- d:one(x), plus(x, 1, y)", one=rows) == {(1, 2)}
    assert run("r(x) :- d:one(x), plus(x, 1, 2)", one=rows) == {(1,)}
    assert run("r(x) :- d:one(x), not builtin:lt(x, 5)", one=rows) == {("a",), rows[2]}
    assert run("r(x) :- d:one(x), not plus(x, 1, _)", one=rows) == {("a",), rows[2]}


def test_unrelated_parts_are_asked_for_one_solution_only() -> None:
    many: Rows = [(n, n) for n in range(900)]
    rows: Rows = [(n,) for n in range(900)]
    text = "r(x) :- d:one(x), d:big(y, _), d:small(z, _)"
    assert len(run(text, one=rows, big=many, small=many)) == 900


def columns(count: int) -> str:
    return ", ".join(f"v{number}" for number in range(count))


CALLS = [f"concat(x, a{n}, b{n}, c{n}, d{n})" for n in range(900)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"q({columns(1025)}) :- d:one(v0)", "'q' has 1025 columns, at most 1,024 are possible"),
        (f"q(v0) :- r({columns(1025)})", "'r' has 1025 columns, at most 1,024 are possible"),
        (f"q(x) :- {', '.join(CALLS)}", "the rule has 3601 variables, at most 3,000 are possible"),
    ],
)
def test_a_rule_is_refused_that_is_too_large(text: str, expected: str) -> None:
    e = Engine()
    e.create_policy("p")
    with pytest.raises(PolicyError) as refused:
        e.insert("p", text)
    found = [d.message for d in refused.value.diagnostics if d.code == "too-large"]
    assert found == [expected]


def test_a_rule_may_be_large() -> None:
    sums = ", ".join(f"plus(x, {n}, y{n})" for n in range(990))
    assert run(f"r(x, y989) :- d:one(x), {sums}", one=[(1,)]) == {(1, 990)}


def test_a_table_of_too_many_columns_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="table 'd:t' has 1025 columns, at most 1,024"):
        Engine().set_schema("d", {"t": [f"c{number}" for number in range(1025)]})


def test_a_rule_that_would_derive_too_many_rows_is_refused() -> None:
    many: Rows = [(n, n) for n in range(40)]
    with pytest.raises(PolicyError, match="too large"):
        run("r(x, y) :- d:big(x, _), d:small(y, _)", big=many, small=many)
