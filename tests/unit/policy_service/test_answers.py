from __future__ import annotations

from typing import Any

import pytest

from congress_dist.errors import InvalidRequest, NotFound
from congress_dist.schema import schema

from .conftest import System


@pytest.fixture
def net(system: System) -> System:
    system.register("nova", {"servers": schema("id", "status"), "flavors": schema("id")})
    system.policy(
        "net",
        "p(x, y) :- q(x), r(x, y)",
        "q(1)",
        "q(2)",
        'r(1, "b")',
        'r(1, "a")',
        "r(2, null)",
        "down(id) :- nova:servers(id=id), other:allowed(id)",
        "execute[nova:pause(id)] :- down(id)",
    )
    return system


def test_policy_names_its_tables_and_those_of_others(net: System) -> None:
    assert net.call("table_list", owner="net") == [
        "down",
        "nova:servers",
        "other:allowed",
        "p",
        "q",
        "r",
    ]


def test_datasource_names_its_tables(net: System) -> None:
    assert net.call("table_list", owner="nova") == ["flavors", "servers"]
    datasource = net.call("datasource_get", name="nova")["id"]
    assert net.call("table_list", owner=datasource) == ["flavors", "servers"]


def test_table_has_the_columns_of_its_schema_or_heads(net: System) -> None:
    assert net.call("table_get", owner="nova", table="servers") == {
        "id": "servers",
        "columns": ["id", "status"],
    }
    assert net.call("table_get", owner="net", table="p")["columns"] == ["x", "y"]
    assert net.call("table_get", owner="net", table="nova:servers")["columns"] == ["id", "status"]


def test_rows_are_sorted_whatever_their_types(system: System) -> None:
    system.policy("net", 'q("a")', "q(1.5)", "q(null)", "q(true)", "q(10)", "q(2)", "q(2.0)")
    rows = [row for (row,) in system.rows("net", "q")]
    assert [(type(row), row) for row in rows] == [
        (type(None), None),
        (bool, True),
        (float, 1.5),
        (int, 2),
        (float, 2.0),
        (int, 10),
        (str, "a"),
    ]


def test_policy_is_read_by_its_id_too(net: System) -> None:
    policy = net.call("policy_get", policy="net")["id"]
    assert net.rows(policy, "q") == [[1], [2]]


def test_rows_come_in_pages(net: System) -> None:
    seen: list[Any] = []
    marker = None
    pages = 0
    while pages < 10:
        answer = net.call("row_list", owner="net", table="p", limit=2, marker=marker)
        seen += answer["rows"]
        pages += 1
        marker = answer.get("next")
        if marker is None:
            break
    assert seen == [[1, "a"], [1, "b"], [2, None]]
    assert pages == 2


def test_page_goes_on_after_its_marker_although_that_row_is_gone(net: System) -> None:
    marker = net.call("row_list", owner="net", table="p", limit=1)["next"]
    rule = next(r for r in net.call("rule_list", policy="net") if r["rule"] == 'r(1, "a")')
    net.call("rule_delete", policy="net", rule=rule["id"])
    answer = net.call("row_list", owner="net", table="p", limit=1, marker=marker)
    assert answer["rows"] == [[1, "b"]]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"limit": 0}, "limit"),
        ({"marker": "???"}, "marker"),
        ({"marker": "AAAA"}, "marker"),
        ({"marker": "é"}, "marker"),
    ],
)
def test_bad_pages_are_refused(net: System, arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        net.call("row_list", owner="net", table="p", **arguments)
    assert caught.value.fields["reason"] == reason


def test_trace_tells_the_derivations_as_text(net: System) -> None:
    answer = net.call("row_list", owner="net", table="p", trace=True, limit=1)
    lines = answer["trace"].splitlines()
    assert lines[0] == 'net:p(1, "a") <- p(x, y) :- q(x), r(x, y)'
    assert lines[1:] == ["| net:q(1)", '| net:r(1, "a")']


def test_table_of_an_unknown_owner_has_no_rows_and_says_why(net: System) -> None:
    answer = net.call("row_list", owner="net", table="other:allowed")
    assert answer["rows"] == []
    assert answer["missing"] == {"other:allowed": "no such policy or datasource"}


def test_table_that_no_rule_uses_is_fetched_when_it_is_read(net: System) -> None:
    net.replica.start(net.node)  # type: ignore[arg-type]
    subscribe = net.node.subscribe

    def answered_at_once(source: str, tables: Any, listener: Any) -> Any:
        found = subscribe(source, tables, listener)
        if "flavors" in found.tables:
            net.node.say("nova", 1, {"flavors": [("small",)]})
        return found

    net.node.subscribe = answered_at_once  # type: ignore[method-assign]
    answer = net.call("row_list", owner="nova", table="flavors")
    assert (answer["rows"], answer["missing"]) == ([["small"]], {})
    assert "flavors" in net.call("status")["sources"][0]["tables"]


def test_row_is_explained_down_to_the_datasource(net: System) -> None:
    net.policy("other", 'allowed("a")')
    net.node.say("nova", 4, {"servers": [("a", "DOWN")]})
    answer = net.call("explain", policy="net", table="down", row=["a"])
    tree = answer["derivation"]
    assert (tree["policy"], tree["table"], tree["row"]) == ("net", "down", ["a"])
    below = {(child["policy"], child["table"]): child["row"] for child in tree["children"]}
    assert below == {("nova", "servers"): ["a", "DOWN"], ("other", "allowed"): ["a"]}
    assert answer["as_of"]["nova"]["position"] == [1, 4]


def test_absent_row_is_not_found_and_says_what_is_missing(net: System) -> None:
    with pytest.raises(NotFound) as caught:
        net.call("explain", policy="net", table="down", row=["zz"])
    assert caught.value.fields["reason"] == "row"
    assert "nova:servers" in caught.value.fields["missing"]


def test_value_of_another_type_is_another_row(net: System) -> None:
    assert net.call("explain", policy="net", table="q", row=[1])
    for other in (True, 1.0, "1"):
        with pytest.raises(NotFound):
            net.call("explain", policy="net", table="q", row=[other])


def test_row_with_a_list_in_it_is_refused(net: System) -> None:
    with pytest.raises(InvalidRequest):
        net.call("explain", policy="net", table="q", row=[[1]])
