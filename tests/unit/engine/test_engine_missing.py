"""Complete and incomplete tables: what is present is certain, only absence can be unknown."""

from __future__ import annotations

from typing import Any

import pytest

from congress_dist.errors import InvalidRequest
from congress_dist.policy import Engine


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"files": ["path"], "owned": ["path"]})
    return engine


def waiting(engine: Engine) -> dict[str, dict[str, str]]:
    return {entry.rule.head.table: entry.reasons for entry in engine.waiting()}


def test_a_table_is_not_known_before_its_first_load(engine: Engine) -> None:
    assert engine.missing("d", "files") == {"d:files": "not read yet"}
    engine.load("d", {"files": []})
    assert engine.missing("d", "files") == {}


def test_nobody_is_accused_until_the_other_table_arrives(engine: Engine) -> None:
    engine.insert("p", "unowned(x) :- d:files(x), not d:owned(x)")
    assert engine.load("d", {"files": [("a",), ("b",)]}) == {}
    assert engine.missing("p", "unowned") == {"d:owned": "not read yet"}
    assert waiting(engine) == {"unowned": {"d:owned": "not read yet"}}
    assert engine.load("d", {"owned": [("a",)]}) == {("p", "unowned"): ([("b",)], [])}
    assert engine.missing("p", "unowned") == {}
    assert waiting(engine) == {}


def test_rows_that_rested_on_an_absence_are_withdrawn(engine: Engine) -> None:
    engine.insert("p", "unowned(x) :- d:files(x), not d:owned(x); worse(x) :- unowned(x)")
    engine.load("d", {"files": [("a",)], "owned": []})
    changes = engine.mark_missing("d", ["owned"], reason="dpkg is not installed")
    assert changes == {("p", "unowned"): ([], [("a",)]), ("p", "worse"): ([], [("a",)])}
    assert engine.missing("p", "worse") == {"d:owned": "dpkg is not installed"}
    assert engine.rows("d", "owned") == []


def test_positive_literals_run_on_what_is_there(engine: Engine) -> None:
    engine.insert("p", 'q(x) :- d:files(x); q(x) :- d:owned(x); q("c")')
    engine.load("d", {"files": [("a",)]})
    assert sorted(engine.rows("p", "q")) == [("a",), ("c",)]
    assert engine.missing("p", "q") == {"d:owned": "not read yet"}
    assert list(waiting(engine)) == ["q"]


def test_absence_in_an_incomplete_derived_table_is_unknown_too(engine: Engine) -> None:
    engine.insert("p", "known(x) :- d:owned(x); bad(x) :- d:files(x), not known(x)")
    engine.load("d", {"files": [("a",)]})
    assert engine.rows("p", "bad") == []
    assert engine.missing("p", "bad") == {"d:owned": "not read yet"}
    engine.load("d", {"owned": []})
    assert engine.rows("p", "bad") == [("a",)]


def test_a_policy_table_that_nothing_defines_is_empty_and_complete(engine: Engine) -> None:
    engine.insert("p", "bad(x) :- d:files(x), not allowed(x)")
    engine.load("d", {"files": [("a",)]})
    assert engine.missing("p", "allowed") == {}
    assert engine.rows("p", "bad") == [("a",)]


def test_an_unknown_policy_is_incomplete_until_it_exists(engine: Engine) -> None:
    engine.insert("p", "bad(x) :- d:files(x), not lists:allowed(x)")
    engine.load("d", {"files": [("a",)]})
    assert waiting(engine) == {"bad": {"lists:allowed": "no such policy or datasource"}}
    engine.create_policy("lists")
    assert engine.rows("p", "bad") == [("a",)]
    engine.insert("lists", 'allowed("a")')
    assert engine.rows("p", "bad") == []
    changes = engine.delete_policy("lists")
    assert changes == {("lists", "allowed"): ([], [("a",)])}
    assert engine.rows("p", "bad") == []
    assert list(waiting(engine)) == ["bad"]


def test_an_unknown_table_of_a_datasource_is_incomplete(engine: Engine) -> None:
    assert engine.missing("d", "nope") == {"d:nope": "no such table"}
    assert engine.missing("e", "nope") == {"e:nope": "no such policy or datasource"}


def test_all_that_is_missing_is_named(engine: Engine) -> None:
    engine.insert("p", "a(x) :- d:files(x); b(x) :- a(x), d:owned(x), e:t(x)")
    assert engine.missing("p", "b") == {
        "d:files": "not read yet",
        "d:owned": "not read yet",
        "e:t": "no such policy or datasource",
    }


def test_every_table_of_a_recursive_component_misses_the_same() -> None:
    engine = Engine()
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"e": ["x", "y"], "f": ["x"], "off": ["x"]})
    engine.insert(
        "p", "even(x) :- d:f(x); even(y) :- odd(x), d:e(x, y); odd(y) :- even(x), d:e(x, y)"
    )
    engine.insert("p", "odd(x) :- d:f(x), not d:off(x)")
    engine.load("d", {"e": [(0, 1), (1, 2)], "f": [(0,)]})
    assert sorted(engine.rows("p", "even")) == [(0,), (2,)]
    assert engine.missing("p", "even") == engine.missing("p", "odd") == {"d:off": "not read yet"}
    engine.load("d", {"off": []})
    assert sorted(engine.rows("p", "even")) == [(0,), (1,), (2,)]
    assert engine.missing("p", "even") == {}


def test_added_rows_do_not_make_a_table_known(engine: Engine) -> None:
    engine.apply("d", {"files": [("a",)]})
    assert engine.rows("d", "files") == [("a",)]
    assert engine.missing("d", "files") == {"d:files": "not read yet"}


def test_one_transaction_loads_changes_and_loses(engine: Engine) -> None:
    engine.insert("p", "bad(x) :- d:files(x), not d:owned(x)")
    engine.load("d", {"files": [("a",)], "owned": []})
    changes = engine.transact(
        "d", loaded={"owned": [("a",)]}, added={"files": [("b",)]}, removed={"files": [("a",)]}
    )
    assert changes == {("p", "bad"): ([("b",)], [("a",)])}
    engine.transact("d", loaded={"files": [("c",)]}, missing={"owned": "gone"})
    assert engine.rows("p", "bad") == []
    assert engine.rows("d", "files") == [("c",)]


@pytest.mark.parametrize(
    ("fates", "said"),
    [
        ({"loaded": {"files": []}, "added": {"files": [("b",)]}}, "both loaded and changed"),
        ({"loaded": {"files": []}, "removed": {"files": []}}, "both loaded and changed"),
        ({"loaded": {"files": []}, "missing": {"files": "gone"}}, "both loaded and missing"),
        ({"added": {"files": []}, "missing": {"files": "gone"}}, "both changed and missing"),
        ({"removed": {"files": []}, "missing": {"files": "gone"}}, "both changed and missing"),
    ],
)
def test_a_table_has_one_fate_in_a_transaction(engine: Engine, fates: Any, said: str) -> None:
    engine.load("d", {"files": [("a",)]})
    with pytest.raises(InvalidRequest, match=f"table 'files' is {said}"):
        engine.transact("d", **fates)
    assert engine.rows("d", "files") == [("a",)]
    assert engine.missing("d", "files") == {}


@pytest.mark.parametrize("reason", [None, "", " ", 3])
def test_a_table_is_not_missing_without_a_reason(engine: Engine, reason: Any) -> None:
    engine.load("d", {"files": [("a",)]})
    with pytest.raises(InvalidRequest, match="is missing for no reason"):
        engine.mark_missing("d", ["files"], reason)
    with pytest.raises(InvalidRequest, match="is missing for no reason"):
        engine.transact("d", missing={"files": reason})
    assert engine.rows("d", "files") == [("a",)]


def test_the_tables_that_are_missing_are_several(engine: Engine) -> None:
    with pytest.raises(InvalidRequest, match=r"write \['files'\]"):
        engine.mark_missing("d", "files", "no answer")


def test_a_rule_that_has_left_a_cycle_lacks_only_its_own_tables(engine: Engine) -> None:
    engine.create_policy("r", kind="recursive")
    engine.load("d", {"files": []})
    engine.insert("r", "a(x) :- d:files(x); a(x) :- b(x); b(x) :- a(x); b(x) :- a(x), d:owned(x)")
    assert engine.missing("r", "a") == {"d:owned": "not read yet"}
    engine.delete("r", "b(x) :- a(x), d:owned(x)")
    assert engine.missing("r", "a") == {}
    engine.insert("r", "b(x) :- d:owned(x), a(x)")
    engine.delete("r", "a(x) :- b(x)")
    assert engine.missing("r", "a") == {}
    assert engine.missing("r", "b") == {"d:owned": "not read yet"}
    assert waiting(engine) == {"b": {"d:owned": "not read yet"}}
