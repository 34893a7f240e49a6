"""An engine that sees ever new names keeps nothing of those that are gone."""

from __future__ import annotations

import pytest

from congress_dist.errors import CongressError
from congress_dist.policy import Engine

ROUNDS = 10


def relations(engine: Engine) -> int:
    return len(list(engine._face.tables.items()))


def new_engine() -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["a", "b"]})
    engine.load("d", {"t": [(1, 2), (2, 3)]})
    engine.insert("p", "kept(x) :- d:t(x, _), not d:t(_, x)")
    return engine


def rules(number: int) -> str:
    return f"""
        a{number}(x) :- d:t(x, y), b{number}(y)  b{number}(y) :- d:t(_, y), not c{number}(y)
        c{number}(7)  n{number}(count(x)) :- a{number}(x), not (e{number}(x), d:t(x, x))
        r{number}(x, y) :- d:t(x, y)  r{number}(x, z) :- r{number}(x, y), s{number}(y, z)
        s{number}(x, y) :- r{number}(y, x)
    """


def text(numbers: range) -> str:
    return "\n".join(rules(number) for number in numbers)


def test_rules_under_ever_new_names_leave_no_tables() -> None:
    engine = new_engine()
    engine.create_policy("q", "recursive")
    before, kept = relations(engine), engine.footprint()
    for number in range(ROUNDS):
        numbers = range(20 * number, 20 * (number + 1))
        engine.insert("q", text(numbers))
        assert engine.rows("q", f"n{numbers[0]}") == [(2,)]
        assert relations(engine) >= before + 7 * len(numbers)
        engine.delete("q", text(numbers))
        assert relations(engine) == before
    assert engine.footprint().values == kept.values
    assert engine.rows("p", "kept") == [(1,)]


def test_sources_under_ever_new_names_leave_no_tables() -> None:
    engine = new_engine()
    before = relations(engine)
    for number in range(ROUNDS):
        names = [f"t{number}_{table}" for table in range(2_000)]
        engine.set_schema("other", {name: ["x"] for name in names})
        engine.load("other", {name: [(name,)] for name in names[:100]})
        assert relations(engine) == before + len(names)
    engine.remove_source("other")
    assert relations(engine) == before


def test_a_table_of_another_width_leaves_nothing_of_the_first() -> None:
    engine = new_engine()
    before = relations(engine)
    for width in range(1, 30):
        engine.set_schema("other", {"t": [f"c{n}" for n in range(width)]})
        engine.load("other", {"t": [(width,) * width]})
        assert engine.rows("other", "t") == [(width,) * width]
        assert relations(engine) == before + 1


def test_questions_for_names_that_nothing_defines_leave_no_tables() -> None:
    engine = new_engine()
    before = relations(engine)
    for number in range(300):
        assert engine.query("p", f"ghost{number}(x, y)") == []
        assert engine.query("p", f"ans(x) :- d:t(x, y), not ghost{number}(y)") != []
    assert relations(engine) == before


def test_an_answer_follows_a_table_that_comes_goes_and_comes_again() -> None:
    engine = new_engine()
    asked = engine.prepare("p", "late(?)")
    for _ in range(3):
        assert engine.query("p", "late(x)") == asked(1) == []
        engine.insert("p", "late(x) :- d:t(x, _)")
        assert sorted(engine.query("p", "late(x)")) == [(1,), (2,)]
        assert asked(1) == [(1,)]
        engine.delete("p", "late(x) :- d:t(x, _)")


def test_what_a_rollback_takes_back_is_there_again_with_its_rows() -> None:
    engine = new_engine()
    before = relations(engine)
    with engine.trial():
        engine.delete_policy("p")
        engine.remove_source("d")
        assert relations(engine) < before
    assert relations(engine) == before
    assert engine.rows("p", "kept") == [(1,)]
    engine.apply("d", added={"t": [(0, 1)]})
    assert engine.rows("p", "kept") == [(0,)]


def test_a_refused_deletion_drops_nothing() -> None:
    engine = new_engine()
    engine.insert("p", "named(x) :- kept(x)  reader(x) :- named(x=x)")
    before = relations(engine)
    with pytest.raises(CongressError):
        engine.delete("p", "named(x) :- kept(x)")
    assert relations(engine) == before
    assert engine.rows("p", "reader") == [(1,)]
