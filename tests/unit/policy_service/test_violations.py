from __future__ import annotations

from typing import Any

import pytest

from congress_dist.schema import schema

from .conftest import System


def _violations(system: System, **arguments: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = system.call("violation_list", **arguments)["violations"]
    return found


def test_violation_says_everything_about_its_rule_and_row(system: System) -> None:
    system.policy(
        "net",
        '@id("NET-1") @severity("critical") @title("open server") @remediation("close it") '
        '@message("server {name} is open on port {port}") '
        "open(name, port) :- server(name), port(port)",
        'server("web")',
        "port(null)",
    )
    rule = system.call("rule_list", policy="net")[0]["id"]
    assert _violations(system) == [
        {
            "policy": "net",
            "rule": "NET-1",
            "rule_id": rule,
            "table": "open",
            "row": ["web", None],
            "columns": ["name", "port"],
            "severity": "critical",
            "title": "open server",
            "remediation": "close it",
            "message": "server web is open on port null",
        }
    ]


def test_rows_of_error_and_warning_are_violations_of_every_rule(system: System) -> None:
    system.policy("net", "error(x) :- q(x)", "warning(x) :- q(x)", "q(1)", "quiet(x) :- q(x)")
    assert [(v["severity"], v["table"], v["message"]) for v in _violations(system)] == [
        ("high", "error", "error(1)"),
        ("medium", "warning", "warning(1)"),
    ]


def test_severity_given_on_an_error_rule_counts(system: System) -> None:
    system.policy("net", '@severity("info") error(x) :- q(x)', "q(1)")
    assert [v["severity"] for v in _violations(system)] == ["info"]


def test_row_derived_by_two_rules_counts_for_each(system: System) -> None:
    system.policy("net", "error(x) :- q(x)", "error(x) :- r(x)", "q(1)", "r(1)")
    found = _violations(system)
    assert [v["row"] for v in found] == [[1], [1]]
    assert len({v["rule_id"] for v in found}) == 2


def test_fact_of_error_is_a_violation(system: System) -> None:
    system.policy("net", 'error("by hand")')
    (violation,) = _violations(system)
    assert violation["rule_id"] == system.call("rule_list", policy="net")[0]["id"]


def test_violations_are_sorted_worst_first_then_by_policy_rule_and_row(system: System) -> None:
    system.policy("b", '@id("B") @severity("low") t(x) :- q(x)', "q(2)", "q(1)", 'q("a")')
    system.policy("a", '@id("A2") @severity("low") t(x) :- b:q(x)', '@id("A1") error(x) :- b:q(x)')
    found = [(v["severity"], v["policy"], v["rule"], v["row"]) for v in _violations(system)]
    assert found == [
        ("high", "a", "A1", [1]),
        ("high", "a", "A1", [2]),
        ("high", "a", "A1", ["a"]),
        ("low", "a", "A2", [1]),
        ("low", "a", "A2", [2]),
        ("low", "a", "A2", ["a"]),
        ("low", "b", "B", [1]),
        ("low", "b", "B", [2]),
        ("low", "b", "B", ["a"]),
    ]


def test_violations_of_one_policy_are_asked_for_by_name_or_id(system: System) -> None:
    system.policy("a", "error(1)")
    policy = system.policy("b", "error(2)")["policy"]["id"]
    for name in ("b", policy):
        assert [v["row"] for v in _violations(system, policy=name)] == [[2]]


def test_answer_says_what_was_checked_and_what_waits(system: System) -> None:
    system.register("nova", {"servers": schema("id"), "flavors": schema("id")})
    system.policy(
        "net",
        '@id("N1") error(x) :- nova:servers(x), not allowed(x)',
        "warning(x) :- nova:servers(x), nova:flavors(x)",
        "quiet(x) :- nova:servers(x)",
        'allowed("a")',
    )
    system.node.say("nova", 1, {"servers": [("a",)]})
    answer = system.call("violation_list")
    assert answer["violations"] == []
    assert answer["checked"] == {"rules": 2, "tables": 2}
    (waiting,) = answer["waiting"]
    assert waiting["for"] == {"nova:flavors": "waiting for first data"}
    assert answer["missing"] == {"nova:flavors": "waiting for first data"}
    assert list(answer["as_of"]) == ["nova"]
    system.node.say("nova", 2, {"flavors": [("b",)], "servers": [("b",)]})
    answer = system.call("violation_list")
    assert [v["severity"] for v in answer["violations"]] == ["high", "medium"]
    assert (answer["waiting"], answer["missing"]) == ([], {})


@pytest.mark.parametrize("text", ["t(x) :- q(x)", "q(1)"])
def test_rules_that_report_nothing_are_not_counted(system: System, text: str) -> None:
    system.policy("net", text)
    assert system.call("violation_list")["checked"] == {"rules": 0, "tables": 0}


def test_violation_goes_with_its_row(system: System) -> None:
    system.register("nova", {"servers": schema("id")})
    system.policy("net", "error(x) :- nova:servers(x)")
    system.node.say("nova", 1, {"servers": [("a",), ("b",)]})
    system.node.say("nova", 2, removed={"servers": [("a",)]}, states={})
    assert [v["row"] for v in _violations(system)] == [["b"]]
