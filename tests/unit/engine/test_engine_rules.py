"""Rules that come and go, schemas that change under them, and what is refused."""

from __future__ import annotations

from itertools import product

import pytest

from congress_dist.errors import NotFound
from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.impact import RuleOperation
from congress_dist.policy.language.grammar import parse


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["a", "b"]})
    engine.load("d", {"t": [(1, 2), (3, 4)]})
    return engine


def test_a_rule_is_the_same_whatever_the_order_of_its_body(engine: Engine) -> None:
    assert len(engine.insert("p", "q(x) :- d:t(x, y), y < 3")) == 1
    assert engine.insert("p", "q(x) :- y < 3, d:t(x, y)") == []
    assert len(engine.insert("p", "q(z) :- d:t(z, y), y < 3")) == 1
    assert len(engine.policy_rules("p")) == 2
    engine.delete("p", "q(x) :- y < 3, d:t(x, y)")
    assert engine.rows("p", "q") == [(1,)]
    engine.delete("p", "q(z) :- d:t(z, y), y < 3")
    assert engine.rows("p", "q") == []


def test_a_fact_and_a_rule_with_the_same_row_are_two(engine: Engine) -> None:
    assert len(engine.insert("p", "q(1); q(1) :- true; q(1.0); q(1)")) == 3
    assert sorted(engine.rows("p", "q")) == [(1,), (1.0,)]
    engine.delete("p", "q(1)")
    assert len(engine.rows("p", "q")) == 2
    engine.delete("p", "q(1) :- true")
    assert engine.rows("p", "q") == [(1.0,)]


def test_a_rule_that_is_not_there_cannot_be_deleted(engine: Engine) -> None:
    engine.insert("p", "q(1)")
    with pytest.raises(NotFound, match=r"no rule 'q\(2\)'"):
        engine.delete("p", "q(1); q(2)")
    assert engine.rows("p", "q") == [(1,)]
    with pytest.raises(NotFound):
        engine.delete("nope", "q(1)")
    with pytest.raises(NotFound):
        engine.insert("nope", "q(1)")


def test_an_update_is_of_several_policies() -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.create_policy("q")
    done = engine.update(
        [
            RuleOperation("insert", "p", "a(x) :- q:b(y=x)"),
            RuleOperation("insert", "q", "b(y) :- c(y)  c(1)"),
            RuleOperation("delete", "q", "c(1)"),
            RuleOperation("insert", "q", "c(2)"),
        ]
    )
    assert [len(rules) for rules in done] == [1, 2, 1, 1]
    assert engine.rows("p", "a") == [(2,)]


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (RuleOperation("insert", "q", "x(1)\ny(z)"), "fact-not-ground"),
        (RuleOperation("insert", "q", "b(x) :- p:a(x)"), "recursion"),
    ],
)
def test_a_refused_update_changes_no_policy(last: RuleOperation, code: str) -> None:
    engine = Engine()
    engine.create_policy("p")
    engine.create_policy("q")
    engine.insert("q", "c(1)")
    first = [RuleOperation("insert", "p", "a(x) :- q:b(x)"), RuleOperation("delete", "q", "c(1)")]
    with pytest.raises(PolicyError) as refused:
        engine.update([*first, last])
    found = refused.value.diagnostics[0]
    assert (found.code, found.source) == (code, "operation 3")
    assert engine.policy_rules("p") == []
    assert engine.rows("q", "c") == [(1,)]


def test_an_update_of_what_is_not_there_changes_nothing(engine: Engine) -> None:
    insertion = RuleOperation("insert", "p", "a(1)")
    for second in (RuleOperation("delete", "p", "b(1)"), RuleOperation("insert", "q", "b(1)")):
        with pytest.raises(NotFound):
            engine.update([insertion, second])
        assert engine.rows("p", "a") == []


def test_a_text_that_cannot_be_read_changes_nothing(engine: Engine) -> None:
    with pytest.raises(PolicyError) as caught:
        engine.insert("p", "q(1)\nq(x :- d:t(x)")
    assert caught.value.diagnostics[0].line == 2
    assert engine.policy_rules("p") == []


def test_other_annotations_replace_the_old_ones(engine: Engine) -> None:
    engine.insert("p", '@severity("low") q(x) :- d:t(x, _)\n@severity("low") f(1)')
    engine.insert("p", '@severity("high") q(x) :- d:t(x, _)\n@severity("high") f(1)')
    assert [rule.annotation("severity") for rule in engine.policy_rules("p")] == ["high", "high"]
    assert {v.rule.annotation("severity") for v in engine.violations()} == {"high"}
    assert len(engine.violations()) == 3


def test_a_rule_waits_for_the_columns_it_names(engine: Engine) -> None:
    engine.insert("p", "q(x) :- e:u(name=x); r(x) :- q(x)")
    (waits, reader) = engine.waiting()
    assert waits.reasons == reader.reasons == {"e:u": "no such policy or datasource"}
    engine.set_schema("e", {"u": ["id", "name"]})
    assert engine.missing("p", "r") == {"e:u": "not read yet"}
    assert engine.load("e", {"u": [(1, "n")]}) == {
        ("p", "q"): ([("n",)], []),
        ("p", "r"): ([("n",)], []),
    }


def test_a_schema_that_breaks_a_rule_makes_it_wait(engine: Engine) -> None:
    engine.insert("p", "q(x) :- d:t(b=x); any(x) :- d:t(x)")
    assert len(engine.rows("p", "q")) == 2
    changes = engine.set_schema("d", {"t": ["a", "c"]})
    assert sorted(changes["p", "q"][1]) == [(2,), (4,)]
    assert engine.missing("p", "q") == {"d:t": "it has no column 'b'"}
    engine.load("d", {"t": [(1, 2)]})
    assert engine.rows("p", "any") == [(1,)]
    assert engine.rows("p", "q") == []
    engine.set_schema("d", {"t": ["b", "a"]})
    engine.load("d", {"t": [(1, 2)]})
    assert engine.rows("p", "q") == [(1,)]


def test_the_same_schema_again_keeps_the_rows(engine: Engine) -> None:
    assert engine.set_schema("d", {"t": ["a", "b"], "new": ["x"]}) == {}
    assert len(engine.rows("d", "t")) == 2
    assert engine.missing("d", "new") == {"d:new": "not read yet"}
    assert engine.tables("d") == ["new", "t"]


def test_a_table_that_leaves_the_schema_is_unknown(engine: Engine) -> None:
    engine.insert("p", "q(x) :- d:t(x, y)")
    engine.set_schema("d", {})
    assert engine.rows("p", "q") == []
    assert engine.missing("p", "q") == {"d:t": "no such table"}
    engine.remove_source("d")
    assert engine.missing("p", "q") == {"d:t": "no such policy or datasource"}
    with pytest.raises(NotFound):
        engine.remove_source("d")


def test_columns_have_the_name_on_which_the_heads_agree(engine: Engine) -> None:
    engine.insert("p", "q(x, y) :- d:t(x, y); q(x, z) :- d:t(x, z); q(1, 2)")
    assert engine.columns("p", "q") == ("x", "Col1")
    assert engine.columns("d", "t") == ("a", "b")
    assert engine.columns("p", "unknown") == ()
    engine.delete("p", "q(x, z) :- d:t(x, z)")
    assert engine.columns("p", "q") == ("x", "y")


def test_a_rule_names_columns_of_a_policy_table(engine: Engine) -> None:
    engine.insert("p", "r(v) :- q(y=v)")
    assert engine.waiting()[0].reasons == {"p:q": "no rule gives its columns names"}
    engine.insert("p", "q(x, y) :- d:t(x, y)")
    assert sorted(engine.rows("p", "r")) == [(2,), (4,)]


def test_a_name_in_use_cannot_be_taken_away(engine: Engine) -> None:
    engine.insert("p", "q(x, y) :- d:t(x, y); r(v) :- q(y=v)")
    with pytest.raises(PolicyError, match="column-in-use"):
        engine.insert("p", "q(x, other) :- d:t(x, other)")
    with pytest.raises(PolicyError, match="column-in-use"):
        engine.delete("p", "q(x, y) :- d:t(x, y)")
    assert sorted(engine.rows("p", "r")) == [(2,), (4,)]
    engine.insert("p", "q(9, 9)")
    assert len(engine.rows("p", "r")) == 3
    engine.delete("p", "r(v) :- q(y=v); q(x, y) :- d:t(x, y)")
    assert engine.rows("p", "q") == [(9, 9)]


def test_a_replica_takes_what_was_accepted(engine: Engine) -> None:
    engine.insert("p", "q(x, y) :- d:t(x, y); r(v) :- q(y=v)")
    engine.restore_rules("p", parse("q(x, other) :- d:t(x, other)"))
    assert engine.missing("p", "r") == {"p:q": "it has no column 'y'"}
    engine.withdraw_rules("p", parse("q(x, other) :- d:t(x, other)"))
    assert len(engine.rows("p", "r")) == 2
    engine.withdraw_rules("p", parse("q(x, y) :- d:t(x, y)"))
    assert engine.rows("p", "r") == []


def test_a_rule_over_its_limit_is_refused() -> None:
    engine = Engine(max_rows=100)
    engine.create_policy("p", kind="recursive")
    engine.insert("p", "n(0); small(x) :- n(x)")
    with pytest.raises(PolicyError, match="too large: it derives more than 100 rows"):
        engine.insert("p", "n(y) :- n(x), plus(x, 1, y)")
    assert engine.rows("p", "n") == engine.rows("p", "small") == [(0,)]
    assert len(engine.policy_rules("p")) == 2
    assert engine.waiting() == []
    engine.insert("p", "n(y) :- n(x), plus(x, 1, y), y < 50")
    assert len(engine.rows("p", "small")) == 50


def test_a_join_that_finds_little_in_very_much_is_refused() -> None:
    engine = Engine(max_rows=100)
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["a", "same"]})
    engine.load("d", {"t": [(n, 1) for n in range(90)]})
    for joined in ("d:t(x, _), d:t(y, _)", "d:t(x, s), d:t(y, s)"):
        with pytest.raises(PolicyError, match="too large: it joins more than 2000 rows"):
            engine.insert("p", f"q(x, y) :- {joined}, x < y, y < 2, x > 3")
    assert engine.policy_rules("p") == []


def test_data_is_never_refused_because_of_a_rule() -> None:
    engine = Engine(max_rows=100)
    engine.create_policy("p")
    engine.set_schema("d", {"t": ["a"]})
    engine.insert("p", "pair(x, y) :- d:t(x), d:t(y); one(x) :- d:t(x); both(x) :- pair(x, x)")
    engine.load("d", {"t": [(n,) for n in range(10)]})
    assert len(engine.rows("p", "pair")) == 100
    engine.apply("d", {"t": [(10,)]})
    assert len(engine.rows("p", "one")) == 11
    assert engine.rows("p", "pair") == engine.rows("p", "both") == []
    reason = "a rule was stopped: it derives more than 100 rows"
    remedy = "narrow 'pair(x, y) :- d:t(x), d:t(y)' and insert it again"
    assert engine.missing("p", "both") == {"p:pair": f"{reason}; {remedy}"}
    assert [entry.rule.head.table for entry in engine.waiting()] == ["pair", "both"]
    engine.delete("p", "pair(x, y) :- d:t(x), d:t(y)")
    assert engine.missing("p", "both") == {}


@pytest.mark.parametrize("names", ["abcd", "abcde", "abcdefghij"])
def test_many_groups_give_every_combination(engine: Engine, names: str) -> None:
    groups = ", ".join(f"({name} = 1 or {name} = 2)" for name in names)
    engine.insert("p", f"q({', '.join(names)}) :- {groups}")
    assert set(engine.rows("p", "q")) == set(product((1, 2), repeat=len(names)))


def test_a_large_group_gives_what_one_of_its_alternatives_gives(engine: Engine) -> None:
    constants = " or ".join(f"d:t(x, {n})" for n in range(4, 30))
    engine.insert("p", f"q(x, y) :- ({constants}), (y = x + 1 or y = x + 2), not (d:t(y, 2))")
    assert sorted(engine.rows("p", "q")) == [(3, 4), (3, 5)]
    engine.apply("d", {"t": [(5, 2)]})
    assert engine.rows("p", "q") == [(3, 4)]
    tree = engine.explain("p", "q", (3, 4))
    assert tree.rule.startswith("q(x, y) :- ")
    assert [o.because for o in engine.why_not("p", "q", (1, 2)).obstacles] == ["condition"] * 2
    meanings = [c.meaning for t in engine.plan() for r in t.rules for c in r.conjunctions]
    assert meanings.count("what a group gives (x), from d:t") == 26


def test_too_many_alternatives_with_names_that_not_all_bind_are_refused(engine: Engine) -> None:
    groups = ", ".join(f"(d:t(x, y) or d:t(x, {n}))" for n in range(5))
    with pytest.raises(PolicyError, match="more than 16 alternatives"):
        engine.insert("p", f"q(x) :- {groups}")
    engine.insert("p", f"q(x) :- {groups}, d:t(_, y)")
    assert sorted(engine.rows("p", "q")) == [(1,), (3,)]


def test_indexes_leave_with_the_rules_that_used_them(engine: Engine) -> None:
    engine.insert("p", "q(x, z) :- d:t(x, y), d:t(y, z)")
    engine.apply("d", {"t": [(7, 1)]})
    assert engine.footprint().indexes == {"d:t": ((0,), (1,))}
    engine.delete("p", "q(x, z) :- d:t(x, y), d:t(y, z)")
    assert engine.footprint().indexes == {}


def test_an_action_has_one_table_over_all_policies(engine: Engine) -> None:
    engine.create_policy("o")
    engine.insert("p", "execute[d:stop(x)] :- d:t(x, _)")
    engine.insert("o", "execute[d:stop(9)] :- true")
    assert sorted(engine.rows("d", "execute[stop]")) == [(1,), (3,), (9,)]
    assert sorted(engine.query("p", "execute[d:stop(x)]")) == [(1,), (3,), (9,)]
    assert engine.query("p", "execute[d:stop(3)]") == [(3,)]
    assert engine.query("p", "execute[e:start(x)]") == []


def test_an_action_policy_may_describe_without_binding(engine: Engine) -> None:
    engine.create_policy("a", kind="action")
    engine.insert("a", 'action("set"); p+(x, y) :- set(x, y); result(z) :- set(x, y)')
    assert engine.rows("a", "action") == [("set",)]
    assert engine.rows("a", "result") == []


def test_a_rule_learns_the_width_of_a_table_from_a_later_reader(engine: Engine) -> None:
    engine.insert("p", "other(x) :- d:t(x, _), not q(1=x)")
    assert engine.missing("p", "other") == {"p:q": "no rule gives its columns names"}
    engine.insert("p", "reader(x) :- q(x, _)")
    assert engine.missing("p", "other") == {}
    assert sorted(engine.rows("p", "other")) == [(1,), (3,)]
    engine.insert("p", "q(7, 1)")
    assert engine.rows("p", "other") == [(3,)]


def test_the_last_reader_that_tells_a_width_in_use_stays(engine: Engine) -> None:
    engine.insert("p", "reader(x) :- q(x, _); other(x) :- d:t(x, _), not q(1=x)")
    with pytest.raises(PolicyError) as refused:
        engine.delete("p", "reader(x) :- q(x, _)")
    assert [found.code for found in refused.value.diagnostics] == ["column-in-use"]
    engine.withdraw_rules("p", parse("reader(x) :- q(x, _)"))
    assert engine.missing("p", "other") == {"p:q": "no rule gives its columns names"}
    assert engine.rows("p", "other") == []


def test_a_width_goes_with_the_policy_that_told_it(engine: Engine) -> None:
    engine.insert("p", "other(x) :- d:t(x, _), not q(1=x)")
    engine.create_policy("o")
    engine.insert("o", "reader(x) :- p:q(x, _)")
    assert sorted(engine.rows("p", "other")) == [(1,), (3,)]
    engine.delete_policy("o")
    assert engine.missing("p", "other") == {"p:q": "no rule gives its columns names"}
