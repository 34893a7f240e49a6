"""What requests on policies and rules come to at one revision: operations and an answer.

Called by the writer under the replica's lock, perhaps several times for one request.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from congress_dist.errors import Conflict, InvalidRequest, NotFound

from .catalog import Catalog, StoredRule
from .language.ast import Rule
from .language.diagnostics import Diagnostic
from .language.policy_kinds import ACTION, NONRECURSIVE
from .language.printer import print_rule
from .replica import State
from .rule_writer import Plan
from .store.operations import CreatePolicy, DeletePolicy, DeleteRule, InsertRule
from .store.records import PolicyRecord, RuleRecord
from .validation import identity_of, read_one, try_annotate, try_create, try_delete, try_insert

SYSTEM_POLICIES = (
    ("classification", "class", "default policy", NONRECURSIVE),
    ("action", "actio", "default action policy", ACTION),
)
"""Name, abbreviation, description and kind of the policies that every system has."""

OWNER = "user"
"""Who owns every policy, as long as there are no users."""


def plan_system_policies(state: State) -> Plan:
    """Plan to create the policies that every system has, where they are missing."""
    missing = [p for p in SYSTEM_POLICIES if state.catalog.find_policy(p[0]) is None]
    records = [
        PolicyRecord(str(uuid.uuid4()), name, abbreviation, description, OWNER, kind)
        for name, abbreviation, description, kind in missing
    ]
    return Plan({}, tuple(CreatePolicy(record) for record in records))


def plan_create(state: State, policy: PolicyRecord, given: Sequence[Mapping[str, Any]]) -> Plan:
    """Plan to create a policy with its rules, in the form that `RuleRequests` has checked."""
    _refuse_taken_name(state.catalog, policy.name)
    records = [_new_rule(policy.id, rule, read_one(rule["rule"])) for rule in given]
    identities = {record.identity: record for record in records}
    if len(identities) != len(records):
        again = next(r for r in records if identities[r.identity] is not r)
        raise Conflict(f"the rule {again.printed!r} is given twice", reason="rule_exists")
    texts = [record.text for record in records]
    warnings = try_create(state.engine, policy.name, policy.kind, texts)
    answer = {
        "policy": policy_answer(policy),
        "rules": [rule_answer(record) for record in records],
        "warnings": _wire(warnings),
    }
    return Plan(answer, (CreatePolicy(policy), *(InsertRule(record) for record in records)))


def plan_delete(state: State, name_or_id: str) -> Plan:
    """Plan to delete a policy with its rules."""
    policy = state.catalog.get_policy(name_or_id)
    if policy.name in {name for name, *_ in SYSTEM_POLICIES}:
        raise NotFound(
            f"cannot delete system-maintained policy {policy.name!r}", reason="system_policy"
        )
    rules = tuple(DeleteRule(stored.record) for stored in state.catalog.rules(policy))
    return Plan({"policy": policy_answer(policy)}, (*rules, DeletePolicy(policy)))


def plan_insert(state: State, name_or_id: str, given: Mapping[str, Any]) -> Plan:
    """Plan to add a rule, or to give a present one other annotations."""
    policy = _policy_for_rules(state.catalog, name_or_id)
    rule = read_one(given["rule"])
    record = _new_rule(policy.id, given, rule)
    present = state.catalog.find_rule(policy, record.identity)
    if present is not None:
        return _plan_annotate(state, policy, present, record, rule)
    warnings = try_insert(state.engine, policy.name, record.text)
    answer = {"rule": rule_answer(record), "warnings": _wire(warnings)}
    return Plan(answer, (InsertRule(record),))


def _plan_annotate(
    state: State, policy: PolicyRecord, present: StoredRule, new: RuleRecord, rule: Rule
) -> Plan:
    if present.rule.annotations == rule.annotations:
        raise Conflict(
            f"policy {policy.name!r} has this rule already, as {present.record.id}",
            reason="rule_exists",
            rule=present.record.id,
        )
    warnings = try_annotate(state.engine, policy.name, new.text)
    kept = msgspec.structs.replace(new, id=present.record.id)
    answer = {"rule": rule_answer(kept), "warnings": _wire(warnings)}
    return Plan(answer, (DeleteRule(present.record), InsertRule(kept)))


def plan_delete_rule(state: State, name_or_id: str, rule_id: str) -> Plan:
    """Plan to delete one rule."""
    policy = state.catalog.get_policy(name_or_id)
    stored = state.catalog.get_rule(policy, rule_id)
    try_delete(state.engine, policy.name, stored.rule)
    return Plan({"rule": rule_answer(stored.record)}, (DeleteRule(stored.record),))


def _policy_for_rules(catalog: Catalog, name_or_id: str) -> PolicyRecord:
    policy = catalog.find_policy(name_or_id)
    if policy is None and catalog.find_datasource(name_or_id) is not None:
        raise InvalidRequest(
            f"{name_or_id!r} is a datasource; rules belong to policies", reason="not_permitted"
        )
    return policy or catalog.get_policy(name_or_id)


def _refuse_taken_name(catalog: Catalog, name: str) -> None:
    if any(policy.name == name for policy in catalog.policies()):
        raise Conflict(f"a policy with name {name!r} already exists", reason="policy_exists")
    if any(datasource.name == name for datasource in catalog.datasources()):
        raise Conflict(
            f"a datasource with name {name!r} exists; policies and datasources share their names",
            reason="datasource_exists",
        )


def _new_rule(policy_id: str, given: Mapping[str, Any], rule: Rule) -> RuleRecord:
    return RuleRecord(
        id=str(uuid.uuid4()),
        policy_id=policy_id,
        text=given["rule"],
        printed=print_rule(rule),
        identity=identity_of(rule),
        name=given["name"],
        comment=given["comment"],
    )


def policy_answer(policy: PolicyRecord) -> dict[str, Any]:
    """Give a policy as plain values."""
    return {
        "id": policy.id,
        "name": policy.name,
        "abbreviation": policy.abbreviation,
        "description": policy.description,
        "owner_id": policy.owner_id,
        "kind": policy.kind,
    }


def rule_answer(rule: RuleRecord) -> dict[str, Any]:
    """Give a rule as plain values."""
    return {"id": rule.id, "rule": rule.text, "name": rule.name, "comment": rule.comment}


def _wire(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    return [diagnostic.to_wire() for diagnostic in diagnostics]
