"""Every node that was heard of, also the silent ones, until somebody can have looked for them.

Pure. Membership (membership.py) forgets who is gone, because it chooses whom to trust; this one
keeps them, because an operator must see who is missing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .messages import Heartbeat
from .options import DseOptions
from .stream import Position, Seq

KEPT = 24 * 3600.0
"""Seconds for which a silent node is shown: over a night and its morning."""
_MOST_NODES = 10_000
_MOST_SERVICES = 1000
"""Of one node: more are not told of."""


@dataclass(slots=True)
class HeardNode:
    """One incarnation of a node, as its newest heartbeats told.

    Units: `heard_at` on the local clock.
    """

    node_id: str
    incarnation: str
    heard_at: float
    beat: int
    services: set[str] = field(default_factory=set)
    positions: dict[str, Position] = field(default_factory=dict)
    """Of the streams that it publishes."""
    wants: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Roll:
    """The nodes heard of; who said goodbye, or was replaced by a successor, is struck off.

    Invariant: ordered by when they were heard last, the newest last; at most `_MOST_NODES` with
        `_MOST_SERVICES` each, whatever is said on the bus. Who said goodbye stays in it without
        services, so that a late heartbeat does not bring it back.
    """

    def __init__(self, options: DseOptions) -> None:
        self._options = options
        self._nodes: dict[str, HeardNode] = {}

    def on_heartbeat(self, heartbeat: Heartbeat, now: float) -> None:
        """Take a heartbeat of any service."""
        known = self._nodes.get(heartbeat.incarnation)
        if known is not None and heartbeat.beat <= known.beat:
            return  # a copy, or late: no sign of life
        node = known or HeardNode(heartbeat.node_id, heartbeat.incarnation, now, 0)
        node.heard_at, node.beat = now, heartbeat.beat
        node.positions.pop(heartbeat.service, None)
        if heartbeat.stopping:
            node.services.discard(heartbeat.service)
        elif heartbeat.service in node.services or len(node.services) < _MOST_SERVICES:
            node.services.add(heartbeat.service)
            node.wants = dict(heartbeat.wants)
            if heartbeat.epoch is not None:
                node.positions[heartbeat.service] = Position(heartbeat.epoch, Seq(heartbeat.seq))
        self._nodes.pop(node.incarnation, None)
        self._nodes[node.incarnation] = node
        self._forget(now)

    def nodes(self, now: float) -> list[HeardNode]:
        """Give everybody on the roll, by name.

        Promises: of one node id all are given that live, or the one that was heard last. When that
            one said goodbye, the node is gone, however those before it ended.
        """
        # Newest last: the last of each id stays.
        newest = {node.node_id: node.incarnation for node in self._nodes.values()}
        live = {node.node_id for node in self._nodes.values() if self._is_live(node, now)}
        shown = [
            node
            for node in self._nodes.values()
            if self._is_live(node, now)
            or (
                node.services
                and node.node_id not in live
                and newest[node.node_id] == node.incarnation
            )
        ]
        return sorted(shown, key=lambda node: (node.node_id, node.incarnation))

    def _is_live(self, node: HeardNode, now: float) -> bool:
        return bool(node.services) and now - node.heard_at <= self._options.stale_after

    def _forget(self, now: float) -> None:
        # Newest last: the first that is recent ends the search.
        while self._nodes:
            oldest = next(iter(self._nodes.values()))
            if now - oldest.heard_at <= KEPT and len(self._nodes) <= _MOST_NODES:
                return
            del self._nodes[oldest.incarnation]
