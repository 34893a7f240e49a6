"""Arithmetic, `not (…)`, aggregates and the clock: what they mean, and when they are not known."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest

from congress_dist.errors import InvalidRow
from congress_dist.policy import Engine
from congress_dist.policy.language.builtins import BuiltinFailure, registry
from congress_dist.policy.language.grammar import parse

Rows = list[tuple[Any, ...]]


def engine_with(text: str, **tables: Rows) -> Engine:
    engine = Engine()
    engine.create_policy("p", kind="recursive")
    for table, rows in tables.items():
        width = len(rows[0])
        engine.set_schema(table, {"t": [f"c{n}" for n in range(width)]})
        engine.load(table, {"t": rows})
    engine.restore_rules("p", parse(text))
    return engine


def derived(text: str, table: str = "p", **tables: Rows) -> Rows:
    found = engine_with(text, **tables).rows("p", table)
    return sorted(found, key=lambda row: [(type(cell).__name__, cell) for cell in row])


def typed(rows: Rows) -> list[list[tuple[type, Any]]]:
    return [[(type(cell), cell) for cell in row] for row in rows]


@pytest.mark.parametrize("number", ["-(-9223372036854775808)", "--9223372036854775808"])
def test_the_sign_of_the_least_integer_cannot_be_turned(number: str) -> None:
    rules = f"p(x) :- x = {number}. p({number}). p(1) :- not (x = {number}, x != 2)"
    assert derived(rules) == [(1,)]
    assert list(engine_with("").query("p", f"p({number})")) == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("not d:t({n}, {n})", [(1, 2)]), ("x < {n}", [(1, 2)]), ("y not in [{n}, 2]", [])],
)
def test_a_rule_of_as_many_conditions_as_it_may_have_runs(condition: str, expected: Rows) -> None:
    conditions = [condition.format(n=n) for n in range(10, 1009)]
    rules = f"p(x, y) :- {', '.join(['d:t(x, y)', *conditions])}"
    assert derived(rules, d=[(1, 2)]) == expected


def seconds_for_groups(count: int) -> float:
    groups = ", ".join(f"(x = 1 or x = {number})" for number in range(2, count + 2))
    begin = time.process_time()
    assert derived(f"p(x) :- d:t(x), {groups}", d=[(1,), (2,)]) == [(1,)]
    return time.process_time() - begin


def test_groups_that_share_a_variable_cost_linear_time() -> None:
    small = min(seconds_for_groups(40) for _ in range(2))
    large = min(seconds_for_groups(320) for _ in range(2))
    assert large < 24 * small  # quadratic time would be 64 times


def test_a_head_of_a_thousand_columns_is_worked_out() -> None:
    columns = ", ".join(f"x + {n}" for n in range(1000))
    assert derived(f"p({columns}) :- d:t(x)", d=[(1,)]) == [tuple(range(1, 1001))]


SIZES: Rows = [("a", 2, 3), ("b", 4, 5)]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("p(s, w * h) :- a:t(s, w, h)", [("a", 6), ("b", 20)]),
        ("p(s, w * h - 1 / 2) :- a:t(s, w, h)", [("a", 6), ("b", 20)]),
        ("p(s, -w) :- a:t(s, w, h)", [("a", -2), ("b", -4)]),
        ("p(v) :- a:t(s, w, h), v = w + h", [(5,), (9,)]),
        ("p(v) :- w + h = v, a:t(s, w, h)", [(5,), (9,)]),
        ("p(s) :- a:t(s, w, w + 1)", [("a",), ("b",)]),
        ("p(s) :- a:t(s, w, h), not a:t(s, w, h * 1)", []),
        ("p(s) :- a:t(s, w, h), not a:t(_, w + 2, _)", [("b",)]),
        ("p(s) :- a:t(s, w, h), w * h > 10 + 9", [("b",)]),
        ("p(s) :- a:t(s, w, h), w + 1 = h * 1", [("a",), ("b",)]),
        ("p(s) :- a:t(s, w, h), w + 0.0 = w", []),
        ("p(y) :- y = x + 1, x = 2 * 3", [(7,)]),
        ("p(1 + 2) :- true", [(3,)]),
        ("p(s + '!') :- a:t(s, _, _)", [("a!",), ("b!",)]),
        ("p(s) :- a:t(s, w, h), len(s + s, n), n = 2", [("a",), ("b",)]),
    ],
)
def test_an_expression_stands_for_its_value(rule: str, expected: Rows) -> None:
    assert typed(derived(rule, a=SIZES)) == typed(expected)


@pytest.mark.parametrize("failing", ["w / 0", "s * 2", "9223372036854775807 + w", "-s", "h % 0"])
def test_arithmetic_that_fails_gives_no_row(failing: str) -> None:
    assert derived(f"p(s, {failing}) :- a:t(s, w, h)", a=SIZES) == []
    assert derived(f"p(s) :- a:t(s, w, h), {failing} != 1", a=SIZES) == []
    inside = f"p(s) :- a:t(s, w, h), not (v = {failing})"
    assert derived(inside, a=SIZES) == [("a",), ("b",)]


SERVERS: Rows = [("a", "h1"), ("b", "h1"), ("c", "h2")]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("p(h) :- a:t(v, h), not (a:t(w, h), w != v)", [("h2",)]),
        ("p(v) :- a:t(v, h), not (b:t(v) or b:t(h))", [("b",)]),
        ("p(v) :- a:t(v, h), not (b:t(v), not (b:t(h)))", [("b",), ("c",)]),
        ("p(v) :- a:t(v, h), not (true)", []),
        ("p(v) :- a:t(v, h), not (false)", [("a",), ("b",), ("c",)]),
        ("p(v) :- a:t(v, h), not (b:t(x), x = h)", [("a",), ("b",)]),
        ("p(v) :- a:t(v, h), not (x = h, b:t(x)), not (x = v, b:t(x))", [("b",)]),
        ("p(v) :- not (b:t(v)), not (b:t(h)), a:t(v, h)", [("b",)]),
        ("p() :- not (a:t(_, h), b:t(h), h = 'h1')", [()]),
        ("p(v) :- (a:t(v, 'h1') or a:t(v, 'h2')), not (b:t(w), w = v)", [("b",), ("c",)]),
    ],
)
def test_a_negated_group_holds_when_there_is_no_way_to_satisfy_it(
    rule: str, expected: Rows
) -> None:
    assert derived(rule, a=SERVERS, b=[("a",), ("h2",)]) == expected


def test_a_negated_group_may_use_what_a_recursive_table_binds() -> None:
    text = """
        tc(x, y) :- a:t(x, y)
        tc(x, z) :- tc(x, y), a:t(y, z), not (b:t(limit), y >= limit)
    """
    edges: Rows = [(n, n + 1) for n in range(5)]
    found = derived(text, "tc", a=edges, b=[(3,)])
    assert found == sorted({*edges, (0, 2), (0, 3), (1, 3)})


SAMPLES: Rows = [
    ("a", "h1", 1),
    ("b", "h1", 2),
    ("c", "h1", 2),
    ("d", "h2", 2.5),
    ("e", "h3", None),
]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("p(h, count(v)) :- a:t(v, h, _)", [("h1", 3), ("h2", 1), ("h3", 1)]),
        ("p(count(h), 'of', count(v, h)) :- a:t(v, h, _)", [(3, "of", 5)]),
        ("p(h, sum(n)) :- a:t(v, h, n), h = 'h1'", [("h1", 3)]),
        ("p(h, sum(n, v)) :- a:t(v, h, n)", [("h1", 5), ("h2", 2.5)]),
        ("p(avg(n, v)) :- a:t(v, 'h1', n)", [(5 / 3,)]),
        ("p(h, min(n), max(n)) :- a:t(v, h, n)", [("h1", 1, 2), ("h2", 2.5, 2.5)]),
        ("p(count(v)) :- a:t(v, 'nowhere', _)", []),
        ("p(h, count(v)) :- (a:t(v, h, 1) or a:t(v, h, 2) or a:t(v, h, 2))", [("h1", 3)]),
        ("p(h, max(m)) :- a:t(v, h, n), m = n * 2", [("h1", 4), ("h2", 5.0)]),
        ("p(n + 1, count(v)) :- a:t(v, 'h1', n)", [(2, 1), (3, 2)]),
        ("p(count(v)) :- a:t(v, h, _), not (a:t(w, h, _), w != v)", [(2,)]),
        ("p(h, h, count(v)) :- a:t(v, h, 1)", [("h1", "h1", 1)]),
        ("p(count(x)) :- x in [1, 2, 2.0]", [(3,)]),
        ("p(max(x), min(x)) :- x in [true, false]", []),
    ],
)
def test_an_aggregate_works_on_distinct_values_of_each_group(rule: str, expected: Rows) -> None:
    assert typed(derived(rule, a=SAMPLES)) == typed(expected)


TINY = 5e-324


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        ("sum", [2**63 - 1, 1, -1], 2**63 - 1),
        ("sum", [2**63 - 1, 1], None),
        ("sum", [1e308, 1.5e308, -1.5e308], 1e308),
        ("sum", [1e308, 1.5e308], None),
        ("sum", [0.1 * n for n in range(10)], math.fsum(0.1 * n for n in range(10))),
        ("sum", [1, 0.5], 1.5),
        ("sum", [2**62, 0.5, -(2**62)], 0.5),
        ("sum", [TINY, 1.0, -1.0], TINY),
        ("sum", [True, 1], None),
        ("avg", [1, 2], 1.5),
        ("avg", [1, 3], 2.0),
        ("avg", [2**63 - 1, 2**63 - 2], float(2**63)),
        ("avg", [1.5e308, 1.6e308], 1.55e308),
        ("avg", ["1", 1], None),
        ("min", [1, 1.0, 2], 1),
        ("max", [1, 1.0, 0], 1),
        ("max", [2**53 + 1, float(2**53)], 2**53 + 1),
        ("min", ["b", "a"], "a"),
        ("min", ["b", 1], None),
        ("max", [True], None),
        ("max", [None, 1], None),
        ("count", [1, 1.0, "1", True, None], 5),
    ],
)
def test_an_aggregate_is_exact_or_gives_no_row(
    function: str, values: list[Any], expected: Any
) -> None:
    for given in (values, values[::-1]):
        rows = derived(f"p({function}(x)) :- a:t(x)", a=[(value,) for value in given])
        assert typed(rows) == typed([] if expected is None else [(expected,)])


def test_aggregates_follow_changes() -> None:
    engine = engine_with("p(h, count(v)) :- a:t(v, h)", a=SERVERS)
    changes = engine.apply("a", added={"t": [("d", "h2")]}, removed={"t": [("a", "h1")]})
    appeared, disappeared = changes["p", "p"]
    assert sorted(appeared) == [("h1", 1), ("h2", 2)]
    assert sorted(disappeared) == [("h1", 2), ("h2", 1)]


@pytest.mark.parametrize(
    "rule", ["p(count(v)) :- a:t(v, h)", "p(x) :- x = 1, not (a:t(v, h), v != h)"]
)
def test_what_rests_on_an_absence_that_is_not_known_is_withdrawn(rule: str) -> None:
    engine = engine_with(rule, a=[("a", "a")])
    assert len(engine.rows("p", "p")) == 1
    engine.mark_missing("a", ["t"], reason="gone")
    assert (engine.rows("p", "p"), engine.missing("p", "p")) == ([], {"a:t": "gone"})
    assert [waiting.reasons for waiting in engine.waiting()] == [{"a:t": "gone"}]
    engine.load("a", {"t": [("a", "a")]})
    assert (len(engine.rows("p", "p")), engine.missing("p", "p")) == (1, {})


def test_a_positive_condition_beside_a_group_runs_on_what_is_there() -> None:
    engine = engine_with(
        "q(x) :- a:t(x); q(2) :- b:t(9); p(x) :- q(x), not (c:t(y), y > x)",
        a=[(1,), (7,)],
        b=[(9,)],
        c=[(5,)],
    )
    engine.mark_missing("b", ["t"], reason="gone")
    assert engine.rows("p", "p") == [(7,)]
    assert engine.missing("p", "p") == {"b:t": "gone"}


def test_failures_are_counted_by_rule_builtin_and_reason_with_one_example() -> None:
    engine = engine_with(
        "p(x / y) :- a:t(x, y); s(sum(y)) :- a:t(x, y)", a=[(1, 0), (2, 0), (3, 3), (1, "x")]
    )
    found = {(f.rule.head.table, f.builtin, f.reason): f for f in engine.failures()}
    assert {key: failure.count for key, failure in found.items()} == {
        ("p", "div", "division by zero"): 2,
        ("p", "div", "y is text"): 1,
        ("s", "sum", "a value is not a number"): 1,
    }
    assert found["p", "div", "y is text"].example == (1, "x")
    assert found["p", "div", "division by zero"].example in [(1, 0), (2, 0)]


def test_failures_are_kept_until_the_rule_is_put_to_work_again() -> None:
    engine = engine_with("p(x / y) :- a:t(x, y)", a=[(1, 0), (3, 3)])
    engine.load("a", {"t": [(3, 3)]})
    assert [(f.builtin, f.reason, f.example) for f in engine.failures()] == [
        ("div", "division by zero", (1, 0))
    ]
    engine.delete("p", "p(x / y) :- a:t(x, y)")
    engine.insert("p", "p(x / y) :- a:t(x, y)")
    assert engine.failures() == []


def test_failures_of_what_was_taken_back_are_not_told() -> None:
    engine = engine_with("p(x / y) :- a:t(x, y)", a=[(1, 0)])
    before = engine.failures()
    with engine.trial():
        engine.apply("a", added={"t": [(2, 0), ("x", 1)]})
        assert sorted(each.count for each in engine.failures()) == [1, 2]
        with pytest.raises(InvalidRow):
            engine.apply("a", added={"t": [(3, 0), (4, object())]})
        with engine.trial():
            engine.apply("a", added={"t": [(5, 0)]})
        engine.apply("a", added={"t": [(6, 0)]})
        assert sorted(each.count for each in engine.failures()) == [1, 3]
    assert engine.failures() == before
    engine.simulate("p", "p(x)", "a:t+(3, 0)")
    assert engine.failures() == before
    engine.apply("a", added={"t": [("y", 1)]})
    assert [each.example for each in engine.failures() if each.reason == "x is text"] == [("y", 1)]


def test_failures_are_of_few_kinds() -> None:
    engine = engine_with("q(x) :- a:t(x), matches('abc', x)", a=[("abc",)])
    engine.load("a", {"t": [(f"[{number}",) for number in range(500)]})
    (failure,) = engine.failures()
    assert (failure.reason, failure.count) == ("the regular expression is wrong: missing ]", 500)


def test_failures_of_many_kinds_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(x: str) -> bool:
        raise BuiltinFailure(f"there is no {x}")

    monkeypatch.setattr(registry, "_BUILTINS", dict(registry._BUILTINS))
    registry.builtin("named(x: any |)")(named)
    engine = engine_with("q(x) :- a:t(x), named(x)", a=[(number,) for number in range(3000)])
    counts = {each.reason: each.count for each in engine.failures()}
    assert (len(counts), counts["other reasons"]) == (101, 2900)


def test_a_derivation_of_an_aggregate_names_the_rows_of_its_group() -> None:
    engine = engine_with("p(h, count(v)) :- a:t(v, h)", a=SERVERS)
    tree = engine.explain("p", "p", ("h1", 2))
    assert sorted(child.row for child in tree.children) == [("a", "h1"), ("b", "h1")]


def test_a_derivation_names_the_group_that_has_no_solution() -> None:
    engine = engine_with("p(h) :- a:t(v, h), not (a:t(w, h), w != v)", a=SERVERS)
    (absence,) = engine.explain("p", "p", ("h2",)).absences
    assert (absence.atom, absence.is_ground) == ('(a:t(w, "h2"), w != "c")', False)


AGES = """
    old(x) :- a:t(x, at), age_seconds(at, s), s > 3600
    other(x) :- a:t(x, at), not now(at)
    known(t) :- now(t)
"""
TIMES: Rows = [("a", "2026-01-01 10:00:00"), ("b", "2026-01-01 12:00:00"), ("c", "no time")]


def test_the_clock_is_a_table_that_the_caller_loads() -> None:
    engine = engine_with(AGES, a=TIMES)
    assert {waiting.rule.head.table: waiting.reasons for waiting in engine.waiting()} == {
        table: {"clock:now": "no such policy or datasource"} for table in ("old", "other", "known")
    }
    engine.load("clock", {"now": [("2026-01-01 12:00:00",)]})
    assert (engine.rows("p", "old"), engine.waiting()) == ([("a",)], [])
    assert sorted(engine.rows("p", "other")) == [("a",), ("c",)]
    changes = engine.load("clock", {"now": [("2026-01-01 13:00:01",)]})
    assert changes["p", "old"] == ([("b",)], [])
    assert engine.rows("p", "known") == [("2026-01-01 13:00:01",)]
    assert [(f.builtin, f.example) for f in engine.failures()] == [("age_seconds", ("no time",))]
    engine.mark_missing("clock", ["now"], reason="stopped")
    assert (engine.rows("p", "old"), engine.missing("p", "old")) == ([], {"clock:now": "stopped"})


def test_deep_groups_and_expressions_are_evaluated() -> None:
    depth = 150
    nested = "not (" * depth + "a:t(x)" + ")" * depth
    assert derived(f"p(x) :- a:t(x), {nested}", a=[(1,)]) == [(1,)]
    added = "(" * depth + "x" + " + 1)" * depth
    assert derived(f"p({added}) :- a:t(x)", a=[(1,)]) == [(depth + 1,)]


def test_more_alternatives_than_can_be_multiplied_out_are_filters() -> None:
    groups = [f"(x = {n} or x != {n} or b:t(x, {n}))" for n in range(8)]
    rows: Rows = [(n,) for n in range(9)]
    text = f"p(x) :- a:t(x), {', '.join(groups)}, (x < 3 or b:t(x, 7) or not b:t(_, x))"
    engine = engine_with(text, a=rows, b=[(5, 7), (1, 4), (1, 6)])
    assert sorted(engine.rows("p", "p")) == [(0,), (1,), (2,), (3,), (5,), (8,)]
    assert engine.explain("p", "p", (5,)).children
    assert engine.why_not("p", "p", (4,)).obstacles
    engine.apply("b", added={"t": [(4, 7)]}, removed={"t": [(5, 7)]})
    assert sorted(engine.rows("p", "p")) == [(0,), (1,), (2,), (3,), (4,), (5,), (8,)]
    engine.mark_missing("b", ["t"], reason="gone")
    assert engine.missing("p", "p") == {"b:t": "gone"}


def test_filters_of_alternatives_may_read_the_table_that_they_derive() -> None:
    wide = ", ".join(f"(y != {n} or x = {n} or b:t({n}))" for n in range(20, 24))
    text = f"p(x) :- b:t(x); p(y) :- a:t(x, y), (p(x) or x = 99), {wide}"
    edges: Rows = [(n, n + 1) for n in range(8)]
    assert derived(text, a=edges, b=[(0,)]) == [(n,) for n in range(9)]
    both = text.replace("(p(x) or x = 99)", "(p(x) or x = 99), (p(x) or p(x) or p(x) or x = 98)")
    assert derived(both, a=edges, b=[(0,)]) == [(n,) for n in range(9)]
