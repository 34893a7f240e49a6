"""Policies and rules as the API asks for them: listed, created, deleted."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from congress_dist.errors import InvalidRequest

from .language.policy_kinds import KINDS, NONRECURSIVE
from .replica import Replica
from .rule_plans import (
    OWNER,
    plan_create,
    plan_delete,
    plan_delete_rule,
    plan_insert,
    plan_system_policies,
    policy_answer,
    rule_answer,
)
from .rule_writer import RuleWriter, WriteRequest
from .store.records import PolicyRecord
from .validation import check_owner_name

_ABBREVIATION_LENGTH = 5
_NAME_LENGTH = 255
_TEXT_LENGTH = 1_000_000


class RuleRequests:
    """The calls on policies and rules; thread safe."""

    def __init__(self, replica: Replica, writer: RuleWriter) -> None:
        self._replica = replica
        self._writer = writer

    def create_system_policies(self) -> None:
        """Create the policies that every system has, where they are missing."""
        request = WriteRequest("create_system_policies", "", {}, who="system")
        self._writer.write(request, plan_system_policies)

    def policy_list(self) -> list[dict[str, Any]]:
        """Give all policies by name."""
        with self._replica.state() as state:
            return [policy_answer(policy) for policy in state.catalog.policies()]

    def policy_get(self, policy: str) -> dict[str, Any]:
        """Give one policy by name or id. Raises: NotFound."""
        with self._replica.state() as state:
            return policy_answer(state.catalog.get_policy(policy))

    def policy_create(
        self,
        name: str,
        description: str | None = "",
        abbreviation: str | None = None,
        kind: str | None = None,
        rules: Sequence[Mapping[str, Any]] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Create a policy with its rules, all or nothing.

        Raises: InvalidRequest, Conflict (reason `policy_exists`, `datasource_exists`),
            PolicyError.
        """
        record = PolicyRecord(
            id=str(uuid.uuid4()),
            name=check_owner_name(name, "policy"),
            abbreviation=_check_abbreviation(abbreviation, name),
            description=_check_text(description or "", "description"),
            owner_id=OWNER,
            kind=_check_kind(kind),
        )
        given = [_check_rule_fields(rule) for rule in rules or ()]
        body = {"policy": [*policy_answer(record).values()][1:], "rules": given}
        request = WriteRequest("policy_create", "", body, key)
        return self._writer.write(request, lambda state: plan_create(state, record, given))

    def policy_delete(self, policy: str, key: str | None = None) -> dict[str, Any]:
        """Delete a policy with its rules; rules elsewhere that read it wait.

        Raises: NotFound (reason `policy`, or `system_policy`: those stay).
        """
        request = WriteRequest("policy_delete", policy, {}, key)
        return self._writer.write(request, lambda state: plan_delete(state, policy))

    def rule_list(self, policy: str) -> list[dict[str, Any]]:
        """Give a policy's rules in the order of their insertion. Raises: NotFound."""
        with self._replica.state() as state:
            found = state.catalog.get_policy(policy)
            return [rule_answer(stored.record) for stored in state.catalog.rules(found)]

    def rule_get(self, policy: str, rule: str) -> dict[str, Any]:
        """Give one rule by its id. Raises: NotFound."""
        with self._replica.state() as state:
            found = state.catalog.get_policy(policy)
            return rule_answer(state.catalog.get_rule(found, rule).record)

    def rule_insert(
        self,
        policy: str,
        rule: str,
        name: str | None = None,
        comment: str | None = "",
        key: str | None = None,
    ) -> dict[str, Any]:
        """Add one rule; the same rule with other annotations takes the place of the present one.

        Raises: PolicyError; NotFound; Conflict (reason `rule_exists`); InvalidRequest (reason
            `multiple_rules`, or `not_permitted`: a datasource has no rules).
        """
        given = _check_rule_fields({"rule": rule, "name": name, "comment": comment})
        request = WriteRequest("rule_insert", policy, given, key)
        return self._writer.write(request, lambda state: plan_insert(state, policy, given))

    def rule_delete(self, policy: str, rule: str, key: str | None = None) -> dict[str, Any]:
        """Delete one rule by its id. Raises: NotFound (reason `policy` or `rule`), PolicyError."""
        request = WriteRequest("rule_delete", f"{policy}/{rule}", {}, key)
        return self._writer.write(request, lambda state: plan_delete_rule(state, policy, rule))


def _check_rule_fields(given: Mapping[str, Any]) -> dict[str, Any]:
    if "rule" not in given:
        raise InvalidRequest("a rule needs its text under the key 'rule'", reason="rule_missing")
    name = given.get("name")
    return {
        "rule": _check_text(given["rule"], "rule"),
        "name": None if name is None else _check_text(name, "name", _NAME_LENGTH),
        "comment": _check_text(given.get("comment") or "", "comment"),
    }


def _check_abbreviation(abbreviation: object, name: str) -> str:
    if abbreviation is None:
        return name[:_ABBREVIATION_LENGTH]
    if not isinstance(abbreviation, str) or len(abbreviation) > _ABBREVIATION_LENGTH:
        raise InvalidRequest(
            f"an abbreviation is text of at most {_ABBREVIATION_LENGTH} characters",
            reason="abbreviation",
        )
    return abbreviation


def _check_kind(kind: object) -> str:
    if kind is None:
        return NONRECURSIVE
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(sorted(KINDS))
        raise InvalidRequest(
            f"there is no policy kind {kind!r}; kinds are {known}", reason="policy_kind"
        )
    return kind


def _check_text(value: object, what: str, longest: int = _TEXT_LENGTH) -> str:
    if not isinstance(value, str) or not _is_plain(value) or len(value) > longest:
        raise InvalidRequest(
            f"{what!r} must be text without NUL or lone surrogates, of at most {longest} "
            "characters",
            reason="text",
            field=what,
        )
    return value


def _is_plain(text: str) -> bool:
    return "\0" not in text and text.encode(errors="replace").decode() == text
