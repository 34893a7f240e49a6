from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

import congress_dist.policy.replica as replica
import congress_dist.policy.rule_plans as rule_plans
from congress_dist.errors import InternalError, InvalidRequest
from congress_dist.policy.language.diagnostics import PolicyError

from .conftest import System


def _fail(*_: Any) -> None:
    raise RuntimeError("half way")


@pytest.fixture
def net(system: System) -> System:
    system.policy("net", "q(1)")
    return system


def test_replica_that_cannot_carry_out_a_change_gives_up(
    net: System, open_system: Callable[[], System], monkeypatch: pytest.MonkeyPatch
) -> None:
    open_system().call("rule_insert", policy="net", rule="q(2)")
    monkeypatch.setattr(replica, "carry_out", _fail)
    with pytest.raises(InternalError, match="half way"):
        net.replica.follow()
    assert net.given_up == 1
    with pytest.raises(InternalError):
        net.rows("net", "q")


def test_trial_that_ends_unexpectedly_leaves_nothing_to_answer_from(
    net: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = net.revision()
    monkeypatch.setattr(rule_plans, "try_insert", _fail)
    with pytest.raises(InternalError, match="half way"):
        net.call("rule_insert", policy="net", rule="q(2)")
    assert net.given_up == 1
    assert net.service._store.head().revision == revision


def test_refused_change_harms_nothing(net: System) -> None:
    with pytest.raises(PolicyError):
        net.call("rule_insert", policy="net", rule="p(x) :- q(y)")
    assert (net.given_up, net.rows("net", "q")) == (0, [[1]])


@pytest.mark.parametrize(
    "text",
    [
        "p(x) :- " + "(" * 5000 + "q(x)" + ")" * 5000,
        "p(x) :- q(x)" + ", q(x)" * 5000,
        "p(x) :- q(x), " + "not " * 5000 + "r(x)",
        "p(" + "x, " * 5000 + "x) :- q(x)",
        "p(" + "-" * 5000 + "1)",
        "p(" + "1" * 5000 + ")",
    ],
    ids=["brackets", "literals", "nots", "columns", "signs", "digits"],
)
def test_rule_of_any_size_is_taken_or_refused(net: System, text: str) -> None:
    with suppress(PolicyError, InvalidRequest):
        net.call("rule_insert", policy="net", rule=text)
    assert net.given_up == 0
    assert net.rows("net", "q") == [[1]]
