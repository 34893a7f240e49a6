from __future__ import annotations

from typing import Any

import pytest

from congress_dist.protocol.source_status import TableStatus
from congress_dist.protocol.stream import (
    READY,
    UNREAD,
    StateKind,
    TableState,
    failing,
    unavailable,
)
from congress_dist.schema import schema

from .conftest import System

PARTIAL = TableState(StateKind.READY, note="3 of 41 not readable")


@pytest.fixture
def nova(system: System) -> System:
    system.register("nova", {"servers": schema("id"), "flavors": schema("id")})
    system.policy("net", "p(x) :- nova:servers(x), nova:flavors(x)", "q(1)")
    return system


def _source(system: System) -> dict[str, Any]:
    (source,) = system.call("status")["sources"]
    return dict(source)


def test_status_counts_rules_and_wanted_tables(nova: System) -> None:
    status = nova.call("status")
    assert (status["rules"], status["tables"], status["ready"]) == (2, 2, True)
    assert status["revision"] == nova.revision()


def test_source_that_said_nothing_is_waited_for(nova: System) -> None:
    source = _source(nova)
    assert (source["name"], source["state"], source["age"]) == ("nova", "waiting", None)
    assert source["position"] is None
    assert source["tables"]["servers"] == {
        "state": "waiting",
        "reason": "",
        "note": "",
        "rows": 0,
        "source_age": None,
        "stale": False,
        "wanted": True,
    }


def test_source_that_no_rule_reads_is_shown(system: System) -> None:
    system.register("nova", {"servers": schema("id")})
    assert (_source(system)["state"], _source(system)["age"]) == ("waiting", None)
    assert _source(system)["tables"]["servers"]["state"] == "waiting"
    system.node.subscriptions["nova"].heard = {"servers": TableStatus(PARTIAL, 4.0, False, 7)}
    source = _source(system)
    assert (source["state"], source["age"]) == ("ready", 4.0)
    assert source["tables"]["servers"] == {
        "state": "partial",
        "reason": "",
        "note": "3 of 41 not readable",
        "rows": 7,
        "source_age": 4.0,
        "stale": False,
        "wanted": False,
    }


def test_table_that_no_rule_reads_is_shown_and_awaited_by_nobody(system: System) -> None:
    system.register("nova", {"servers": schema("id"), "flavors": schema("id")})
    system.policy("net", "p(x) :- nova:servers(x)")
    system.node.subscriptions["nova"].heard = {"flavors": TableStatus(UNREAD, None, False, 0)}
    system.node.say("nova", 1, states={"servers": READY})
    source = _source(system)
    assert {name: (t["state"], t["wanted"]) for name, t in source["tables"].items()} == {
        "servers": ("ready", True),
        "flavors": ("waiting", False),
    }
    assert (source["state"], system.call("status")["ready"]) == ("ready", True)


@pytest.mark.parametrize(
    ("servers", "flavors", "state", "note"),
    [
        (READY, READY, "ready", ""),
        (READY, PARTIAL, "partial", "3 of 41 not readable"),
        (PARTIAL, failing("timed out"), "failing", "timed out"),
        (failing("timed out"), UNREAD, "waiting", "timed out"),
        (UNREAD, unavailable("run apt-get update"), "unavailable", "run apt-get update"),
    ],
)
def test_source_is_as_bad_as_its_worst_table(
    nova: System, servers: TableState, flavors: TableState, state: str, note: str
) -> None:
    nova.node.say("nova", 3, states={"servers": servers, "flavors": flavors})
    source = _source(nova)
    assert (source["state"], source["note"]) == (state, note)
    assert source["position"] == [1, 3]


def test_source_is_as_old_as_its_oldest_table(nova: System) -> None:
    nova.node.say("nova", 1, states={"servers": READY, "flavors": READY})
    nova.node.subscriptions["nova"].ages = {"servers": 2.0, "flavors": 40.0}
    assert _source(nova)["age"] == 40.0


def test_stale_table_makes_the_source_stale(nova: System) -> None:
    nova.node.say("nova", 1, states={"servers": READY, "flavors": PARTIAL})
    nova.node.subscriptions["nova"].stale = {"servers"}
    source = _source(nova)
    assert source["state"] == "stale"
    assert source["tables"]["servers"]["stale"] is True
    assert source["tables"]["flavors"]["state"] == "partial"


def test_datasource_status_has_the_keys_of_congress(nova: System) -> None:
    before = nova.call("datasource_status", name="nova")
    congress = ("last_updated", "last_error", "number_of_updates", "initialized")
    assert [before[key] for key in congress] == ["None", "None", "0", "False"]
    nova.node.say("nova", 3, states={"servers": READY, "flavors": unavailable("gone")})
    after = nova.call("datasource_status", name="nova")
    assert [after[key] for key in congress[1:]] == ["gone", "3", "True"]
    assert after["last_updated"].startswith("20")
    assert (after["subscriptions"], after["subscribers"]) == ([], [])


def test_datasources_are_listed_with_their_configuration(system: System) -> None:
    system.register("nova", {}, driver="compute", description="d", config={"region": "a"})
    (datasource,) = system.call("datasource_list")
    assert datasource == {
        "id": datasource["id"],
        "name": "nova",
        "driver": "compute",
        "description": "d",
        "type": None,
        "enabled": True,
        "config": {"region": "a"},
    }
    assert system.call("datasource_get", name="nova") == datasource
    assert system.call("datasource_get", name=datasource["id"]) == datasource


def test_schema_names_types_and_descriptions(system: System) -> None:
    tables = {"t": schema("id", description="things"), "a": schema("x")}
    system.register("nova", tables)
    answer = system.call("datasource_schema", name="nova")
    assert [table["table_id"] for table in answer["tables"]] == ["a", "t"]
    assert answer["tables"][1] == {
        "table_id": "t",
        "description": "things",
        "columns": [{"name": "id", "type": "str", "nullable": False, "description": ""}],
    }


def test_calls_that_fail_are_shown_with_one_example(system: System) -> None:
    system.policy("net", "size(1)", 'size("a")', "twice(y) :- size(x), mul(x, 2, y)")
    (failure,) = system.call("status")["failures"]
    assert failure.pop("rule")
    assert failure == {
        "policy": "net",
        "builtin": "mul",
        "reason": "x is text",
        "count": 1,
        "example": ["a", 2],
    }
    assert system.call("status")["waiting"] == []
