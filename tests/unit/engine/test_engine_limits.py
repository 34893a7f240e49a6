"""What crosses a limit is told by a diagnostic, whoever asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from congress_dist.errors import InvalidRequest
from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.kernel import TableFull
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.lexical import MAX_NESTING
from congress_dist.policy.language.names import MAX_COLUMNS


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


def test_facts_may_join_more_than_a_rule() -> None:
    engine = Engine(max_rows=1)
    engine.create_policy("p")
    engine.insert("p", " ".join(f"fact({number})" for number in range(100)))
    assert engine.size("p", "fact") == 100


def test_a_projection_does_not_count_as_what_the_rule_derives() -> None:
    engine = Engine(max_rows=10)
    engine.create_policy("p")
    engine.load("clock", {"now": [("2026-01-01 00:00:00",)]})
    engine.set_schema("d", {"a": ["x"], "b": ["x", "y"], "t": ["k", "at"]})
    engine.insert(
        "p",
        "u(x) :- d:a(x), not d:b(x, _); old(k) :- d:t(k, at), age_seconds(at, s), s > 100000000",
    )
    times = [(number, f"2025-12-31 00:00:{number}") for number in range(10, 60)]
    pairs = [(number, number) for number in range(50)]
    engine.load("d", {"a": [(n,) for n in range(48, 53)], "b": pairs, "t": times})
    assert sorted(engine.rows("p", "u")) == [(50,), (51,), (52,)]
    assert engine.missing("p", "old") == engine.missing("p", "u") == {}


def test_a_rule_beside_a_table_of_its_own_has_its_limit() -> None:
    engine = Engine(max_rows=5)
    engine.create_policy("p", kind="recursive")
    engine.insert("p", "t(x, y) :- d:e(x, y); t(x, z) :- t(x, y), d:e(y, z), d:e(1, _)")
    engine.load("d", {"e": [(1, 2), (2, 1), (1, 3)]})
    assert engine.size("p", "t") == 3
    assert "it derives more than 5 rows" in engine.missing("p", "t")["p:t"]


def test_an_internal_table_that_is_too_large_is_told_as_such() -> None:
    engine = Engine(max_rows=50)
    engine.create_policy("p")
    engine.set_schema("d", {"a": ["x"]})
    engine.insert("p", "most(max(z)) :- d:a(x), d:a(y), z = x + 9 * y")
    engine.load("d", {"a": [(number,) for number in range(9)]})
    (reason,) = engine.missing("p", "most").values()
    assert "it needs an internal table of more than 50 rows; narrow 'most(max(z)) :- " in reason


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


def _from_a_deep_stack(frames: int, work: Callable[[], object]) -> object:
    return work() if frames == 0 else _from_a_deep_stack(frames - 1, work)


def _nested(group: str, count: int) -> str:
    text = "r(x)"
    for _ in range(count):
        text = group.format(text)
    return f"p(x) :- q(x), {text}"


_NESTED_GROUPS = (
    "({})",
    "not ({})",
    "(r(x) or {})",
    "(x = 1, r(x) or q(x), {})",
    "not (q(x), {})",
)


@pytest.mark.parametrize("group", _NESTED_GROUPS[:4])
def test_the_deepest_groups_are_worked_out_from_a_deep_stack(group: str) -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.insert("p", "q(1) q(2) r(2)")
    text = _nested(group, MAX_NESTING - group.count("(r") - 1)

    def work() -> None:
        engine.insert("p", text)
        found = engine.query("p", text)
        assert found == engine.rows("p", "p")
        assert engine.prepare("p", text)() == found
        engine.explain("p", "p", found[0])
        engine.why_not("p", "p", (7,))
        engine.plan()
        engine.simulate("p", "p(x)", "q-(2)")
        engine.delete("p", text)

    _from_a_deep_stack(400, work)


@pytest.mark.parametrize("group", _NESTED_GROUPS)
def test_groups_that_nest_deeper_are_refused(group: str) -> None:
    engine = Engine()
    engine.create_policy("p")
    text = _nested(group, MAX_NESTING + 1)
    for ask in (engine.insert, engine.query, engine.prepare):
        with pytest.raises(PolicyError) as refused:
            _from_a_deep_stack(400, lambda ask=ask: ask("p", text))  # type: ignore[misc]
        (found,) = refused.value.diagnostics
        assert (found.code, found.line, bool(found.hint)) == ("too-deep", 1, True)


@pytest.mark.parametrize("body", ["", " :- true"])
def test_a_stored_head_with_too_many_columns_is_parked(body: str) -> None:
    engine = Engine()
    engine.create_policy("p")
    wide = parse(f"wide({', '.join(map(str, range(MAX_COLUMNS + 1)))}){body}")
    with pytest.raises(PolicyError, match="at most 1,024 are possible"):
        engine.insert_checked("p", wide)
    engine.restore_rules("p", [*wide, *parse("q(1)")])
    assert (engine.rows("p", "wide"), engine.rows("p", "q")) == ([], [(1,)])
    assert "at most 1,024 are possible" in engine.missing("p", "wide")["p:wide"]
    engine.restore_rules("p", parse("@severity('low') q(2)"))
    engine.withdraw_rules("p", wide)
    assert engine.missing("p", "wide") == {}
    assert engine.tables("p") == ["q"]


def test_a_load_that_parks_a_rule_with_tables_of_its_own_is_carried_out() -> None:
    engine = Engine(max_rows=3)
    engine.create_policy("p")
    engine.insert("p", "i() :- (not d:v(y, _) or y <= y, -1e+308 <= y or y != y), d:v(y, _)")
    rows = [(-(2**27) - 1, "a,b"), (-1e308, "a,b"), ("a,b", -(2**27) - 1), (False, -1e308)]
    engine.load("d", {"v": rows})
    assert engine.size("d", "v") == len(rows)


def test_one_of_many_rows_behind_a_wildcard_is_enough() -> None:
    engine = Engine(max_rows=3)
    engine.create_policy("p")
    engine.load("d", {"e": [(number, number) for number in range(9)]})
    engine.insert("p", "u(1) :- d:e(_, _)")
    (child,) = engine.explain("p", "u", (1,)).children
    assert child.row in engine.rows("d", "e")


@pytest.mark.parametrize("most", [0, -1, 2**51, True, 1.5, "many", None])
def test_what_is_no_limit_of_rows_is_refused(most: object) -> None:
    with pytest.raises(InvalidRequest, match="expected a number from 1 to"):
        Engine(max_rows=most)  # type: ignore[arg-type]


BEGUN = "t(x, y) :- d:b(x, y)"
SMALL = "t(x, z) :- t(x, y), d:small(y, z)"
HUGE = "t(x, z) :- t(x, y), d:huge(y, z)"


@pytest.mark.parametrize("steps", [(SMALL, HUGE), (HUGE, SMALL)])
def test_of_a_closure_only_the_step_that_derives_too_much_is_stopped(
    steps: tuple[str, str],
) -> None:
    engine = Engine(max_rows=2_000)
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"b": ["x", "y"], "small": ["x", "y"], "huge": ["x", "y"]})
    engine.insert("p", " ".join([BEGUN, *steps]))
    huge = [(0, n) for n in range(2, 100)]
    engine.load("d", {"b": [(n, 0) for n in range(100)], "small": [(0, 1)], "huge": huge})
    assert sorted(engine.rows("p", "t")) == sorted((n, end) for n in range(100) for end in (0, 1))


@pytest.mark.parametrize("is_indexed", [False, True])
@pytest.mark.parametrize("steps", [1, 2])
def test_steps_of_a_closure_are_not_held_to_what_they_join_together(
    steps: int, is_indexed: bool
) -> None:
    engine = Engine(max_rows=2_000)
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"b": ["x", "y"], "e": ["x", "y"], "f": ["x", "y"]})
    texts = ["t(x, z) :- t(x, y), d:e(y, z)", "t(x, z) :- t(x, y), d:f(y, z)"]
    engine.insert("p", " ".join([BEGUN, *texts[:steps]]))
    asked = engine.prepare("p", "t(x, ?)")
    if is_indexed:  # what is found goes into the table batch by batch, and is taken back by rows
        assert asked(1_000) == []
    edges = [(n, 1_000 + end) for n in range(25) for end in range(50)]  # 25,000 joins for each
    begun = [(10_000 + group, n) for group in range(20) for n in range(25)]
    engine.load("d", {"b": begun, "e": edges, "f": edges})
    assert engine.missing("p", "t") == {}
    assert engine.size("p", "t") == 20 * (25 + 50)
    assert len(asked(1_000)) == 20


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: engine.apply("d", added={"b": [(1, 2)]}),
        lambda engine: engine.load("d", {"b": [(1, 2)]}),
    ],
)
def test_a_table_that_is_full_is_told_and_nothing_changed(
    change: Callable[[Engine], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_with(rows=2)
    number = engine._face.tables.number(("d", "b"), 2)

    def refuse(*_: object) -> object:
        raise TableFull("it would have 2^31 rows", number)

    # No test has the memory for as many rows.
    with monkeypatch.context() as patch:
        patch.setattr(engine._face, "step", refuse)
        patch.setattr(engine._face, "replace", refuse)
        with pytest.raises(
            InvalidRequest, match=r"the table d:b is full: it would have 2\^31 rows"
        ):
            change(engine)
    assert sorted(engine.rows("d", "b")) == [(1, 0), (1, 1)]
