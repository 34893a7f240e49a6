"""Questions to nodes: how each of them does; awaited here, asked in a pool of threads.

Called in the web server's event loop only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from congress_dist.errors import ServiceUnavailable

THREADS = 4
"""Questions under way at once: each one asks all nodes at the same time."""
MAX_WAITING = 64

Json = dict[str, Any]
T = TypeVar("T")


class Observer(Protocol):
    """What is needed of the API's own node."""

    def nodes(self, *, timeout: float = 2.0) -> list[Json]:
        """Ask every node that was heard of how it does."""
        ...

    def status(self) -> Json:
        """Give how this node does."""
        ...


class NodesClient:
    """What every node tells of itself."""

    def __init__(self, node: Observer) -> None:
        self._node = node
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="api-nodes")
        self._waiting = 0

    def stop(self) -> None:
        """Drop the questions that have not begun; idempotent."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def everybody(self) -> list[Json]:
        """Give a report of each node, of the silent ones too.

        Raises: ServiceUnavailable: too many ask.
        """
        return await self._ask(self._node.nodes)

    async def own(self) -> Json:
        """Give the report of this process's own node."""
        return await self._ask(self._node.status)

    async def _ask(self, question: Callable[[], T]) -> T:
        if self._waiting >= MAX_WAITING:
            raise ServiceUnavailable(f"{self._waiting} requests ask the nodes already; try again")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, question)
        finally:
            self._waiting -= 1
