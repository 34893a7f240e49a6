"""Impact: what rule operations would do to violations and actions, without doing it."""

from __future__ import annotations

from typing import Any

import pytest

from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.impact import RowChange, RuleOperation


@pytest.fixture
def engine() -> Engine:
    engine = Engine()
    engine.create_policy("p")
    engine.create_policy("q")
    engine.set_schema("d", {"port": ["id"], "off": ["id"]})
    engine.load("d", {"port": [(22,), (80,)], "off": []})
    engine.insert("p", "error(x) :- d:port(x), x = 22; execute[d:close(x)] :- error(x)")
    return engine


def test_violations_and_actions_that_come_and_go_are_told(engine: Engine) -> None:
    old, new = "error(x) :- d:port(x), x = 22", "error(x) :- d:port(x), x > 79"
    found = engine.impact(
        [
            RuleOperation("delete", "p", old),
            RuleOperation("insert", "p", new),
            RuleOperation(
                "insert", "q", '@severity("low") open(x) :- d:port(x); quiet(x) :- open(x)'
            ),
        ]
    )
    assert sorted(found.appeared, key=repr) == [
        RowChange("action", "d", "execute[close]", (80,)),
        RowChange("violation", "p", "error", (80,), new),
        RowChange("violation", "q", "open", (22,), "open(x) :- d:port(x)"),
        RowChange("violation", "q", "open", (80,), "open(x) :- d:port(x)"),
    ]
    assert sorted(found.disappeared, key=repr) == [
        RowChange("action", "d", "execute[close]", (22,)),
        RowChange("violation", "p", "error", (22,), old),
    ]
    assert found.incomplete == {}
    assert [violation.row for violation in engine.violations()] == [(22,)]
    assert engine.policy_rules("q") == []


def test_rows_are_compared_by_type_and_value(engine: Engine) -> None:
    engine.insert("q", "error(x) :- v(x); v(1)")
    found = engine.impact(
        [RuleOperation("delete", "q", "v(1)"), RuleOperation("insert", "q", "v(1.0)")]
    )
    assert [repr(change.row) for change in found.appeared] == ["(1.0,)"]
    assert [repr(change.row) for change in found.disappeared] == ["(1,)"]


def test_facts_alone_report_and_act(engine: Engine) -> None:
    found = engine.impact([RuleOperation("insert", "q", "error(1); execute[d:open(5)]")])
    assert found.appeared == [
        RowChange("violation", "q", "error", (1,), "error(1)"),
        RowChange("action", "d", "execute[open]", (5,)),
    ]
    engine.insert("q", "error(1); quiet(1)")
    assert engine.reporting_tables() == [("d", "execute[close]"), ("p", "error"), ("q", "error")]


def test_what_would_not_be_known_is_told(engine: Engine) -> None:
    engine.mark_missing("d", ["off"], reason="gone")
    found = engine.impact([RuleOperation("insert", "p", "warning(x) :- d:port(x), not d:off(x)")])
    assert (found.appeared, found.incomplete) == ([], {("p", "warning"): {"d:off": "gone"}})


def test_warnings_of_inserted_texts_are_told(engine: Engine) -> None:
    found = engine.impact([RuleOperation("insert", "p", "warning(x) :- nobody:knows(x)")])
    assert [warning.code for warning in found.warnings] == ["unknown-policy"]


def test_operations_that_fail_leave_nothing_behind(engine: Engine) -> None:
    before = [list(engine.policy_rules(policy)) for policy in ("p", "q")]
    good = RuleOperation("insert", "q", "error(x) :- d:port(x)")
    with pytest.raises(PolicyError):
        engine.impact([good, RuleOperation("insert", "p", "error(x) :- not d:off(x)")])
    for bad in (RuleOperation("delete", "p", "f(1)"), RuleOperation("insert", "no", "f(1)")):
        with pytest.raises(NotFound):
            engine.impact([good, bad])
    assert [list(engine.policy_rules(policy)) for policy in ("p", "q")] == before
    assert len(engine.violations()) == 1


@pytest.mark.parametrize("kind", ["foo", "", None])
def test_an_operation_inserts_or_deletes(kind: Any) -> None:
    with pytest.raises(InvalidRequest, match="those are 'insert' and 'delete'"):
        RuleOperation(kind, "q", "error(1)")


@pytest.mark.parametrize("operations", [None, 5, "insert", ["x"], [("insert", "p", "q(1)")]])
def test_what_is_no_operation_is_refused(engine: Engine, operations: Any) -> None:
    for work in (engine.impact, engine.update):
        with pytest.raises(InvalidRequest, match=r"operation 1 is .*; expected RuleOperation"):
            work(operations)
