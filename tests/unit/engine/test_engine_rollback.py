"""After an exception, whatever it is, the engine is as before the call."""

from __future__ import annotations

from typing import Any

import pytest

from congress_dist.errors import InternalError, InvalidRequest, NotFound
from congress_dist.policy import Engine, PolicyError
from congress_dist.policy.evaluator import Evaluator
from congress_dist.policy.language.builtins import registry
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.planner.kernel_builtins import BuiltinRaised


class Trap:
    """A builtin that does something unexpected once it is set."""

    action: Any = None

    def __call__(self, x: Any) -> bool:
        if self.action is not None and x == "boom":
            self.action()
        return True


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> Trap:
    monkeypatch.setattr(registry, "_BUILTINS", dict(registry._BUILTINS))
    trap = Trap()
    registry.builtin("trap(x: any |)")(trap)
    return trap


@pytest.fixture
def engine(trap: Trap) -> Engine:  # noqa: ARG001
    engine = Engine()
    engine.create_policy("p", kind="recursive")
    engine.set_schema("d", {"a": ["x"], "b": ["x"]})
    engine.load("d", {"a": [("one",)]})
    engine.insert(
        "p",
        "first(x) :- d:a(x); first(x) :- d:b(x); fact(1); r(x) :- first(x); r(x) :- r(x), d:a(x)\n"
        "neg(x) :- first(x), not d:b(x); last(x) :- r(x), trap(x)\n"
        'held("boom"); guard(x) :- held(x); free(x) :- held(x), not guard(x)\n'
        "last(x) :- free(x), trap(x)",
    )
    return engine


TABLES = [
    ("d", "a"),
    ("d", "b"),
    *(("p", t) for t in ("first", "fact", "r", "neg", "held", "guard", "free", "last", "new")),
]


def state(engine: Engine) -> object:
    return (
        {table: set(engine.rows(*table)) for table in TABLES},
        {table: engine.missing(*table) for table in TABLES},
        {table: engine.columns(*table) for table in TABLES},
        {waiting.rule: waiting.reasons for waiting in engine.waiting()},
        {policy: set(engine.policy_rules(policy)) for policy in ["p"]},
        engine.tables("p"),
        engine.failures(),
    )


def fail() -> None:
    raise RuntimeError("boom")


CHANGES: list[Any] = [
    lambda e: e.load("d", {"a": [("boom",)], "b": [("two",)]}),
    lambda e: e.apply("d", added={"a": [("boom",)]}, removed={"a": [("one",)]}),
    lambda e: e.transact("d", missing={"b": "gone"}, loaded={"a": [("boom",)]}),
    lambda e: e.insert("p", 'first("boom"); new(1); new(x) :- first(x), not fact(x)'),
    lambda e: e.insert("p", '@title("x") last(x) :- r(x), trap(x); first("boom")'),
    lambda e: e.restore_rules("p", parse('first("boom") :- true')),
    lambda e: e.insert_rules("p", parse('first("boom"); new(2)')),
    lambda e: e.delete("p", "guard(x) :- held(x)"),
    lambda e: e.withdraw_rules("p", parse("guard(x) :- held(x)")),
]

REMOVALS: list[Any] = [
    lambda e: e.delete("p", "first(x) :- d:b(x); fact(1)"),
    lambda e: e.withdraw_rules("p", parse("r(x) :- first(x); neg(x) :- first(x), not d:b(x)")),
    lambda e: e.delete_policy("p"),
    lambda e: e.set_schema("d", {"a": ["y", "x"], "new": ["x"]}),
    lambda e: e.remove_source("d"),
    lambda e: e.mark_missing("d", ["a"], reason="gone"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_an_unexpected_exception_of_a_builtin_changes_nothing(
    engine: Engine, trap: Trap, change: Any
) -> None:
    before = state(engine)
    trap.action = fail
    with pytest.raises(
        InternalError, match=r"the builtin 'trap' raised RuntimeError\('boom'\) in"
    ):
        change(engine)
    assert state(engine) == before
    trap.action = None
    engine.load("d", {"a": [("boom",), ("x",)], "b": [("x",)]})
    assert set(engine.rows("p", "last")) == {("boom",), ("x",)}
    assert set(engine.rows("p", "neg")) == {("boom",)}
    engine.apply("d", removed={"a": [("boom",), ("x",)], "b": [("x",)]})
    assert engine.rows("p", "last") == []


@pytest.mark.parametrize("change", [*CHANGES, *REMOVALS])
def test_a_failure_after_all_of_the_work_changes_nothing(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, change: Any
) -> None:
    before = state(engine)

    def failing(work: Any) -> Any:
        def work_and_fail(*arguments: Any) -> None:
            work(*arguments)
            fail()

        return work_and_fail

    with monkeypatch.context() as patch:
        for name in ("refresh", "change"):
            patch.setattr(Evaluator, name, failing(getattr(Evaluator, name)))
        with pytest.raises(RuntimeError, match="boom"):
            change(engine)
    assert state(engine) == before
    engine.load("d", {"a": [("x",), ("y",)], "b": [("x",)]})
    assert set(engine.rows("p", "last")) == {("x",), ("y",)}
    assert engine.rows("p", "neg") == [("y",)]
    change(engine)


def test_an_exception_of_a_builtin_names_the_rule_and_what_to_do(
    engine: Engine, trap: Trap
) -> None:
    trap.action = fail
    with pytest.raises(InternalError) as raised:
        engine.load("d", {"a": [("boom",)]})
    assert isinstance(raised.value.__cause__, BuiltinRaised)
    assert isinstance(raised.value.__cause__.__cause__, RuntimeError)
    assert raised.value.fields["rule"] in (
        "last(x) :- r(x), trap(x)",
        "last(x) :- free(x), trap(x)",
    )
    for part in ("given ('boom',)", "nothing was changed; mend the builtin"):
        assert part in raised.value.message
    with pytest.raises(InternalError, match="the builtin 'trap' raised"):
        engine.query("p", "ans(x) :- held(x), trap(x)")


def test_an_end_of_memory_names_the_rule_and_what_to_do(engine: Engine, trap: Trap) -> None:
    def exhaust() -> None:
        raise MemoryError

    trap.action = exhaust
    before = state(engine)
    text = r"no memory left while the rule 'last\(x\) .* ran; nothing was changed: narrow"
    with pytest.raises(MemoryError, match=text):
        engine.load("d", {"a": [("boom",)]})
    assert state(engine) == before
    with pytest.raises(MemoryError, match="no memory left; nothing was changed"):
        engine.query("p", "ans(x) :- held(x), trap(x)")


def test_a_query_of_a_trial_is_planned_anew_after_it(engine: Engine) -> None:
    engine.set_schema("e", {"t": ["x", "y"]})
    engine.load("e", {"t": [(1, 2)]})
    with engine.trial():
        engine.set_schema("e", {"t": ["y", "x"]})
        engine.load("e", {"t": [(2, 1)]})
        assert engine.query("p", "ask(v) :- e:t(y=v)") == [(2,)]
    assert engine.query("p", "ask(v) :- e:t(y=v)") == [(2,)]


def test_the_order_of_evaluation_is_as_before_a_trial(engine: Engine) -> None:
    engine.set_schema("e", {"t": ["x", "y"]})
    engine.insert("p", "tc(x, y) :- e:t(x, y); tc(x, z) :- tc(x, y), tc(y, z)")
    with engine.trial():
        engine.delete("p", "tc(x, z) :- tc(x, y), tc(y, z)")
        engine.load("e", {"t": [(1, 2), (2, 3)]})
        assert set(engine.rows("p", "tc")) == {(1, 2), (2, 3)}
    engine.load("e", {"t": [(1, 2), (2, 3), (3, 4), (4, 5)]})
    assert len(engine.rows("p", "tc")) == 4 + 3 + 2 + 1


def test_a_refused_rule_leaves_no_trace(engine: Engine) -> None:
    before = state(engine)
    for text in ["new(x) :- first(y)", "new(x, y) :- first(x); new(x) :- first(x)"]:
        with pytest.raises(PolicyError):
            engine.insert("p", text)
    assert state(engine) == before


def test_a_builtin_must_not_call_its_engine(engine: Engine, trap: Trap) -> None:
    trap.action = lambda: engine.rows("p", "first")
    before = state(engine)
    with pytest.raises(InvalidRequest, match="by what it was running: a builtin"):
        engine.load("d", {"a": [("boom",)]})
    assert state(engine) == before
    trap.action = None
    engine.load("d", {"a": [("boom",)]})
    assert engine.rows("p", "last") == [("boom",)]


def test_a_row_that_went_in_a_trial_is_not_there_to_be_explained(engine: Engine) -> None:
    with engine.trial():
        engine.apply("d", removed={"a": [("one",)]})
        for policy, table in (("d", "a"), ("p", "first"), ("p", "r")):
            with pytest.raises(NotFound, match="has no row"):
                engine.explain(policy, table, ("one",))
            assert not engine.why_not(policy, table, ("one",)).is_present
    assert engine.explain("p", "r", ("one",)).row == ("one",)
