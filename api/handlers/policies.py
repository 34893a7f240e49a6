"""Policies: named modules of rules."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec

from congress_dist.errors import InvalidRequest

from ..errors import UnsupportedMethod
from ..exchange import Answer, Request, meta_of
from .rules import RuleBody, pretty_text

_POLICY_KEYS = ("id", "name", "abbreviation", "description", "owner_id", "kind")
_MAX_ABBREVIATION = 5

Text = Annotated[str, msgspec.Meta(max_length=65_535)]
Name = Annotated[str, msgspec.Meta(max_length=255)]


class PolicyBody(msgspec.Struct):
    """The body of POST /v1/policies; what Congress's client leaves out it sends as null."""

    name: Name | None = None
    description: Text | None = None
    abbreviation: Any = None
    kind: Name | None = None
    rules: list[RuleBody] | None = None


async def list_policies(request: Request) -> Answer:
    """Answer GET /v1/policies."""
    return Answer({"results": [_item(p) for p in await request.policy.policy_list()]})


async def create_policy(request: Request) -> Answer:
    """Answer POST /v1/policies: a policy, with all its rules or not at all."""
    if request.text("library_policy") is not None:
        raise UnsupportedMethod
    body = await request.body(PolicyBody)
    created = await request.policy.policy_create(_arguments(body), key=request.idempotency_key)
    item = _item(created["policy"])
    if body.rules is not None:
        item["rules"] = await asyncio.to_thread(_pretty_rules, body.rules)
    return Answer(item, 201, f"{request.url}/{item['id']}", meta_of(created))


async def show_policy(request: Request, policy: str) -> Answer:
    """Answer GET /v1/policies/{p}."""
    return Answer(_item(await request.policy.policy_get(policy)))


async def delete_policy(request: Request, policy: str) -> Answer:
    """Answer DELETE /v1/policies/{p} with the policy as it was."""
    deleted = await request.policy.policy_delete(policy, key=request.idempotency_key)
    return Answer(_item(deleted["policy"]), meta=meta_of(deleted))


async def show_policy_status(request: Request, policy: str) -> Answer:
    """Answer GET /v1/policies/{p}/status."""
    found = await request.policy.policy_get(policy)
    return Answer({"id": found["id"], "name": found["name"]})


async def act_on_policy(request: Request, policy: str) -> Answer:  # noqa: ARG001
    """Answer POST /v1/policies/{p}?action=…: no action is offered.

    Raises: InvalidRequest: no action is named. UnsupportedMethod: otherwise.
    """
    if request.text("action") is None:
        raise InvalidRequest("Missing required action parameter.", reason="parameter")
    raise UnsupportedMethod


def _item(policy: dict[str, Any]) -> dict[str, Any]:
    return {key: policy[key] for key in _POLICY_KEYS}


def _arguments(body: PolicyBody) -> dict[str, Any]:
    if not body.name:
        raise InvalidRequest(
            "A name must be provided when creating a policy", reason="policy_name_missing"
        )
    arguments: dict[str, Any] = {
        "name": body.name,
        "description": body.description or "",
        "abbreviation": _abbreviation(body.abbreviation),
        "rules": [rule.arguments() for rule in body.rules or ()],
    }
    return arguments if body.kind is None else arguments | {"kind": body.kind}


def _abbreviation(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and len(value) <= _MAX_ABBREVIATION):
        return value
    raise InvalidRequest(
        f"the abbreviation of a policy is text of at most {_MAX_ABBREVIATION} characters",
        reason="abbreviation",
    )


def _pretty_rules(rules: list[RuleBody]) -> list[dict[str, Any]]:
    return [
        {"rule": pretty_text(r.rule), "name": r.name, "comment": r.comment or ""} for r in rules
    ]
