"""The state of the whole system: sources, what is awaited, which rules wait."""

from __future__ import annotations

from ..exchange import Answer, Request


async def show_status(request: Request) -> Answer:
    """Answer GET /v1/status."""
    return Answer(await request.policy.status())
