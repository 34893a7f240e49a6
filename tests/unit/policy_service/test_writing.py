from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import congress_dist.policy.rule_writer as rule_writer
from congress_dist.errors import (
    Conflict,
    DeadlineExceeded,
    InvalidRequest,
    LeaseLost,
    StoreUnavailable,
)
from congress_dist.node.call_deadline import serving
from congress_dist.policy.store.rule_store import RevisionMoved
from congress_dist.schema import schema

from .conftest import System

# --- idempotency keys


def test_repeated_request_is_answered_as_the_first_was(system: System) -> None:
    system.policy("net")
    arguments = {"policy": "net", "rule": "q(1)", "key": "k1"}
    first = system.call("rule_insert", **arguments)
    system.call("rule_insert", policy="net", rule="q(2)")
    assert system.call("rule_insert", **arguments) == first
    assert len(system.call("rule_list", policy="net")) == 2


def test_repetition_is_recognised_by_another_replica(system: System, open_system: Any) -> None:
    arguments = {"name": "net", "rules": [{"rule": "q(1)"}], "key": "k1"}
    first = system.call("policy_create", **arguments)
    assert open_system().call("policy_create", **arguments) == first


def test_repeated_deletion_is_answered_as_the_first_was(system: System) -> None:
    system.policy("net")
    first = system.call("policy_delete", policy="net", key="k1")
    assert system.call("policy_delete", policy="net", key="k1") == first


def test_key_of_another_request_is_refused(system: System) -> None:
    system.policy("net")
    system.call("rule_insert", policy="net", rule="q(1)", key="k1")
    with pytest.raises(InvalidRequest) as caught:
        system.call("rule_insert", policy="net", rule="q(2)", key="k1")
    assert caught.value.fields["reason"] == "key_reused"


def test_key_of_another_policy_is_refused(system: System) -> None:
    system.policy("net", key="k1")
    with pytest.raises(InvalidRequest) as caught:
        system.call("policy_create", name="other", rules=[], key="k1")
    assert caught.value.fields["reason"] == "key_reused"
    assert "other" not in [policy["name"] for policy in system.call("policy_list")]


def test_refused_request_does_not_use_up_its_key(system: System) -> None:
    system.policy("net", "q(1)")
    with pytest.raises(Conflict):
        system.call("rule_insert", policy="net", rule="q(1)", key="k1")
    system.call("rule_insert", policy="net", rule="q(2)", key="k1")
    assert system.rows("net", "q") == [[1], [2]]


# --- races


@pytest.fixture
def before_commit(system: System, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let something happen between the validation of each write and its commit."""
    store = system.service._store
    commit = store.commit

    def register(happen: Callable[[], None], times: int = 1) -> None:
        left = [times]

        def overtaken(draft: Any) -> Any:
            if left[0]:
                left[0] -= 1
                happen()
            return commit(draft)

        monkeypatch.setattr(store, "commit", overtaken)

    return register


def test_overtaken_write_is_validated_again(
    system: System, open_system: Any, before_commit: Callable[..., None]
) -> None:
    other = open_system()
    system.policy("net")
    before_commit(lambda: other.call("rule_insert", policy="net", rule="p(x) :- q(x)"))
    with pytest.raises(Exception, match="recurs"):
        system.call("rule_insert", policy="net", rule="q(x) :- p(x)")
    texts = [r["rule"] for r in system.call("rule_list", policy="net")]
    assert texts == ["p(x) :- q(x)"]


def test_overtaken_write_that_is_still_valid_is_written(
    system: System, open_system: Any, before_commit: Callable[..., None]
) -> None:
    other = open_system()
    system.policy("net")
    numbers = iter(range(5))
    before_commit(
        lambda: other.call("rule_insert", policy="net", rule=f"q({next(numbers)})"), times=5
    )
    answer = system.call("rule_insert", policy="net", rule="r(1)")
    assert answer["revision"] == system.revision() == other.revision() + 1
    assert len(system.rows("net", "q")) == 5


def test_same_rule_written_by_another_meanwhile_is_a_conflict(
    system: System, open_system: Any, before_commit: Callable[..., None]
) -> None:
    other = open_system()
    system.policy("net")
    before_commit(lambda: other.call("rule_insert", policy="net", rule="q(1)"))
    with pytest.raises(Conflict):
        system.call("rule_insert", policy="net", rule="q(1).")


def test_policy_deleted_by_another_meanwhile_is_not_found(
    system: System, open_system: Any, before_commit: Callable[..., None]
) -> None:
    other = open_system()
    system.policy("net")
    before_commit(lambda: other.call("policy_delete", policy="net"))
    with pytest.raises(Exception, match="no policy"):
        system.call("rule_insert", policy="net", rule="q(1)")


def test_write_that_loses_every_race_is_refused_as_not_written(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always_lost(_draft: Any) -> Any:
        raise RevisionMoved

    monkeypatch.setattr(system.service._store, "commit", always_lost)
    monkeypatch.setattr(rule_writer, "_LONGEST_PAUSE", 0.0)
    with pytest.raises(StoreUnavailable) as caught:
        system.call("policy_create", name="net")
    assert caught.value.fields["outcome"] == "not_written"


def test_database_that_is_away_refuses_writes_and_leaves_answers(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.policy("net", "q(1)")

    def away(*_: Any) -> Any:
        raise StoreUnavailable("away", outcome="not_written")

    monkeypatch.setattr(system.service._store, "head", away)
    monkeypatch.setattr(system.service._store, "commit", away)
    with pytest.raises(StoreUnavailable):
        system.call("rule_insert", policy="net", rule="q(2)")
    system.replica.tick()
    assert system.rows("net", "q") == [[1]]


# --- datasources


def test_registration_that_says_nothing_new_writes_nothing(system: System) -> None:
    first = system.register("nova", {"servers": schema("id")}, config={"region": "a"})
    again = system.register("nova", {"servers": schema("id")}, config={"region": "a"})
    assert again == first
    assert system.revision() == first["revision"]


def test_registration_keeps_the_id(system: System) -> None:
    system.register("nova", {"servers": schema("id")})
    before = system.call("datasource_get", name="nova")["id"]
    system.register("nova", {"servers": schema("id", "name")}, description="new")
    assert system.call("datasource_get", name="nova")["id"] == before


def test_former_owner_cannot_register(system: System) -> None:
    system.register("nova", {"servers": schema("id")}, owner="old")
    system.call("lease_acquire", name="nova", owner="new", replaces="old")
    with pytest.raises(LeaseLost):
        system.call(
            "datasource_register",
            name="nova",
            driver="nova",
            description="",
            config={},
            schemas={},
            owner="old",
            generation=1,
        )
    assert system.call("table_list", owner="nova") == ["servers"]


def test_datasource_cannot_take_the_name_of_a_policy(system: System) -> None:
    system.policy("net")
    with pytest.raises(Conflict) as caught:
        system.register("net", {"servers": schema("id")})
    assert caught.value.fields["reason"] == "policy_exists"


def test_datasource_needs_a_name_that_rules_can_write(system: System) -> None:
    with pytest.raises(InvalidRequest) as caught:
        system.register("a-b", {})
    assert caught.value.fields["reason"] == "datasource_name"


# --- leases


def test_lease_is_acquired_renewed_and_released(system: System) -> None:
    assert system.call("lease_acquire", name="nova", owner="a") == {
        "granted": True,
        "owner": "a",
        "generation": 1,
        "renewals": 0,
        "heard": 0,
    }
    renewed = system.call("lease_renew", name="nova", owner="a", generation=1)
    assert renewed == {"granted": True, "heard": 0}
    assert system.call("lease_acquire", name="nova", owner="b") == {
        "granted": False,
        "owner": "a",
        "generation": 1,
        "renewals": 1,
        "heard": 0,
    }
    taken = system.call("lease_acquire", name="nova", owner="b", expected=[1, 1])
    assert (taken["granted"], taken["generation"]) == (True, 2)
    refused = system.call("lease_renew", name="nova", owner="a", generation=1)
    assert refused == {"granted": False, "heard": 0}
    assert system.call("lease_release", name="nova", owner="b", generation=2) == {"released": True}
    assert system.call("lease_list") == [
        {"name": "nova", "owner": None, "generation": 2, "renewals": 0}
    ]


def test_generation_is_above_what_this_node_has_heard(system: System) -> None:
    system.node.epochs["nova"] = 9
    system.service._node = system.node  # type: ignore[assignment]
    assert system.call("lease_acquire", name="nova", owner="a")["generation"] == 10


# --- callers that wait no longer


def test_a_rule_whose_caller_waits_no_longer_is_not_written(system: System) -> None:
    system.policy("net", "q(1)")
    before = system.revision()
    with serving(lambda: -1.0), pytest.raises(DeadlineExceeded):
        system.call("rule_insert", policy="net", rule="p(x) :- q(x)")
    assert system.revision() == before
    assert not system.given_up
    with serving(lambda: 3_600.0):
        system.call("rule_insert", policy="net", rule="p(x) :- q(x)")
    assert system.rows("net", "p") == [[1]]
