"""Violations: pairs of a rule and a row, worst severity first."""

from __future__ import annotations

from ..exchange import Answer, Request


async def list_violations(request: Request) -> Answer:
    """Answer GET /v1/violations; `policy` restricts it to one policy by name or id."""
    return Answer(await request.policy.violation_list(request.text("policy")))
