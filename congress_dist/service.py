"""What a node hosts: the base class of datasources, replicas and the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .dse_node import DseNode

Method = Callable[..., Any]


class Service:
    """An addressable unit on a node: calls come in on `topic`, its stream goes out under `name`.

    Lifecycle: the node calls `start` once, after the bus is reachable and before the first message
    is handed on; `stop` once or more, from any thread; after `stop` no method is called any more.
    """

    name: str
    """Unique on the bus; also the name of its stream: `nova`, `policy@r1`, `api@a1`."""
    topic: str
    """Where calls for this kind of service go: `nova`, `policy`. Several services may share it."""
    observes_nodes: bool = False
    """Whether it asks its node who is on the bus (`peers`, `heard_epoch`). Hearing everybody costs
    a node about 0.5 ms of CPU per heartbeat, so only those listen who ask."""

    def methods(self) -> Mapping[str, Method]:
        """Give what may be called over the bus.

        Shapes: arguments by name; they and the answers are plain values (null, booleans, numbers,
            text, bytes, lists, dicts).
        Promises: called in several threads at once; a CongressError that a method raises reaches
            the caller.
        """
        return {}

    def start(self, node: DseNode) -> None:
        """Begin to work."""

    def stop(self) -> None:
        """Stop working and give back what is held; idempotent."""
