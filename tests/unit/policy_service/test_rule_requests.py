from __future__ import annotations

from typing import Any

import pytest

from congress_dist.errors import Conflict, CongressError, InvalidRequest, NotFound
from congress_dist.policy.language.diagnostics import PolicyError
from congress_dist.schema import schema

from .conftest import System


def _refused(system: System, method: str, **arguments: Any) -> CongressError:
    """Expect an error, and that nothing was written and nothing in memory changed."""
    before = (system.revision(), system.call("policy_list"), list(_rules(system)))
    with pytest.raises(CongressError) as caught:
        system.call(method, **arguments)
    assert (system.revision(), system.call("policy_list"), list(_rules(system))) == before
    return caught.value


def _rules(system: System) -> list[str]:
    with system.replica.state() as state:
        stored = [s.record.text for s in state.catalog.rules()]
        at_work = sum(len(state.engine.policy_rules(p.name)) for p in state.catalog.policies())
        assert at_work == len(stored)
        return stored


def test_new_system_has_the_two_policies_of_congress(system: System) -> None:
    policies = system.call("policy_list")
    assert [{k: p[k] for k in p if k != "id"} for p in policies] == [
        {
            "name": "action",
            "abbreviation": "actio",
            "description": "default action policy",
            "owner_id": "user",
            "kind": "action",
        },
        {
            "name": "classification",
            "abbreviation": "class",
            "description": "default policy",
            "owner_id": "user",
            "kind": "nonrecursive",
        },
    ]


def test_restart_creates_no_second_default_policies(system: System, open_system: Any) -> None:
    assert open_system().call("policy_list") == system.call("policy_list")


@pytest.mark.parametrize("name", ["classification", "action"])
def test_default_policies_cannot_be_deleted(system: System, name: str) -> None:
    error = _refused(system, "policy_delete", policy=name)
    assert isinstance(error, NotFound)
    assert error.fields["reason"] == "system_policy"
    assert "system-maintained" in error.message


def test_created_policy_is_found_by_name_and_by_id(system: System) -> None:
    created = system.call("policy_create", name="alice", description="d")["policy"]
    assert created["abbreviation"] == "alice"
    assert created["kind"] == "nonrecursive"
    assert system.call("policy_get", policy="alice") == created
    assert system.call("policy_get", policy=created["id"]) == created


def test_options_that_a_client_sends_as_null_have_their_defaults(system: System) -> None:
    answer = system.call(
        "policy_create", name="withlongname", description=None, abbreviation=None, kind=None
    )
    policy = answer["policy"]
    assert (policy["description"], policy["abbreviation"]) == ("", "withl")


def test_kind_is_answered_as_it_was_given(system: System) -> None:
    answer = system.call("policy_create", name="m", kind="materialized")
    assert answer["policy"]["kind"] == "materialized"


def test_policy_and_its_rules_are_one_revision(system: System) -> None:
    before = system.revision()
    answer = system.policy("net", "p(x) :- q(x)", "q(1)")
    assert answer["revision"] == before + 1
    assert [rule["rule"] for rule in answer["rules"]] == ["p(x) :- q(x)", "q(1)"]
    assert system.rows("net", "p") == [[1]]


def test_one_bad_rule_refuses_the_whole_policy(system: System) -> None:
    rules = [{"rule": "q(1)"}, {"rule": "p(x) :-\n q(y)"}]
    error = _refused(system, "policy_create", name="net", rules=rules)
    assert isinstance(error, PolicyError)
    (diagnostic,) = [d for d in error.diagnostics if d.severity == "error"]
    assert diagnostic.source == "rule 2"
    assert diagnostic.line == 1


@pytest.mark.parametrize(
    ("fields", "error", "reason"),
    [
        ({"name": ""}, InvalidRequest, "policy_name_missing"),
        ({"name": "a-b"}, InvalidRequest, "policy_name"),
        ({"name": "a:b"}, InvalidRequest, "policy_name"),
        ({"name": "a b"}, InvalidRequest, "policy_name"),
        ({"name": "p(1) q"}, InvalidRequest, "policy_name"),
        ({"name": "not"}, InvalidRequest, "policy_name"),
        ({"name": "_"}, InvalidRequest, "policy_name"),
        ({"name": "builtin"}, InvalidRequest, "policy_name"),
        ({"name": "n" * 256}, InvalidRequest, "policy_name"),
        ({"name": "net", "kind": "foo"}, InvalidRequest, "policy_kind"),
        ({"name": "net", "kind": "datasource"}, InvalidRequest, "policy_kind"),
        ({"name": "net", "abbreviation": "toolong"}, InvalidRequest, "abbreviation"),
        ({"name": "net", "abbreviation": 5}, InvalidRequest, "abbreviation"),
        ({"name": "net", "description": "a\0b"}, InvalidRequest, "text"),
        ({"name": "net", "description": "\ud800"}, InvalidRequest, "text"),
        ({"name": "net", "rules": [{"comment": "x"}]}, InvalidRequest, "rule_missing"),
        ({"name": "net", "rules": [{"rule": "p(1) p(2)"}]}, InvalidRequest, "multiple_rules"),
        ({"name": "net", "rules": [{"rule": "p(1)"}, {"rule": "p(1);"}]}, Conflict, "rule_exists"),
        ({"name": "classification"}, Conflict, "policy_exists"),
        ({"name": "nova"}, Conflict, "datasource_exists"),
    ],
)
def test_bad_policies_are_refused_with_a_reason(
    system: System, fields: dict[str, Any], error: type[CongressError], reason: str
) -> None:
    system.register("nova", {"servers": schema("id")})
    found = _refused(system, "policy_create", **fields)
    assert type(found) is error
    assert found.fields["reason"] == reason


def test_deleted_policy_takes_its_rules_along(system: System) -> None:
    created = system.policy("net", "p(x) :- q(x)", "q(1)")["policy"]
    assert system.call("policy_delete", policy="net")["policy"] == created
    with pytest.raises(NotFound):
        system.call("policy_get", policy="net")
    assert system.policy("net")["rules"] == []
    assert system.call("rule_list", policy="net") == []


def test_rules_that_read_a_deleted_policy_wait_for_it(system: System) -> None:
    system.policy("base", "q(1)")
    system.policy("net", "p(x) :- base:q(x)")
    system.call("policy_delete", policy="base")
    answer = system.call("row_list", owner="net", table="p")
    assert answer["rows"] == []
    assert list(answer["missing"]) == ["base:q"]
    system.policy("base", "q(2)")
    assert system.rows("net", "p") == [[2]]


def test_rule_is_kept_as_it_was_written(system: System) -> None:
    system.policy("net")
    text = "p(x) :-   q(x),not r(x)  # why"
    inserted = system.call("rule_insert", policy="net", rule=text, name="nm", comment="cm")["rule"]
    assert inserted == {"id": inserted["id"], "rule": text, "name": "nm", "comment": "cm"}
    assert system.call("rule_list", policy="net") == [inserted]
    assert system.call("rule_get", policy="net", rule=inserted["id"]) == inserted


def test_rules_are_addressed_by_the_policys_id_too(system: System) -> None:
    policy = system.policy("net")["policy"]["id"]
    rule = system.call("rule_insert", policy=policy, rule="q(1)")["rule"]
    assert system.call("rule_list", policy=policy) == [rule]
    assert system.call("rule_delete", policy=policy, rule=rule["id"])["rule"] == rule
    assert system.call("rule_list", policy="net") == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("p(x", "syntax"),
        ("", "syntax"),
        ("# nothing", "syntax"),
        ("p(x) :- t(y)", "unsafe"),
        ("s(x) :- not p(x)", "unsafe"),
        ("p(x) :- p(x)", "recursion"),
        ("r(x) :- p(x)", "recursion"),
        ("q(1, 2)", "arity"),
        ("w(x) :- nova:servers(nme=x)", "column"),
    ],
)
def test_bad_rules_are_refused_with_a_diagnostic(system: System, text: str, code: str) -> None:
    system.register("nova", {"servers": schema("id", "name")})
    system.policy("alice", "p(x) :- q(x), r(x)", "q(1)", "r(1)")
    error = _refused(system, "rule_insert", policy="alice", rule=text)
    assert isinstance(error, PolicyError)
    assert any(code in d.code for d in error.diagnostics), [d.code for d in error.diagnostics]
    assert system.rows("alice", "p") == [[1]]


def test_refused_recursion_does_not_poison_later_rules(system: System) -> None:
    system.policy("net", "p(x) :- q(x)")
    _refused(system, "rule_insert", policy="net", rule="q(x) :- p(x)")
    system.call("rule_insert", policy="net", rule="q(1)")
    assert system.rows("net", "p") == [[1]]


def test_several_rules_in_one_text_are_refused(system: System) -> None:
    error = _refused(system, "rule_insert", policy="classification", rule="p(1) p(2)")
    assert isinstance(error, InvalidRequest)
    assert error.fields["reason"] == "multiple_rules"


@pytest.mark.parametrize("again", ["p(x) :- q(x), r(x)", "p(x) :- r(x), q(x).  // same"])
def test_rule_that_exists_is_a_conflict(system: System, again: str) -> None:
    first = system.policy("net", "p(x) :- q(x), r(x)")["rules"][0]["id"]
    error = _refused(system, "rule_insert", policy="net", rule=again)
    assert isinstance(error, Conflict)
    assert error.fields == {"reason": "rule_exists", "rule": first}


def test_rule_with_other_variable_names_is_another_rule(system: System) -> None:
    system.policy("net", "p(x) :- q(x)")
    system.call("rule_insert", policy="net", rule="p(y) :- q(y)")
    assert len(system.call("rule_list", policy="net")) == 2


def test_facts_of_other_types_are_other_facts(system: System) -> None:
    system.policy("net", "q(1)", "q(1.0)", 'q("1")', "q(true)")
    assert len(system.rows("net", "q")) == 4


def test_same_rule_with_other_annotations_replaces_them(system: System) -> None:
    first = system.policy("net", "p(x) :- q(x)", "q(1)")["rules"][0]
    text = '@severity("low") p(x) :- q(x)'
    answer = system.call("rule_insert", policy="net", rule=text)
    assert answer["rule"]["id"] == first["id"]
    assert len(system.call("rule_list", policy="net")) == 2
    (violation,) = system.call("violation_list")["violations"]
    assert (violation["severity"], violation["rule_id"]) == ("low", first["id"])
    assert system.rows("net", "p") == [[1]]


def test_rules_of_a_datasource_are_not_permitted(system: System) -> None:
    system.register("nova", {"servers": schema("id")})
    error = _refused(system, "rule_insert", policy="nova", rule="servers(1)")
    assert isinstance(error, InvalidRequest)
    assert error.fields["reason"] == "not_permitted"


@pytest.mark.parametrize(
    ("method", "arguments", "reason"),
    [
        ("policy_get", {"policy": "nope"}, "policy"),
        ("policy_delete", {"policy": "nope"}, "policy"),
        ("rule_list", {"policy": "nope"}, "policy"),
        ("rule_insert", {"policy": "nope", "rule": "p(1)"}, "policy"),
        ("rule_get", {"policy": "action", "rule": "nope"}, "rule"),
        ("rule_delete", {"policy": "action", "rule": "nope"}, "rule"),
        ("table_list", {"owner": "nope"}, "owner"),
        ("table_get", {"owner": "action", "table": "nope"}, "table"),
        ("row_list", {"owner": "action", "table": "nope"}, "table"),
        ("datasource_get", {"name": "nope"}, "datasource"),
        ("datasource_schema", {"name": "nope"}, "datasource"),
        ("datasource_status", {"name": "nope"}, "datasource"),
        ("violation_list", {"policy": "nope"}, "policy"),
    ],
)
def test_what_does_not_exist_is_not_found(
    system: System, method: str, arguments: dict[str, Any], reason: str
) -> None:
    error = _refused(system, method, **arguments)
    assert isinstance(error, NotFound)
    assert error.fields["reason"] == reason


def test_deletion_that_takes_a_named_column_away_is_refused(system: System) -> None:
    rule = system.policy("net", "base(id) :- q(id)", "p(x) :- base(id=x)")["rules"][0]["id"]
    error = _refused(system, "rule_delete", policy="net", rule=rule)
    assert isinstance(error, PolicyError)


def test_rule_on_an_unknown_policy_is_accepted_and_says_what_it_waits_for(system: System) -> None:
    system.policy("net")
    answer = system.call("rule_insert", policy="net", rule="e(x) :- nosuch:z(x)")
    assert [w["severity"] for w in answer["warnings"]] == ["warning"]
    (waiting,) = system.call("status")["waiting"]
    assert waiting["policy"] == "net"
    assert waiting["rule"] == answer["rule"]["id"]
    assert list(waiting["for"]) == ["nosuch:z"]


def test_two_policies_that_would_be_recursive_together_are_refused(system: System) -> None:
    system.policy("b", "t(x) :- c:t(x)")
    error = _refused(system, "policy_create", name="c", rules=[{"rule": "t(x) :- b:t(x)"}])
    assert isinstance(error, PolicyError)


def test_rule_deleted_is_gone_for_good(system: System, open_system: Any) -> None:
    rules = system.policy("net", "q(1)", "q(2)")["rules"]
    system.call("rule_delete", policy="net", rule=rules[0]["id"])
    assert system.rows("net", "q") == [[2]]
    assert open_system().rows("net", "q") == [[2]]
