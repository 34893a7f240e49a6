"""Calls from the web server to the policy engine: awaited here, made in a pool of threads.

The node's call blocks its thread; the web server has one. Called in the server's event loop only.
"""

from __future__ import annotations

import asyncio
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from congress_dist.clock import Clock
from congress_dist.errors import DeadlineExceeded, InternalError, ServiceUnavailable

TOPIC = "policy"
THREADS = 16
"""Calls under way at once: as many as one replica answers at a time."""
MAX_WAITING = 512
"""Requests that may wait for a call; more would only time out, and each holds memory."""

Json = dict[str, Any]
T = TypeVar("T")


class Caller(Protocol):
    """What the API needs of its node."""

    def call(
        self,
        topic: str,
        method: str,
        *,
        timeout: float = 10.0,
        server: str | None = None,
        repeat: bool = False,
        **arguments: Any,
    ) -> Any:
        """Call a method of a service on any node and give its answer."""
        ...


class PolicyClient:
    """The policy engine's methods, one each.

    Promises: every call ends within `timeout` seconds, its time in the queue included.
    Raises: ServiceUnavailable, DeadlineExceeded: nobody answered, or not in time; and whatever the
        method raises, typed. Writes carry a key, so that repeating them is safe.
    """

    def __init__(self, node: Caller, *, timeout: float, clock: Clock) -> None:
        self._node = node
        self._timeout = timeout
        self._clock = clock
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="api-call")
        self._waiting = 0

    def stop(self) -> None:
        """Drop the calls that have not begun; idempotent."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def status(self) -> Json:
        """Give the state of the whole system."""
        return await self._read(dict, "status")

    async def policy_list(self) -> list[Json]:
        """Give all policies."""
        return await self._read(list, "policy_list")

    async def policy_get(self, policy: str) -> Json:
        """Give one policy by name or id."""
        return await self._read(dict, "policy_get", policy=policy)

    async def policy_create(self, policy: Json, *, key: str | None) -> Json:
        """Create a policy, with its rules or not at all."""
        return await self._write(dict, "policy_create", key, **policy)

    async def policy_delete(self, policy: str, *, key: str | None) -> Json:
        """Delete a policy with its rules."""
        return await self._write(dict, "policy_delete", key, policy=policy)

    async def rule_list(self, policy: str) -> list[Json]:
        """Give the rules of a policy."""
        return await self._read(list, "rule_list", policy=policy)

    async def rule_get(self, policy: str, rule: str) -> Json:
        """Give one rule by id."""
        return await self._read(dict, "rule_get", policy=policy, rule=rule)

    async def rule_insert(self, policy: str, rule: Json, *, key: str | None) -> Json:
        """Add a rule to a policy."""
        return await self._write(dict, "rule_insert", key, policy=policy, **rule)

    async def rule_delete(self, policy: str, rule: str, *, key: str | None) -> Json:
        """Take a rule out of a policy."""
        return await self._write(dict, "rule_delete", key, policy=policy, rule=rule)

    async def table_list(self, owner: str) -> list[str]:
        """Give the tables of a policy or datasource."""
        return await self._read(list, "table_list", owner=owner)

    async def table_get(self, owner: str, table: str) -> Json:
        """Give one table with its columns."""
        return await self._read(dict, "table_get", owner=owner, table=table)

    async def row_list(self, owner: str, table: str, **options: Any) -> Json:
        """Give rows of a table; `options` are trace, limit and marker."""
        return await self._read(dict, "row_list", owner=owner, table=table, **options)

    async def violation_list(self, policy: str | None) -> Json:
        """Give all violations, or those of one policy, worst first."""
        return await self._read(dict, "violation_list", policy=policy)

    async def explain(self, policy: str, table: str, row: list[Any]) -> Json:
        """Give the derivation of one row."""
        return await self._read(dict, "explain", policy=policy, table=table, row=row)

    async def datasource_list(self) -> list[Json]:
        """Give all datasources."""
        return await self._read(list, "datasource_list")

    async def datasource_get(self, name: str) -> Json:
        """Give one datasource by name or id."""
        return await self._read(dict, "datasource_get", name=name)

    async def datasource_schema(self, name: str) -> Json:
        """Give the tables of a datasource with their columns."""
        return await self._read(dict, "datasource_schema", name=name)

    async def datasource_status(self, name: str) -> Json:
        """Give the state of a datasource."""
        return await self._read(dict, "datasource_status", name=name)

    async def lease_list(self) -> list[Json]:
        """Give the leases of all streams."""
        return await self._read(list, "lease_list")

    async def lease_release(self, name: str, owner: str, generation: int) -> Json:
        """Take a lease from its owner, if it is that grant still; harmless when repeated."""
        arguments = {"name": name, "owner": owner, "generation": generation}
        return await self._read(dict, "lease_release", **arguments)

    async def _read(self, kind: type[T], method: str, /, **arguments: Any) -> T:
        return await self._call(kind, method, arguments)

    async def _write(self, kind: type[T], method: str, key: str | None, /, **arguments: Any) -> T:
        return await self._call(kind, method, {**arguments, "key": key or str(uuid.uuid4())})

    async def _call(self, kind: type[T], method: str, arguments: Json) -> T:
        if self._waiting >= MAX_WAITING:
            raise ServiceUnavailable(
                f"{self._waiting} requests wait for the policy engine already; try again",
                outcome="not_written",
            )
        deadline = self._clock.monotonic() + self._timeout
        self._waiting += 1
        try:
            answer = await asyncio.get_running_loop().run_in_executor(
                self._pool, self._call_until, deadline, method, arguments
            )
        finally:
            self._waiting -= 1
        if not isinstance(answer, kind):
            raise InternalError(
                f"call {method!r} was answered with {type(answer).__name__}, "
                f"expected {kind.__name__}"
            )
        return answer

    def _call_until(self, deadline: float, method: str, arguments: Json) -> Any:
        left = deadline - self._clock.monotonic()
        if left <= 0:
            raise DeadlineExceeded(
                f"call {method!r} waited {self._timeout:g} s for its turn and was not made",
                outcome="not_written",
            )
        return self._node.call(TOPIC, method, timeout=left, repeat=True, **arguments)
