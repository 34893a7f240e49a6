"""What crosses a limit is told by a diagnostic, whoever asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from congress_dist.policy import Engine, PolicyError


def engine_with(rows: int) -> Engine:
    engine = Engine(max_rows=3)
    engine.create_policy("p", kind="recursive")
    engine.insert("p", "q(x) :- d:b(x, y); tc(x, z) :- d:e(x, z); tc(x, z) :- tc(x, y), tc(y, z)")
    engine.set_schema("d", {"b": ["x", "y"], "e": ["x", "y"]})
    engine.load("d", {"b": [(1, n) for n in range(rows)], "e": []})
    return engine


def test_facts_are_never_too_many() -> None:
    engine = engine_with(rows=1)
    engine.insert("p", "fact(1) fact(2) fact(3) fact(4) fact(5)")
    assert sorted(engine.rows("p", "fact")) == [(1,), (2,), (3,), (4,), (5,)]


def test_a_row_with_many_derivations_is_explained() -> None:
    assert engine_with(rows=10).explain("p", "q", (1,)).children


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: engine.query("p", "d:b(x, y)"),
        lambda engine: engine.prepare("p", "d:b(?, y)")(1),
    ],
)
def test_a_question_that_is_too_large_is_refused(ask: Callable[[Engine], object]) -> None:
    engine = engine_with(rows=10)
    with pytest.raises(PolicyError, match="the query is too large: it derives more than 3 rows"):
        ask(engine)


def test_a_prepared_question_that_got_too_large_is_refused() -> None:
    engine = engine_with(rows=2)
    ask = engine.prepare("p", "d:b(?, y)")
    assert len(ask(1)) == 2
    engine.apply("d", added={"b": [(1, n) for n in range(10, 20)]})
    with pytest.raises(PolicyError, match="the query is too large"):
        ask(1)
