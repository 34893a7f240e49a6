"""Rules of a policy. A missing policy has a code of its own here (1020), as in Congress."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec

from congress_dist.errors import NotFound
from congress_dist.policy.language.grammar import parse
from congress_dist.policy.language.printer import pretty_rule

from ..exchange import Answer, Request, meta_of

_RULE_KEYS = ("id", "rule", "name", "comment")
Short = Annotated[str, msgspec.Meta(max_length=255)]


class RuleBody(msgspec.Struct):
    """The body of POST …/rules, and one rule in that of POST /v1/policies."""

    rule: str
    name: Short | None = None
    comment: Short | None = None

    def arguments(self) -> dict[str, Any]:
        """Give what the policy engine takes."""
        return {"rule": self.rule, "name": self.name, "comment": self.comment or ""}


async def list_rules(request: Request, policy: str) -> Answer:
    """Answer GET …/rules."""
    with _policy_of_rules():
        rules = await request.policy.rule_list(policy)
    return Answer({"results": [_item(rule) for rule in rules]})


async def create_rule(request: Request, policy: str) -> Answer:
    """Answer POST …/rules; the rule comes back in Congress's form of several lines."""
    body = await request.body(RuleBody)
    with _policy_of_rules():
        inserted = await request.policy.rule_insert(
            policy, body.arguments(), key=request.idempotency_key
        )
    item = _item(inserted["rule"])
    item["rule"] = await asyncio.to_thread(pretty_text, item["rule"])
    return Answer(item, 201, f"{request.url}/{item['id']}", meta_of(inserted))


async def show_rule(request: Request, policy: str, rule: str) -> Answer:
    """Answer GET …/rules/{r}."""
    with _policy_of_rules():
        return Answer(_item(await request.policy.rule_get(policy, rule)))


async def delete_rule(request: Request, policy: str, rule: str) -> Answer:
    """Answer DELETE …/rules/{r} with the rule as it was."""
    with _policy_of_rules():
        deleted = await request.policy.rule_delete(policy, rule, key=request.idempotency_key)
    return Answer(_item(deleted["rule"]), meta=meta_of(deleted))


async def show_rule_status(request: Request, policy: str, rule: str) -> Answer:
    """Answer GET …/rules/{r}/status."""
    with _policy_of_rules():
        found = await request.policy.rule_get(policy, rule)
    return Answer(
        {
            "id": found["id"],
            "name": found["name"],
            "comment": found["comment"],
            "original_str": found["rule"],
        }
    )


def pretty_text(text: str) -> str:
    """Give the text of one valid rule in Congress's form: the body on lines of its own."""
    return "\n".join(pretty_rule(rule) for rule in parse(text))


@contextmanager
def _policy_of_rules() -> Iterator[None]:
    try:
        yield
    except NotFound as error:
        if error.fields.get("reason") != "policy":
            raise
        raise NotFound(error.message, reason="policy_of_rules") from error


def _item(rule: dict[str, Any]) -> dict[str, Any]:
    return {key: rule[key] for key in _RULE_KEYS}
