"""Nodes: every process on the bus, what it publishes and subscribes to, and how it does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..exchange import Answer, Request

_CUT_OFF = ("stale", "syncing", "waiting")
"""States of a subscriber that may know of less than its publisher has."""


async def list_nodes(request: Request) -> Answer:
    """Answer GET /v1/nodes; who does not answer within two seconds is in it as `silent`."""
    nodes = await request.nodes.everybody()
    newest = _newest_positions(nodes)
    for source in (source for node in nodes for source in node["sources"]):
        _correct_lag(source, newest.get(source["source"]))
    return Answer({"results": nodes})


def _newest_positions(nodes: Iterable[dict[str, Any]]) -> dict[str, list[int]]:
    """Give where the publisher of each stream stands, as it says itself."""
    newest: dict[str, list[int]] = {}
    for stream in (stream for node in nodes for stream in node["streams"]):
        position = stream["position"]
        if position is not None:
            newest[stream["stream"]] = max(position, newest.get(stream["stream"], position))
    return newest


def _correct_lag(source: dict[str, Any], newest: list[int] | None) -> None:
    """Let the lag of a subscriber that is cut off count from what its publisher says.

    Of one that hears its publisher its own word is better: the two were not asked at one moment.
    """
    position = source.get("position")
    if source["state"] not in _CUT_OFF or position is None or newest is None:
        return
    if position[0] == newest[0]:
        source["lag"] = max(source["lag"] or 0, newest[1] - position[1])
