"""Whether this process works; nothing is asked of any other."""

from __future__ import annotations

from ..exchange import Answer, Request


async def show_health(request: Request) -> Answer:  # noqa: ARG001
    """Answer GET /healthz."""
    return Answer({"status": "ok"})
