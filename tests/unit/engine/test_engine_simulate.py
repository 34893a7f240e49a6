"""Simulation: sequences of changes and actions as Congress means them; nothing is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from congress_dist.errors import NotFound
from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.language.grammar import parse

SET = 'action("set"); p+(x, y) :- set(x, y); p-(x, old) :- set(x, y), p(x, old)'
DATA = (
    'p(101, 0) p(202, "abc") p(302, 9)\n'
    "error(x) :- p(x, v1), p(x, v2), not equal(v1, v2)\nerror(x) :- p(x, 9)"
)


def engine_with(data: str = DATA, actions: str = SET) -> Engine:
    engine = Engine()
    engine.create_policy("t")
    engine.create_policy("act", kind="action")
    engine.create_policy("nova")
    engine.set_schema("d", {"port": ["id", "open"]})
    engine.load("d", {"port": [(22, True)]})
    engine.insert("t", data)
    engine.restore_rules("act", parse(actions))
    return engine


def contents(engine: Engine) -> object:
    owners = ("t", "act", "nova")
    return (
        {policy: set(engine.policy_rules(policy)) for policy in owners},
        {(o, t): set(engine.rows(o, t)) for o in (*owners, "d") for t in engine.tables(o)},
        engine.waiting(),
        {owner: engine.kind(owner) for owner in (*owners, "d", "new", "e")},
        {(o, t): engine.width(o, t) for o in (*owners, "d") for t in engine.tables(o)},
    )


def simulated(sequence: str, query: str = "error(x)", **texts: str) -> list[Any]:
    engine = engine_with(**texts)
    before = contents(engine)
    found = engine.simulate("t", query, sequence, "act")
    assert contents(engine) == before
    return sorted(found.rows)


@pytest.mark.parametrize(
    ("sequence", "query", "expected"),
    [
        ("", "error(x)", [(302,)]),
        ("p+(101, 9) p-(101, 0)", "error(x)", [(101,), (302,)]),
        (
            "p+(101, 5) error-(x) :- p(x, a), p(x, b), not equal(a, b)",
            "error(x)",
            [(101,), (302,)],
        ),
        ("q+(x) :- p(x, 9)", "q(x)", [(302,)]),
        ("error-(x) :- p(x, 9)", "error(x)", []),
        ("set(101, 5)", "error(x)", [(302,)]),
        ("set(101, 9) set(202, 9) set(302, 1)", "error(x)", [(101,), (202,)]),
        ("set(101, 0)", "p(101, y)", [(101, 0)]),
        ("set(x, 7) :- p(x, 9)", "p(302, y)", [(302, 7)]),
        ("set(x, 7) :- p(x, 10)", "p(302, y)", [(302, 9)]),
        ("nova:p+(1) nova:p-(2)", "ans(x) :- nova:p(x)", [(1,)]),
        ("d:port+(80, true) d:port-(22, true)", "d:port(x, _)", [(80, True)]),
        ("p+(1 + 1, 3)", "p(2, y)", [(2, 3)]),
    ],
)
def test_a_sequence_is_carried_out_and_taken_back(
    sequence: str, query: str, expected: list[Any]
) -> None:
    assert simulated(sequence, query) == expected


def test_insertion_wins_over_deletion() -> None:
    actions = 'action("q"); p+(x) :- q(x); p-(x) :- q(x)'
    assert simulated("q(1)", "p(x)", data="p(2)", actions=actions) == [(1,), (2,)]


def test_actions_follow_each_other() -> None:
    actions = 'action("q") action("r") p+(x) :- q(x) p-(x) :- r(x)'
    assert simulated("q(1) r(1)", "p(x)", data="p(2)", actions=actions) == [(2,)]
    assert simulated("r(1) q(1)", "p(x)", data="p(2)", actions=actions) == [(1,), (2,)]


def test_the_actions_of_one_statement_work_at_once() -> None:
    actions = 'action("q") action("r") p+(x, z) :- q(x, y), r(y, z)'
    for sequence in ("q(1, 2), r(2, 3) :- true", "q(1, 2), r(2, 3)", "q(1, y), r(y, 3) :- s(y)"):
        assert simulated(sequence, "p(x, y)", data="s(2)", actions=actions) == [(1, 3)]
    assert simulated("q(1, 2) r(2, 3)", "p(x, y)", data="s(2)", actions=actions) == []
    found = simulated("p+(7, 7), q(1, 2), r(2, 3)", "p(x, y)", data="s(2)", actions=actions)
    assert found == [(1, 3), (7, 7)]


def test_the_result_of_an_action_feeds_the_next_one() -> None:
    actions = """
        action("create") action("update")
        p+(id, val) :- create(val)
        p+(id, val) :- update(id, val)
        p-(id, val) :- update(id, new), p(id, val)
        result(x) :- create(val), p+(x, val)
    """
    data = "hasval(val) :- p(x, val); p(0, 3)"
    found = simulated(
        "create(0) update(x, 1) :- result(x)", "hasval(x)", data=data, actions=actions
    )
    assert found == [(1,), (3,)]


def test_an_unbound_variable_of_an_effect_is_a_new_value_for_each_row() -> None:
    actions = 'action("new") p+(id, v) :- new(x), source(v)'
    data = "source(1) source(2) p(9, 9)"
    rows = simulated("new(0) new(0)", "ans(i, v) :- p(i, v), v < 9", data=data, actions=actions)
    assert len({identity for identity, _ in rows}) == len(rows) == 4


def test_new_values_reach_the_rules_that_rest_on_them() -> None:
    # Neither in the order of their text nor in the other one each rule follows what it reads.
    actions = 'action("go") m+(x, i) :- go(x) a+(i, j) :- m+(x, i) z+(j, k) :- a+(i, j)'
    found = simulated(
        "go(1)",
        "ans(x, i, j, k) :- m(x, i), a(i, j), z(j, k)",
        data="m(0, 0) a(9, 0) z(9, 9)",
        actions=actions,
    )
    ((x, *new),) = found
    assert x == 1
    assert len(set(new)) == 3


def test_the_action_policy_sees_its_own_tables_and_those_of_the_policy() -> None:
    actions = 'action("q") kept(1) p-(x) :- q(_), p(x), not kept(x) nova:log+(x) :- q(x), port(x)'
    engine = engine_with("p(1) p(2) p(3) kept(3) port(5)", actions)
    assert engine.simulate("t", "p(x)", "q(5)", "act").disappeared == [(2,)]
    assert engine.simulate("t", "ans(x) :- nova:log(x)", "q(5)", "act").rows == [(5,)]


def test_the_difference_is_told_by_type_and_value() -> None:
    engine = engine_with("p(1)")
    found = engine.simulate("t", "p(x)", "p+(1.0) p-(1)")
    assert (found.rows, found.appeared, found.disappeared) == ([(1.0,)], [(1.0,)], [(1,)])
    assert found.trace == ("p+(1.0): +t:p(1.0)", "p-(1): -t:p(1)")


@pytest.mark.parametrize(
    ("sequence", "code"),
    [
        ("p+(7, 7) p(101, 5)", "simulation"),
        ("p+(7, 7) set(1", "syntax"),
        ("p+(7, 7), set(1, 2), p(101, 5)", "simulation"),
        ("p+(7, 7), ", "syntax"),
        ("p+(7, 7) p+(1, 2, 3)", "arity"),
        ("p+(7, 7) q+(x) :- error(x)  error+(x) :- q(x)", "recursion"),
        ("p+(7, 7) execute[set(1)]", "simulation"),
        ("p+(7, 7) d:port+(x) :- p(x, y)", "rule-in-datasource"),
    ],
)
def test_a_sequence_that_fails_leaves_nothing_behind(sequence: str, code: str) -> None:
    engine = engine_with()
    before = contents(engine)
    with pytest.raises(PolicyError) as error:
        engine.simulate("t", "error(x)", sequence, "act")
    assert error.value.diagnostics[0].code == code
    assert contents(engine) == before
    engine.insert("t", "q(x) :- p(x, _)")
    assert sorted(engine.rows("t", "q")) == [(101,), (202,), (302,)]


def test_a_query_that_fails_leaves_nothing_behind() -> None:
    engine = engine_with()
    before = contents(engine)
    with pytest.raises(PolicyError):
        engine.simulate("t", "ans(x) :- p(y, _)", "set(101, 5)", "act")
    for policy, sequence, actions in [
        ("t", "none:p+(1)", "act"),
        ("no", "", None),
        ("t", "", "no"),
    ]:
        with pytest.raises(NotFound):
            engine.simulate(policy, "error(x)", sequence, actions)
    assert contents(engine) == before


@pytest.mark.parametrize(
    ("query", "result", "delta"),
    [
        ("p(x, y)", ("p(101, 9)", 'p(202, "abc")', "p(302, 9)"), ("p+(101, 9)", "p-(101, 0)")),
        ("ans(x) :- p(x, 9)", ("ans(101)", "ans(302)"), ("ans+(101)",)),
        ("act:q(x)", (), ()),
    ],
)
def test_the_result_is_the_answer_as_facts_or_what_changes_of_it(
    query: str, result: tuple[str, ...], delta: tuple[str, ...]
) -> None:
    engine = engine_with()
    assert engine.simulate("t", query, "set(101, 9)", "act").result == result
    assert engine.simulate("t", query, "set(101, 9)", "act", delta=True).result == delta


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ('d:port+(x, "ON")', "'d' is a datasource; d:port+(x, \"ON\") names no row of it"),
        ("d:port-(_, _)", "'d' is a datasource; d:port-(_, _) names no row of it"),
        ("d:port+(x, 1) :- p(x, _)", "'d' is a datasource"),
        ("p+(1)", "arity"),
        ("p+(x, y) :- p(x, _)", "unsafe-variable"),
    ],
)
def test_a_change_that_is_refused_has_its_place(statement: str, said: str) -> None:
    with pytest.raises(PolicyError) as caught:
        simulated(f"p+(1, 2)\n  {statement}")
    found = caught.value.diagnostics[0]
    assert (found.source, found.line, found.column) == ("<sequence>", 2, 3)
    assert said in caught.value.message
    assert "^" in caught.value.message


def test_a_datasource_is_no_action_policy() -> None:
    with pytest.raises(NotFound, match="'d' is a datasource, not a policy"):
        engine_with().simulate("t", "error(x)", "", "d")


def test_an_action_of_another_width_says_what_the_rules_read() -> None:
    found = engine_with().simulate("t", "error(x)", "set(1, 2, 3)", "act")
    assert found.trace == ("set(1, 2, 3): no effect, as the rules read 'set' with 2 arguments",)


@pytest.mark.parametrize(
    ("sequence", "part"),
    [
        ("set(1, x)", "'x'"),
        ("set(1, _)", "'_'"),
        ("set(x, z) :- p(x, _)", "'z'"),
        ("p+(7, 7) set(1, count(x)) :- p(x, _)", "'count(x)'"),
    ],
)
def test_an_action_without_a_value_is_refused(sequence: str, part: str) -> None:
    engine = engine_with()
    before = contents(engine)
    with pytest.raises(PolicyError) as refused:
        engine.simulate("t", "p(x, y)", sequence, "act")
    (found,) = refused.value.diagnostics
    assert (found.code, found.line, found.column) == ("simulation", 1, sequence.index("set") + 1)
    assert f"has no value for {part}" in found.message
    assert contents(engine) == before


@pytest.mark.parametrize(
    ("sequence", "appeared"),
    [
        ("set(101, 1 + 1)", [(101, 2)]),
        ("set(x, y * 2 + x) :- p(x, y), y > 0", [(302, 320)]),
        ("set(1, 1 / 0)", []),
    ],
)
def test_arguments_of_actions_are_worked_out(sequence: str, appeared: list[Any]) -> None:
    assert engine_with().simulate("t", "p(x, y)", sequence, "act").appeared == appeared


def test_an_unsafe_condition_of_an_action_is_refused() -> None:
    with pytest.raises(PolicyError) as refused:
        engine_with().simulate("t", "p(x, y)", "set(x, 1) :- p(x, _), not p(z, 1)", "act")
    assert [(d.code, d.line) for d in refused.value.diagnostics] == [("unsafe-variable", 1)]
