"""The plan of an engine: what will run, told without running it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from congress_dist.policy import Engine
from congress_dist.policy.language.builtins import registry
from congress_dist.policy.plan_report import PlannedRun

CLOSURE = "t(x, y) :- d:e(x, y); t(x, z) :- t(x, y), d:e(y, z)"


def engine_with(text: str, *, max_rows: int = 2000, **tables: list[tuple[object, ...]]) -> Engine:
    engine = Engine(max_rows=max_rows)
    engine.create_policy("p", kind="recursive")
    engine.load("d", tables)  # type: ignore[arg-type]
    engine.insert("p", text)
    return engine


def runs_of(engine: Engine) -> Iterator[PlannedRun]:
    for tables in engine.plan():
        for rule in tables.rules:
            for conjunction in rule.conjunctions:
                yield from conjunction.runs


def test_what_is_too_large_for_one_run_is_planned() -> None:
    engine = engine_with(CLOSURE, e=[(0, 1)])
    engine.load("d", {"e": []})
    engine.load("d", {"e": [(x, (x + n) % 40) for x in range(40) for n in range(1, 31)]})
    (tables,) = engine.plan()
    assert (tables.rows, [rule.rows for rule in tables.rules]) == (1600, [None, None])


def test_rows_of_a_rule_are_told_where_its_table_tells_them() -> None:
    rules = "one(x) :- d:a(x); none(x) :- d:a(x), x > 9; none(x) :- d:a(x), x > 8\n"
    engine = engine_with(rules + '@severity("low") one(x) :- d:a(x), x > 1', a=[(1,), (2,)])
    rows = {
        (rule.rule.head.table, rule.rule.is_reporting): rule.rows
        for tables in engine.plan()
        for rule in tables.rules
    }
    assert rows == {("one", False): None, ("one", True): 1, ("none", False): 0}
    assert {rule.head.table for _, rule in engine.deriving()} == {"one"}


def test_a_plan_calls_no_builtin(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(registry, "_BUILTINS", dict(registry._BUILTINS))
    registry.builtin("seen(x: any |)")(lambda x: calls.append(x) or True)
    engine = engine_with("q(x) :- d:a(x), seen(x); q(x) :- d:a(x), x > 1", a=[(1,), (2,)])
    called = list(calls)
    assert next(runs_of(engine)).steps
    assert calls == called


def test_the_edges_of_a_closure_are_planned() -> None:
    engine = engine_with(CLOSURE, e=[(1, 2), (2, 3)])
    (edges,) = (run for run in runs_of(engine) if run.gives_edges)
    assert [step.does for step in edges.steps] == ["read all of d:e (2 rows)"]


def test_why_a_recursive_rule_begins_with_its_own_table() -> None:
    rules = "t(x, y) :- d:b(x, y); t(x, z) :- t(x, y), d:e(y, w), d:e(w, z)"
    engine = engine_with(rules, b=[(n, n % 7) for n in range(500)], e=[(0, 1), (1, 2)])
    engine.apply("d", added={"e": [(2, 3)]})
    firsts = {
        run.steps[0].does[:15]: run.steps[0].why for run in runs_of(engine) if not run.changes
    }
    assert firsts["read all of p:t"] == (
        "first: a table that depends on this one is empty, or small, when this runs"
    )
