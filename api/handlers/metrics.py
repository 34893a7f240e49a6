"""Metrics of this process for Prometheus, and where those of all nodes are."""

from __future__ import annotations

from congress_dist.metrics import CONTENT_TYPE, exposition

from ..exchange import Answer, Request


async def show_metrics(request: Request) -> Answer:
    """Answer GET /metrics in Prometheus's text format."""
    return Answer(exposition(await request.nodes.own()), content_type=CONTENT_TYPE)


async def list_targets(request: Request) -> Answer:
    """Answer GET /metrics/targets in the form of Prometheus's HTTP service discovery.

    Shapes: one group for each node that serves metrics, or did when it answered last: that a
        silent one does not answer Prometheus either is what an alert is made of.
    """
    nodes = await request.nodes.everybody()
    return Answer(
        [
            {
                "targets": [node["metrics"].removeprefix("http://").removesuffix("/metrics")],
                "labels": {"node": node["node"], "services": ",".join(node["services"])},
            }
            for node in nodes
            if node["metrics"]
        ]
    )
