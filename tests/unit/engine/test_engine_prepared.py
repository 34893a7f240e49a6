"""Prepared queries, and text queries asked again."""

from __future__ import annotations

import gc
import weakref

import pytest

from congress_dist.errors import InvalidRequest, InvalidRow, NotFound
from congress_dist.policy import Engine, PolicyError, prepared
from congress_dist.policy.language.ast import Parameter
from congress_dist.policy.language.grammar import parse_prepared
from congress_dist.policy.language.printer import print_rule
from congress_dist.policy.language.walk import variables_of_rule
from congress_dist.policy.prepared import MAX_CACHED


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"edge": ["x", "y"]})
    engine.load("d", {"edge": [(1, 2), (2, 3), (3, 1), ("?", 4)]})
    engine.insert("p", "tc(x, y) :- d:edge(x, y); tc(x, z) :- tc(x, y), d:edge(y, z)")
    return engine


def test_a_prepared_query_takes_its_values_with_each_call(engine: Engine) -> None:
    reach = engine.prepare("p", "tc(?, y)")
    assert sorted(reach(1)) == [(1, 1), (1, 2), (1, 3)]
    assert reach("?") == [("?", 4)]
    assert (reach(1.0), reach("never seen")) == ([], [])
    assert engine.prepare("p", "d:edge(y=?)")(3) == [(2, 3)]


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("ans(y) :- d:edge(x, y), x = ?", (2,), [(3,)]),
        ("ans(x, y) :- d:edge(x, y), y > ?, y < ?", (1, 3), [(1, 2)]),
        ("ans(x, ?) :- d:edge(x, _), not (d:edge(x, y), y != ?)", ("t", 3), [(2, "t")]),
        ('ans(?) :- d:edge("?", y) # or ?', (7,), [(7,)]),
        ("ans(y + ?) :- d:edge(1, y)", (40,), [(42,)]),
        ("yes() :- d:edge(?, ?)", (2, 3), [()]),
        ("ans(a) :- d:edge(a, ?)", (2,), [(1,)]),
        ("ans(x) :- d:edge(x, _), ? = null", (None,), [("?",), (1,), (2,), (3,)]),
        ("ans(count(x)) :- d:edge(x, y), y >= ?", (2,), [(3,)]),
        ("ans(x) :- d:edge(x, _), x in [?, 3]", (1,), [(1,), (3,)]),
        ("ans(x) :- x in [?, 9, ?]", (1, "a"), [("a",), (1,), (9,)]),
        ("ans(x) :- d:edge(x, _), x not in [?, 3]", (1,), [("?",), (2,)]),
        ("ans(x) :- d:edge(x, _), x not in [?]", ("?",), [(1,), (2,), (3,)]),
        ("ans(y) :- d:edge(1, y), ? in [1, 2]", (2,), [(2,)]),
        ("ans(y) :- d:edge(1, y), ? in [1, 2]", (2.0,), []),
        ("ans(y) :- d:edge(1, y), ? not in [1, ?]", (2, 3), [(2,)]),
        ("ans(x) :- d:edge(x, _), not (x in [?, 3])", (1,), [("?",), (2,)]),
        ("ans(x) :- d:edge(x, y), y = - ? + 6", (4,), [(1,)]),
    ],
)
def test_a_question_mark_is_a_term(
    engine: Engine, text: str, values: tuple[object, ...], expected: list[object]
) -> None:
    assert sorted(engine.prepare("p", text)(*values), key=str) == expected  # type: ignore[arg-type]


def test_a_prepared_query_follows_rows_rules_and_schemas(engine: Engine) -> None:
    reach = engine.prepare("p", "tc(?, y)")
    engine.apply("d", added={"edge": [(3, 9)]})
    assert sorted(reach(3)) == [(3, 1), (3, 2), (3, 3), (3, 9)]
    engine.insert("p", "tc(x, x) :- tc(x, _)")
    assert ("?", "?") in reach("?")
    engine.delete("p", "tc(x, x) :- tc(x, _)")
    assert reach("?") == [("?", 4)]
    engine.set_schema("d", {"edge": ["x", "y", "z"]})
    assert reach(1) == []
    assert reach.answer(1).missing
    engine.delete_policy("p")
    with pytest.raises(NotFound):
        reach(1)


def test_ids_that_are_given_out_again_never_reach_a_prepared_query(engine: Engine) -> None:
    named = engine.prepare("p", 'ans(x, "constant") :- d:edge(?, x)')
    for number in range(300):
        engine.load("d", {"edge": [(f"a{number}", f"b{number}")]})
        assert named(f"a{number}") == [(f"b{number}", "constant")]
        assert engine.query("p", 'ans("c") :- d:edge(_, _)') == [("c",)]
    assert engine.footprint().values < 100


def indexes_of_edge(engine: Engine) -> set[tuple[int, ...]]:
    return set(engine.footprint().indexes.get("d:edge", ()))


def test_a_prepared_query_keeps_its_index_while_it_lives(engine: Engine) -> None:
    before = indexes_of_edge(engine)
    found = engine.prepare("p", "d:edge(x, ?)")
    found(3)
    assert indexes_of_edge(engine) == before | {(1,)}
    del found
    assert indexes_of_edge(engine) == before


def test_a_text_query_keeps_its_index_as_long_as_it_is_kept(engine: Engine) -> None:
    before = indexes_of_edge(engine)
    engine.query("p", "d:edge(x, 2)")
    assert indexes_of_edge(engine) == before | {(1,)}
    for number in range(MAX_CACHED):
        engine.query("p", f"tc({number}, y)")
    assert indexes_of_edge(engine) == before


def test_wrong_values_are_refused(engine: Engine) -> None:
    reach = engine.prepare("p", "tc(?, y)")
    with pytest.raises(InvalidRequest, match="takes 1 value, not 2"):
        reach(1, 2)
    with pytest.raises(InvalidRow):
        reach(2**64)


def test_a_diagnostic_of_a_prepared_query_keeps_its_place(engine: Engine) -> None:
    with pytest.raises(PolicyError) as error:
        engine.prepare("p", "ans(x, z) :- d:edge(x, ?), q(?, ?)")
    assert [(d.code, d.column) for d in error.value.diagnostics] == [("unsafe-variable", 8)]


def test_text_queries_are_kept_up_to_a_number(engine: Engine) -> None:
    for number in range(MAX_CACHED + 10):
        engine.query("p", f"d:edge({number}, y)")
    assert engine.footprint().queries == MAX_CACHED
    assert engine.query("p", "d:edge(1, y)") == [(1, 2)]


def test_each_question_mark_is_a_term_of_its_own(engine: Engine) -> None:
    text = "ans(?, x) :- d:edge(x, y), y > ? - 1, (x = ? or x = y), 'b?' != \"?\" # c ?"
    rule = parse_prepared(text)
    marks = [v for v in variables_of_rule(rule) if isinstance(v, Parameter)]
    assert [text[mark.span.start] for mark in marks] == ["?"] * 3
    assert len(set(marks)) == 3
    assert parse_prepared(print_rule(rule).replace(" # c ?", "")).head.table == "ans"
    assert engine.prepare("p", text)("a", 3, 1) == []
    assert sorted(engine.prepare("p", text)("a", 2, 1)) == [("a", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "d:edge(?, y)",
        "ans(x) :- d:edge(x, y), y > ?",
        "ans(x) :- d:edge(x, y), ? in [1]",
        "ans(x) :- d:edge(x, y), y in [1, ?]",
        "ans(x) :- d:edge(x, y), y = -?",
    ],
)
def test_a_question_mark_needs_a_prepared_query(engine: Engine, text: str) -> None:
    for ask in (engine.query, engine.insert):
        with pytest.raises(PolicyError) as refused:
            ask("p", text)
        assert [d.code for d in refused.value.diagnostics] == ["prepared-only"]


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("d:edge(?=1)", 9),
        ("@id(?) ans(x) :- d:edge(x, y)", 5),
        ("ans(x) :- d:edge(x, y), x in [? + 1]", 31),
        ("ans(x) :- ?(x)", 12),
        ("execute[?(1)]", 9),
    ],
)
def test_a_question_mark_is_no_name(engine: Engine, text: str, column: int) -> None:
    with pytest.raises(PolicyError) as refused:
        engine.prepare("p", text)
    (found,) = refused.value.diagnostics
    assert (found.code, found.column) == ("syntax", column)
    assert "'?' is one value" in found.note


def test_parameters_are_nothing_to_warn_of(engine: Engine) -> None:
    assert engine.prepare("p", "d:edge(?, y)").answer(1).warnings == ()


def test_the_text_queries_that_were_asked_last_are_kept(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    parse = prepared.parse_query
    monkeypatch.setattr(prepared, "parse_query", lambda text: read.append(text) or parse(text))
    monkeypatch.setattr(prepared, "MAX_CACHED", 3)
    texts = [f"ans(x) :- x = {number}" for number in range(4)]
    for number in (0, 1, 2, 0, 3, 0, 2, 1):
        engine.query("p", texts[number])
    assert read == [texts[number] for number in (0, 1, 2, 3, 1)]


def test_a_value_that_no_table_may_hold_is_named_by_its_place(engine: Engine) -> None:
    edges = engine.prepare("p", "d:edge(?, ?)")
    with pytest.raises(InvalidRow, match=r"value 2 of the 2 given for '\?' .* beyond 64 bits"):
        edges(1, 2**63)
    assert edges(1, 2) == [(1, 2)]


def test_values_that_python_holds_equal_are_told_apart_when_asked_often() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["a", "b"]})
    values = (1, 1.0, True, "1", 0, 0.0, False, None, 2**40, float(2**40), "é", "")
    engine.load("d", {"t": [(value, repr(value)) for value in values]})
    asked = engine.prepare("p", "d:t(?, x)")
    for _ in range(4):
        for value in values:
            (row,) = asked(value)
            assert (type(row[0]), row) == (type(value), (value, repr(value)))


def test_answers_that_are_asked_often_follow_each_change_and_its_rollback() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.load("d", {"t": [("a", 1)]})
    asked = engine.prepare("p", "d:t(?, x)")
    for number in range(2, 6):
        for _ in range(4):
            assert asked("a") == [("a", number - 1)]
        with engine.trial():
            engine.apply("d", added={"t": [("a", number)]})
            for _ in range(4):
                assert sorted(asked("a")) == [("a", number - 1), ("a", number)]
        for _ in range(4):
            assert asked("a") == [("a", number - 1)]
        engine.apply("d", added={"t": [("a", number)]}, removed={"t": [("a", number - 1)]})


def test_answers_that_are_asked_often_follow_what_the_question_means() -> None:
    engine = Engine()
    engine.create_policy("p")
    asked = engine.prepare("p", "d:t(?, x)")
    for columns in (["a", "b"], ["a", "c"], ["b", "a"]):
        engine.set_schema("d", {"t": columns})
        for _ in range(4):
            assert asked("a") == []
        engine.load("d", {"t": [("a", 1)]})
        for _ in range(4):
            assert asked("a") == [("a", 1)]


def test_a_caller_may_change_the_rows_that_it_got() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.load("d", {"t": [("a", 1)]})
    asked = engine.prepare("p", "d:t(?, x)")
    for _ in range(4):
        rows = asked("a")
        assert rows == [("a", 1)]
        rows.clear()


def test_more_keys_than_are_kept_get_their_own_rows() -> None:
    engine = Engine()
    engine.create_policy("p")
    keys = [f"key {number}" for number in range(10_000)]
    engine.load("d", {"t": [(key, number, number % 3) for number, key in enumerate(keys)]})
    asked = engine.prepare("p", "d:t(?, x, ?)")
    for _ in range(3):
        for number, key in enumerate(keys):
            assert asked(key, number % 3) == [(key, number, number % 3)]
            assert asked(key, 3) == []


def test_a_prepared_query_takes_values_in_text_order_only() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.load("d", {"t": [("a", 1)]})
    asked = engine.prepare("p", "d:t(?, x)")
    with pytest.raises(TypeError, match="text order"):
        asked(x="a")
    for values in ((), ("a", "b")):
        with pytest.raises(InvalidRequest, match="takes 1 value,"):
            asked(*values)
        with pytest.raises(InvalidRequest, match="takes 1 value,"):
            asked.answer(*values)
    assert asked.text == "d:t(?, x)"


def test_a_prepared_query_that_refers_to_itself_is_forgotten() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.load("d", {"t": [("a", 1)]})
    asked = engine.prepare("p", "d:t(?, x)")
    asked("a")
    engine.asked = asked  # type: ignore[attr-defined]
    gone = weakref.ref(engine)
    del engine, asked
    gc.collect()
    assert gone() is None


def test_a_question_sees_a_table_that_went_and_came_back(engine: Engine) -> None:
    engine.insert("p", "degree(x, count(y)) :- d:edge(x, y)")
    degree = engine.prepare("p", "degree(?, n)")
    engine.mark_missing("d", ["edge"], reason="away")
    assert (degree(5), engine.query("p", "degree(x, n)")) == ([], [])
    engine.load("d", {"edge": [(5, 3)]})
    assert (degree(5), engine.query("p", "degree(x, n)")) == ([(5, 1)], [(5, 1)])
