"""Rows of datasources in, derived rows and differences out."""

from __future__ import annotations

import math
from threading import Thread
from typing import Any

import pytest

from congress_dist.errors import Conflict, InvalidRequest, InvalidRow, NotFound
from congress_dist.policy import Engine


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"edge": ["x", "y"], "node": ["n"]})
    engine.load("d", {"edge": [], "node": []})
    return engine


def test_a_change_tells_what_appeared_and_disappeared(engine: Engine) -> None:
    engine.insert("p", "alone(n) :- d:node(n), not d:edge(n, _)")
    assert engine.load("d", {"node": [(1,)]}) == {("p", "alone"): ([(1,)], [])}
    assert engine.apply("d", {"edge": [(1, 2)]}) == {("p", "alone"): ([], [(1,)])}
    engine.apply("d", {"node": [(2,)]})
    changes = engine.apply("d", {"node": [(3,)]}, {"edge": [(1, 2)], "node": [(2,)]})
    appeared, disappeared = changes["p", "alone"]
    assert sorted(appeared) == [(1,), (3,)]
    assert disappeared == [(2,)]


def test_what_changes_nothing_is_not_reported(engine: Engine) -> None:
    engine.insert("p", "q(x) :- d:edge(x, _)")
    engine.load("d", {"edge": [(1, 2), (1, 3)]})
    assert engine.apply("d", {"edge": [(1, 2)]}, {"edge": [(9, 9), ("never seen", 1)]}) == {}
    assert engine.apply("d", {}, {"edge": [(1, 2)]}) == {}
    assert engine.load("d", {"edge": [(1, 3)]}) == {}


def test_a_row_added_and_removed_at_once_is_there(engine: Engine) -> None:
    engine.apply("d", {"node": [(1,)]}, {"node": [(1,)]})
    assert engine.rows("d", "node") == [(1,)]
    engine.apply("d", {"node": [(1,)]}, {"node": [(1,)]})
    assert engine.rows("d", "node") == [(1,)]


def test_load_replaces_the_rows_of_its_tables_only(engine: Engine) -> None:
    engine.load("d", {"edge": [(1, 2)], "node": [(1,)]})
    engine.load("d", {"node": iter([(2,)])})
    assert engine.rows("d", "node") == [(2,)]
    assert engine.rows("d", "edge") == [(1, 2)]


def test_several_rules_for_one_table_make_a_union(engine: Engine) -> None:
    engine.insert("p", "q(x) :- d:node(x); q(x) :- d:edge(x, _); q(7)")
    engine.load("d", {"node": [(1,)], "edge": [(1, 2)]})
    assert sorted(engine.rows("p", "q")) == [(1,), (7,)]
    assert engine.load("d", {"node": []}) == {}
    assert engine.load("d", {"edge": []}) == {("p", "q"): ([], [(1,)])}
    engine.delete("p", "q(7)")
    assert engine.rows("p", "q") == []


def test_policies_read_each_other(engine: Engine) -> None:
    engine.create_policy("other")
    engine.insert("other", "q(x) :- p:q(x), d:node(x)")
    engine.load("d", {"node": [(1,), (2,)]})
    engine.insert("p", "q(1); q(3)")
    assert engine.rows("other", "q") == [(1,)]


def test_a_refused_row_changes_nothing(engine: Engine) -> None:
    engine.load("d", {"node": [(1,)]})
    for bad in (math.nan, 2**64, "a\0", "\udc80"):
        with pytest.raises(
            InvalidRow, match=r"row 1 .*'d:edge'.* column 1, 'y': a cell"
        ) as caught:
            engine.load("d", {"node": [(2,)], "edge": [(1, 2), (1, bad)]})
        assert caught.value.fields == {"table": "d:edge", "row": 1, "column": 1}
    with pytest.raises(InvalidRow, match="has 1 cell, expected 2"):
        engine.apply("d", {"node": [(2,)], "edge": [(1,)]})
    assert engine.rows("d", "node") == [(1,)]
    assert engine.rows("d", "edge") == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, 2**63, "a\0", "\ud800", (), []])
def test_what_could_not_be_added_cannot_be_removed_either(engine: Engine, bad: Any) -> None:
    engine.load("d", {"node": [(1,)], "edge": [(1, 2)]})
    refusals = []
    for change in ("added", "removed"):
        with pytest.raises(InvalidRow, match=r"row 1 .*'d:edge'.* column 0, 'x': a cell") as found:
            engine.apply("d", **{change: {"edge": [(1, 2), (bad, 2)], "node": [(1,)]}})
        refusals.append((found.value.message, found.value.fields))
        with pytest.raises(InvalidRow, match=r"row 0 .* has 3 cells, expected 2"):
            engine.apply("d", **{change: {"node": [(1,)], "edge": [(1, 2, 3)]}})
    assert refusals[0] == refusals[1]
    assert (engine.rows("d", "node"), engine.rows("d", "edge")) == ([(1,)], [(1, 2)])


def test_an_unknown_table_is_refused(engine: Engine) -> None:
    with pytest.raises(NotFound, match="'d' has no table 'nope'"):
        engine.load("d", {"node": [(1,)], "nope": [(1,)]})
    assert engine.rows("d", "node") == []
    with pytest.raises(NotFound):
        engine.apply("none", {"node": [(1,)]})
    with pytest.raises(NotFound):
        engine.rows("none", "node")
    assert engine.rows("p", "nothing defines this") == []


def test_a_source_without_schema_takes_its_shape_from_the_rows() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.insert("p", "today(x) :- clock:now(x)")
    engine.load("clock", {"now": [("2026-11-21",)]})
    assert engine.rows("p", "today") == [("2026-11-21",)]
    assert engine.columns("clock", "now") == ("Col0",)
    with pytest.raises(InvalidRequest, match="set_schema"):
        engine.load("unknown", {"t": []})


def test_names_are_taken_once(engine: Engine) -> None:
    for name in ("p", "d"):
        with pytest.raises(Conflict):
            engine.create_policy(name)
    with pytest.raises(Conflict):
        engine.set_schema("p", {})
    with pytest.raises(InvalidRequest, match="kinds are"):
        engine.create_policy("x", kind="odd")


@pytest.mark.parametrize(
    "name",
    [
        *("", "a b", "a:b", "1x", "a-", "not", "true", "null", "builtin", "_", "q\0", "\ud800"),
        *(None, 3, "x" * 100_000),
    ],
)
def test_policies_and_datasources_have_names_that_rules_can_say(engine: Engine, name: Any) -> None:
    with pytest.raises(InvalidRequest, match="a policy cannot be named"):
        engine.create_policy(name)
    with pytest.raises(InvalidRequest, match="a datasource cannot be named") as caught:
        engine.set_schema(name, {"t": ["x"]})
    caught.value.message.encode()


def test_names_may_have_dots_and_hyphens_inside(engine: Engine) -> None:
    engine.set_schema("a-1.b", {"t.u:v": ["x y", "OS-EXT:host"]})
    engine.load("a-1.b", {"t.u:v": [(1, 2)]})
    engine.create_policy("p.q-r")
    engine.insert("p.q-r", "s(x) :- a-1.b:t.u:v(x, _)")
    assert engine.query("p", "p.q-r:s(x)") == [(1,)]


@pytest.mark.parametrize(
    ("table", "columns", "said"),
    [
        ("", ["x"], "a table named ''"),
        (3, ["x"], "a table named 3"),
        ("a b", ["x"], "a table named 'a b'"),
        ("not", ["x"], "a table named 'not'"),
        ("t", ["x", "x"], "'x' is named twice"),
        ("t", "xyz", "its columns are one text"),
        ("t", [3], "3 is no name of a column"),
        ("t", [""], "'' is no name of a column"),
        ("t", ["a\n"], "is no name of a column"),
        ("t", ["0"], "a number in rules is a column's place"),
    ],
)
def test_tables_and_columns_have_names(
    engine: Engine, table: Any, columns: Any, said: str
) -> None:
    with pytest.raises(InvalidRequest, match=said):
        engine.set_schema("new", {table: columns})
    assert engine.kind("new") is None


def test_a_change_runs_only_what_it_touches(engine: Engine) -> None:
    engine.insert("p", "a(x / 0) :- d:node(x); z(x / 0) :- d:edge(x, _)")
    engine.load("d", {"node": [(n,) for n in range(100)], "edge": [(1, 2), (2, 3)]})

    def calls() -> dict[str, int]:
        return {failure.rule.head.table: failure.count for failure in engine.failures()}

    before = calls()
    engine.apply("d", {"node": [(100,)]})
    assert calls() == {"a": before["a"] + 1, "z": before["z"]}


def test_forgotten_values_make_room_for_new_ones() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["x"]})
    engine.insert("p", 'q(x, y) :- d:t(x), concat(x, "!", y), x in ["a5", "a100"]; f("kept")')
    for number in range(200):
        engine.load("d", {"t": [(f"a{number}",), (f"b{number}",)]})
        expected = [(f"a{number}", f"a{number}!")] if number in (5, 100) else []
        assert engine.rows("p", "q") == expected
    assert engine.rows("p", "f") == [("kept",)]
    assert engine.footprint().values < 60


def test_threads_wait_for_each_other(engine: Engine) -> None:
    engine.insert("p", "pair(x, y) :- d:node(x), d:node(y)")
    seen: list[int] = []

    def change(start: int) -> None:
        for number in range(30):
            engine.apply(
                "d", {"node": [(start + number % 5,)]}, {"node": [(start + 4 - number % 5,)]}
            )
            seen.append(len(engine.rows("p", "pair")))

    threads = [Thread(target=change, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 120
    assert all(math.isqrt(size) ** 2 == size for size in seen)
