from __future__ import annotations

from typing import Any

import pytest

from congress_dist.errors import NotReady
from congress_dist.protocol.stream import READY, UNREAD, failing, unavailable
from congress_dist.schema import Column, schema

from .conftest import System

SERVERS = schema("id", "status")
NOVA = {"servers": SERVERS, "flavors": schema("id")}
DOWN = 'down(id) :- nova:servers(id=id, status="DOWN")'
ORPHAN = "orphan(id) :- owner(id), not nova:servers(id=id)"


@pytest.fixture
def nova(system: System) -> System:
    """A datasource with a rule that reads it and one that reads its absence; no data yet."""
    system.register("nova", NOVA)
    system.policy("net", DOWN, ORPHAN, 'owner("a")', 'owner("b")')
    return system


def _missing(system: System, table: str = "down") -> dict[str, str]:
    missing: dict[str, str] = system.call("row_list", owner="net", table=table)["missing"]
    return missing


def test_only_tables_that_rules_read_are_wanted(nova: System) -> None:
    assert nova.node.subscriptions["nova"].tables == {"servers"}


def test_source_is_wanted_once_it_registers(system: System) -> None:
    system.policy("net", "down(id) :- nova:servers(id, s)")
    assert "nova" not in system.node.subscriptions
    system.register("nova", NOVA)
    assert system.node.subscriptions["nova"].tables == {"servers"}
    system.node.say("nova", 1, {"servers": [("a", "UP")]})
    assert system.rows("net", "down") == [["a"]]


def test_table_is_unknown_before_its_first_data(nova: System) -> None:
    assert _missing(nova) == {"nova:servers": "waiting for first data"}
    assert nova.rows("net", "orphan") == []
    assert _missing(nova, "orphan") == {"nova:servers": "waiting for first data"}


def test_first_data_makes_it_complete(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    assert _missing(nova) == {}
    assert nova.rows("net", "down") == [["a"]]
    assert nova.rows("net", "orphan") == [["b"]]


def test_table_that_is_ready_without_rows_is_complete(nova: System) -> None:
    nova.node.say("nova", 1, states={"servers": READY})
    assert _missing(nova) == {}
    assert nova.rows("net", "orphan") == [["a"], ["b"]]


def test_table_that_is_unread_in_the_first_transaction_stays_unknown(nova: System) -> None:
    nova.node.say("nova", 1, states={"servers": UNREAD})
    assert _missing(nova) == {"nova:servers": "waiting for first data"}


def test_changes_are_applied(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN"), ("b", "UP")]})
    nova.node.say("nova", 2, {"servers": [("b", "DOWN")]}, {"servers": [("a", "DOWN")]})
    assert nova.rows("net", "down") == [["b"]]


def test_rows_of_a_table_that_fails_stay_and_are_complete(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    nova.node.say("nova", 2, states={"servers": failing("timed out")})
    answer = nova.call("row_list", owner="net", table="down")
    assert (answer["rows"], answer["missing"]) == ([["a"]], {})
    assert answer["as_of"]["nova"]["state"] == "failing"
    assert answer["as_of"]["nova"]["reason"] == "timed out"


def test_rows_of_a_restarted_source_stay_while_it_is_unread(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    nova.node.say("nova", 1, states={"servers": UNREAD}, epoch=2)
    assert nova.rows("net", "down") == [["a"]]
    assert _missing(nova) == {}
    nova.node.say("nova", 2, {"servers": [("b", "DOWN")]}, epoch=2)
    assert nova.rows("net", "down") == [["a"], ["b"]]


def test_stale_rows_stay_and_are_flagged(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    nova.node.subscriptions["nova"].stale.add("servers")
    nova.replica.tick()
    answer = nova.call("row_list", owner="net", table="down")
    assert (answer["rows"], answer["missing"]) == ([["a"]], {})
    assert answer["as_of"]["nova"]["stale"] is True


def test_unavailable_table_is_unknown_and_withdraws_what_rested_on_absence(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    assert nova.rows("net", "orphan") == [["b"]]
    nova.node.say("nova", 2, states={"servers": unavailable("run apt-get update")})
    assert _missing(nova) == {"nova:servers": "unavailable: run apt-get update"}
    assert nova.rows("net", "down") == []
    assert nova.rows("net", "orphan") == []


def test_table_comes_back_whole_after_it_was_unavailable(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    nova.node.say("nova", 2, states={"servers": unavailable("gone")})
    nova.node.say("nova", 3, {"servers": [("b", "DOWN")]})
    assert _missing(nova) == {}
    assert nova.rows("net", "down") == [["b"]]


def test_source_that_nobody_publishes_is_named(nova: System) -> None:
    nova.node.subscriptions["nova"].states["servers"] = unavailable("no publisher")
    nova.replica.tick()
    assert _missing(nova) == {"nova:servers": "no publisher"}


def test_reason_of_a_table_that_is_there_is_not_touched_by_what_is_heard(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    nova.node.subscriptions["nova"].states["servers"] = unavailable("no publisher")
    nova.replica.tick()
    assert _missing(nova) == {}


def test_tables_of_one_transaction_change_together(nova: System) -> None:
    nova.policy("sizes", "known(id) :- nova:servers(id=id), nova:flavors(id=id)")
    rows = {"servers": [("a", "UP")], "flavors": [("a",)]}
    nova.node.say("nova", 1, rows)
    assert nova.rows("sizes", "known") == [["a"]]
    nova.node.say("nova", 2, removed=rows, states={})
    assert nova.rows("sizes", "known") == []


def test_transaction_that_cannot_be_applied_changes_nothing(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    with pytest.raises(Exception, match="3 cells"):
        nova.node.say("nova", 2, {"servers": [("b", "DOWN", "extra")]})
    answer = nova.call("row_list", owner="net", table="down")
    assert answer["rows"] == [["a"]]
    assert answer["as_of"]["nova"]["position"] == [1, 1]
    nova.node.say("nova", 2, {"servers": [("b", "DOWN")]})
    assert nova.rows("net", "down") == [["a"], ["b"]]


def test_answer_names_the_positions_it_was_computed_from(nova: System) -> None:
    nova.node.say("nova", 7, {"servers": [("a", "DOWN")]}, epoch=3)
    answer = nova.call("row_list", owner="net", table="down")
    assert answer["as_of"] == {
        "nova": {
            "position": [3, 7],
            "link_age": 0.5,
            "source_age": 1.0,
            "state": "ready",
            "reason": "",
            "stale": False,
        }
    }
    assert answer["revision"] == nova.revision()


def test_answer_names_only_sources_that_it_rests_on(nova: System) -> None:
    nova.register("cinder", {"volumes": schema("id")})
    nova.policy("other", "v(id) :- cinder:volumes(id)")
    assert list(nova.call("row_list", owner="net", table="down")["as_of"]) == ["nova"]
    assert nova.call("row_list", owner="net", table="owner")["as_of"] == {}


# --- schemas


def test_rows_of_a_schema_that_is_not_registered_yet_wait_for_it(nova: System) -> None:
    wide = schema("id", "status", "host")
    nova.node.say("nova", 1, {"servers": [("a", "DOWN", "h")]}, schemas={"servers": wide})
    assert "schema" in _missing(nova)["nova:servers"]
    nova.register("nova", NOVA | {"servers": wide})
    assert _missing(nova) == {}
    assert nova.rows("net", "down") == [["a"]]


def test_table_is_unknown_from_a_new_schema_until_its_rows_come(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]}, schemas=NOVA)
    wide = schema("id", "status", "host")
    nova.register("nova", NOVA | {"servers": wide})
    assert "schema" in _missing(nova)["nova:servers"]
    nova.node.say(
        "nova",
        2,
        {"servers": [("a", "DOWN", "h"), ("b", "DOWN", "h")]},
        {"servers": [("a", "DOWN")]},
        schemas={"servers": wide},
    )
    assert _missing(nova) == {}
    assert nova.rows("net", "down") == [["a"], ["b"]]


def test_rows_set_aside_go_on_changing(nova: System) -> None:
    wide = {"servers": schema("id", "status", "host")}
    nova.node.say("nova", 1, {"servers": [("a", "DOWN", "h")]}, schemas=wide)
    nova.node.say(
        "nova",
        2,
        {"servers": [("b", "DOWN", "h")]},
        {"servers": [("a", "DOWN", "h")]},
        schemas=wide,
    )
    nova.register("nova", NOVA | wide)
    assert nova.rows("net", "down") == [["b"]]


def test_schema_written_by_another_replica_is_followed_before_its_rows(
    nova: System, open_system: Any
) -> None:
    other = open_system()
    wide = {"servers": schema("id", "status", "host")}
    other.register("nova", NOVA | wide)
    nova.node.say("nova", 1, {"servers": [("a", "DOWN", "h")]}, schemas=wide)
    assert nova.rows("net", "down") == [["a"]]


def test_rule_that_a_new_schema_breaks_waits(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]}, schemas=NOVA)
    nova.register("nova", NOVA | {"servers": schema("id", "state")})
    waiting = [w["for"] for w in nova.call("status")["waiting"]]
    assert any("nova:servers" in reasons for reasons in waiting)
    nova.register("nova", NOVA)
    assert nova.rows("net", "down") == [["a"]]


def test_broken_rule_still_waits_after_a_restart(nova: System, open_system: Any) -> None:
    nova.register("nova", NOVA | {"servers": schema("id", "state")})
    again = open_system()
    assert again.call("rule_list", policy="net") == nova.call("rule_list", policy="net")
    again.node.say("nova", 1, {"servers": [("a", "DOWN")]})
    assert "nova:servers" in again.call("row_list", owner="net", table="down")["missing"]


def test_rows_outlive_a_new_schema_of_another_table(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]}, schemas=NOVA)
    nova.register("nova", NOVA | {"flavors": schema("id", Column("ram", "int"))})
    assert nova.rows("net", "down") == [["a"]]


def test_table_taken_out_of_the_schema_is_missing(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": [("a", "DOWN")]}, schemas=NOVA)
    nova.register("nova", {"flavors": schema("id")})
    assert "nova:servers" in _missing(nova)


# --- readiness


def test_replica_without_sources_is_ready(system: System) -> None:
    assert system.call("status")["ready"] is True


@pytest.mark.usefixtures("nova")
def test_restarted_replica_refuses_answers_until_its_sources_are_in(open_system: Any) -> None:
    again = open_system()
    status = again.call("status")
    assert status["ready"] is False
    assert len(status["reasons"]) == 1
    assert "nova" in status["reasons"][0]
    with pytest.raises(NotReady) as caught:
        again.call("row_list", owner="net", table="down")
    assert list(caught.value.fields["missing"]) == ["nova"]


@pytest.mark.usefixtures("nova")
def test_answer_that_needs_no_source_is_given_before_all_are_in(open_system: Any) -> None:
    assert open_system().rows("net", "owner") == [["a"], ["b"]]


@pytest.mark.usefixtures("nova")
def test_replica_is_ready_when_the_streams_are_live(open_system: Any) -> None:
    again = open_system()
    again.node.say("nova", 1, states={"servers": UNREAD})
    assert again.call("status")["ready"] is True
    answer = again.call("row_list", owner="net", table="down")
    assert (answer["rows"], list(answer["missing"])) == ([], ["nova:servers"])


@pytest.mark.usefixtures("nova")
def test_replica_is_ready_when_a_source_is_known_to_be_absent(open_system: Any) -> None:
    again = open_system()
    again.node.subscriptions["nova"].states["servers"] = unavailable("no publisher")
    assert again.call("status")["ready"] is True


def test_replica_that_was_ready_once_stays_ready(nova: System) -> None:
    nova.node.say("nova", 1, {"servers": []})
    nova.replica.tick()
    nova.register("cinder", {"volumes": schema("id")})
    nova.policy("other", "v(id) :- cinder:volumes(id)")
    assert nova.call("status")["ready"] is True
    answer = nova.call("row_list", owner="other", table="v")
    assert answer["missing"] == {"cinder:volumes": "waiting for first data"}


@pytest.mark.usefixtures("nova")
def test_writes_and_leases_are_served_before_readiness(open_system: Any) -> None:
    again = open_system()
    assert again.call("status")["ready"] is False
    assert again.call("rule_insert", policy="net", rule='owner("c")')["revision"]
    assert again.call("lease_acquire", name="cinder", owner="x")["granted"]
