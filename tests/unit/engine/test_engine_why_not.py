"""Why a row is not there: what fails first in each rule, and whether that is certain."""

from __future__ import annotations

from typing import Any

import pytest

from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.policy import Engine
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.why_not import MAX_RULES, Obstacle


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"vm": ["id", "host", "size"], "ok": ["id"], "late": ["id"]})
    engine.load("d", {"vm": [("a", "h1", 2), ("b", "h1", 9), ("c", "h2", 1)], "ok": [("c",)]})
    return engine


def obstacle(engine: Engine, text: str, *row: Any) -> Obstacle:
    engine.restore_rules("p", parse(text))
    found = engine.why_not("p", "r", row)
    (obstacle,) = found.obstacles
    assert not found.is_present
    return obstacle


@pytest.mark.parametrize(
    ("text", "row", "because", "fails", "holds"),
    [
        (
            "r(x) :- d:vm(x, h, s), d:ok(x)",
            ("a",),
            "absence",
            'd:ok("a")',
            ('d:vm("a", "h1", 2)',),
        ),
        ("r(x) :- d:ok(x), d:vm(x, h, s)", ("z",), "absence", 'd:ok("z")', ()),
        ("r(x) :- d:vm(x, h, s), not d:ok(x)", ("c",), "presence", 'not d:ok("c")', None),
        ("r(x) :- d:vm(x, h, s), s > 5", ("a",), "condition", "2 > 5", None),
        ("r(x) :- s > 5, d:vm(x, h, s)", ("a",), "condition", "2 > 5", None),
        ("r(x) :- d:vm(x, h, s), s * 2 = 5", ("a",), "condition", "2 * 2 = 5", None),
        ("r(x) :- d:vm(x, h, s), s in [7, 8]", ("a",), "condition", "2 in [7, 8]", None),
        ("r(x) :- d:vm(x, h, s), starts_with(h, 'x')", ("a",), "condition", None, None),
        ("r(x) :- d:vm(x, h, _), not (d:vm(y, h, _), y != x)", ("a",), "presence", None, None),
        ("r(x, 1) :- d:vm(x, h, s)", ("a", 2), "head", "", ()),
        ("r(x, x) :- d:vm(x, h, s)", ("a", "b"), "head", "", ()),
        ("r(h, count(x)) :- d:vm(x, h, s)", ("h1", 7), "value", "count(x) = 7", None),
        ("r(h, count(x)) :- d:vm(x, h, s)", ("h9", 7), "absence", None, ()),
        ("r(x) :- d:vm(x, h, s), d:late(x)", ("a",), "ignorance", 'd:late("a")', None),
        ("r(x) :- d:late(x), d:ok(x)", ("a",), "ignorance", 'd:late("a")', ()),
        ("r(x) :- d:vm(x, h, s), not d:late(x)", ("a",), "ignorance", 'not d:late("a")', None),
        ("r(x) :- d:ok(x), not d:late(x)", ("a",), "absence", 'd:ok("a")', ()),
        ("r(h, count(x)) :- d:vm(x, h, s), not d:late(x)", ("h1", 2), "ignorance", None, None),
        ("r(x) :- none:t(a=x)", ("a",), "ignorance", "", ()),
    ],
)
def test_the_first_condition_that_fails_is_named(
    engine: Engine,
    text: str,
    row: tuple[Any, ...],
    because: str,
    fails: str | None,
    holds: tuple[str, ...] | None,
) -> None:
    found = obstacle(engine, text, *row)
    assert found.because == because
    assert fails in (None, found.fails)
    assert holds in (None, found.holds)
    assert bool(found.missing) is (because == "ignorance")


@pytest.mark.parametrize(
    ("row", "fails", "actual"),
    [
        (("h1", 3, 11), "count(x) = 3", "count(x) = 2"),
        (("h1", 2, 9), "sum(s, x) = 9", "sum(s, x) = 11"),
        (("h2", 2, 2), "count(x) = 2", "count(x) = 1"),
    ],
)
def test_of_an_aggregate_the_actual_value_is_told(
    engine: Engine, row: tuple[Any, ...], fails: str, actual: str
) -> None:
    found = obstacle(engine, "r(h, count(x), sum(s, x)) :- d:vm(x, h, s)", *row)
    assert (found.because, found.fails, found.holds[-1]) == ("value", fails, actual)


def test_an_aggregate_is_over_all_alternatives(engine: Engine) -> None:
    text = "r(h, count(x)) :- ((d:vm(x, h, s), s < 5) or (d:vm(x, h, s), s > 5))"
    engine.restore_rules("p", parse(text))
    obstacles = engine.why_not("p", "r", ("h1", 3)).obstacles
    assert {each.fails for each in obstacles} == {"count(x) = 3"}
    assert {each.holds[-1] for each in obstacles} == {"count(x) = 2"}


def test_an_aggregate_that_cannot_be_worked_out_is_told(engine: Engine) -> None:
    found = obstacle(engine, "r(h, sum(x)) :- d:vm(x, h, _)", "h1", 3)
    assert (found.because, found.fails) == ("value", "the head can be worked out")


def test_the_conditions_before_it_are_given_with_their_values(engine: Engine) -> None:
    found = obstacle(engine, "r(x) :- d:vm(x, h, s), s > 1, d:ok(x)", "a")
    assert found.holds == ('d:vm("a", "h1", 2)', "2 > 1")


def test_a_certain_absence_is_not_called_ignorance(engine: Engine) -> None:
    engine.insert("p", "some(x) :- d:late(x)\nsome(x) :- d:vm(x, _, _)")
    assert obstacle(engine, "r(x) :- some(x), d:ok(x)", "a").because == "absence"


def test_what_more_rows_could_satisfy_is_ignorance(engine: Engine) -> None:
    engine.insert("p", "some(1) :- d:late(_)\nsome(2)")
    found = obstacle(engine, "r(x) :- d:vm(x, _, s), some(y), y = s - 1", "a")
    assert (found.because, found.missing) == ("ignorance", {"d:late": "not read yet"})


def test_each_rule_and_alternative_has_its_obstacle(engine: Engine) -> None:
    engine.insert(
        "p", '@id("R1") r(x) :- d:ok(x); r(x) :- d:vm(x, h, _), (h = "h2" or d:ok(h)); r("z")'
    )
    found = engine.why_not("p", "r", ("b",))
    assert [(o.rule_id, o.alternative, o.because, o.fails) for o in found.obstacles] == [
        ("R1", 0, "absence", 'd:ok("b")'),
        ("", 1, "condition", '"h1" = "h2"'),
        ("", 2, "absence", 'd:ok("h1")'),
    ]
    assert found.to_wire()["obstacles"][0]["fails"] == 'd:ok("b")'


def test_what_is_there_has_no_obstacle(engine: Engine) -> None:
    engine.insert("p", "r(x) :- d:ok(x)")
    found = engine.why_not("p", "r", ("c",))
    assert (found.is_present, found.obstacles) == (True, ())


def test_tables_without_rules_say_whether_they_are_known(engine: Engine) -> None:
    assert engine.why_not("d", "ok", ("a",)).missing == {}
    assert engine.why_not("d", "late", ("a",)).missing == {"d:late": "not read yet"}
    with pytest.raises(NotFound):
        engine.why_not("nobody", "t", ())
    with pytest.raises(InvalidRequest, match="has 1 column, the row 2"):
        engine.why_not("d", "ok", (1, 2))


@pytest.mark.parametrize(("rules", "is_cut"), [(MAX_RULES, False), (MAX_RULES + 1, True)])
def test_only_so_many_rules_are_looked_at(engine: Engine, rules: int, is_cut: bool) -> None:
    engine.insert("p", "; ".join(f"r(x) :- d:vm(x, _, {n + 100})" for n in range(rules)))
    found = engine.why_not("p", "r", ("a",))
    assert (len(found.obstacles), found.is_cut) == (MAX_RULES, is_cut)


def test_a_table_that_nothing_defines_is_named(engine: Engine) -> None:
    for owner in ("p", "d"):
        with pytest.raises(NotFound, match=f"nothing defines the table '{owner}:none'"):
            engine.why_not(owner, "none", ("a",))
        with pytest.raises(NotFound, match=r"has no row .*, as nothing defines the table"):
            engine.explain(owner, "none", ("a",))
    with pytest.raises(NotFound, match=r"has no row .*, as it has 1 column$"):
        engine.explain("d", "ok", ("c", "c"))


@pytest.mark.parametrize("tables", [None, {"t": None}, {"t": 5}])
def test_a_schema_that_is_none_is_refused(engine: Engine, tables: Any) -> None:
    with pytest.raises(InvalidRequest, match="expected"):
        engine.set_schema("new", tables)
