"""The subscriptions of a replica: one per datasource, on the node that hosts it.

Called by the replica's own thread, which alone adds to it; `status` by any thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from congress_dist.protocol.source_status import SourceStatus
from congress_dist.protocol.stream import Transaction

if TYPE_CHECKING:
    from congress_dist.dse_node import DseNode, Subscription

UNHEARD = SourceStatus(position=None, live=False, link_age=None, tables={})
"""What is known of a source that nobody has asked for yet."""


class Sources:
    """What the replica receives; without a node it receives nothing."""

    def __init__(self, listener: Callable[[Transaction], None]) -> None:
        self._listener = listener
        self._node: DseNode | None = None
        self._subscriptions: dict[str, Subscription] = {}
        self._wanted: dict[str, frozenset[str]] = {}

    def start(self, node: DseNode) -> None:
        """Receive through this node."""
        self._node = node

    def stop(self) -> None:
        """Give the subscriptions up; idempotent."""
        self._node = None
        for subscription in self._subscriptions.values():
            subscription.stop()

    def want(self, source: str, tables: Iterable[str]) -> None:
        """Receive these tables of a source; without tables, only how it does."""
        wanted = frozenset(tables)
        if self._node is None or self._wanted.get(source) == wanted:
            return
        self._subscriptions[source] = self._node.subscribe(source, sorted(wanted), self._listener)
        self._wanted[source] = wanted

    def status(self, source: str) -> SourceStatus:
        """Give what the node knows of a source."""
        subscription = self._subscriptions.get(source)
        return UNHEARD if subscription is None else subscription.status()

    def statuses(self) -> dict[str, SourceStatus]:
        """Give what the node knows of all sources that were asked for."""
        return {source: subscription.status() for source, subscription in self._copy()}

    def _copy(self) -> list[tuple[str, Subscription]]:
        return list(self._subscriptions.items())
