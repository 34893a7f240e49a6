"""Questions to nodes: bounded in number, and the lag of who is cut off."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from congress_dist.api.handlers.nodes import list_nodes
from congress_dist.api.nodes_client import MAX_WAITING, NodesClient
from congress_dist.errors import ServiceUnavailable


class SlowNode:
    """Answers when it may."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()

    def nodes(self, *, timeout: float = 2.0) -> list[dict[str, Any]]:  # noqa: ARG002
        assert self.may_answer.wait(20)
        return []

    def status(self) -> dict[str, Any]:
        return {"node": "api-a1"}


def test_more_questions_than_may_wait_are_refused_at_once() -> None:
    node = SlowNode()
    client = NodesClient(node)

    async def ask() -> None:
        asked = [asyncio.ensure_future(client.everybody()) for _ in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable):
            await client.own()
        node.may_answer.set()
        assert await asyncio.gather(*asked) == [[]] * MAX_WAITING
        assert await client.own() == {"node": "api-a1"}

    asyncio.run(ask())
    client.stop()


@pytest.mark.parametrize(
    ("state", "position", "lag", "shown"),
    [
        ("live", [3, 5], 0, 0),  # it hears its publisher: its own word counts
        ("stale", [3, 5], 1, 4),
        ("stale", [3, 5], None, 4),
        ("stale", [2, 5], None, None),  # another epoch: nothing can be said
        ("waiting", None, None, None),
        ("stale", [3, 12], 0, 0),
    ],
)
def test_lag_of_who_is_cut_off_counts_from_its_publisher(
    state: str, position: list[int] | None, lag: int | None, shown: int | None
) -> None:
    stream = {"stream": "nova", "position": [3, 9]}
    old = {"stream": "nova", "position": [2, 99]}
    source = {"source": "nova", "state": state, "position": position, "lag": lag}
    reports = [
        {"streams": [stream, old], "sources": []},
        {"streams": [], "sources": [source]},
    ]

    class Nodes:
        async def everybody(self) -> list[dict[str, Any]]:
            return reports

    class Request:
        nodes = Nodes()

    answer = asyncio.run(list_nodes(Request()))  # type: ignore[arg-type]
    assert answer.body["results"][1]["sources"][0]["lag"] == shown
