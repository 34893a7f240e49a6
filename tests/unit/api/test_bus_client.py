"""Calls are made in threads, end in time, and writes carry a key."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from congress_dist.api import bus_client
from congress_dist.api.bus_client import PolicyClient
from congress_dist.errors import DeadlineExceeded, InternalError, NotFound, ServiceUnavailable
from congress_dist.testing.fake_clock import FakeClock


class RecordingNode:
    """A node whose calls are recorded and answered by a function."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[dict[str, Any]] = []

    def call(self, topic: str, method: str, **keywords: Any) -> Any:
        self.calls.append({"topic": topic, "method": method, **keywords})
        return self.answer(method)


def raise_(error: Exception) -> Any:
    raise error


def test_reads_go_to_the_policy_topic_with_what_is_left_of_the_deadline() -> None:
    node = RecordingNode(lambda _: [{"id": 1}])
    client = PolicyClient(node, timeout=4, clock=FakeClock())
    assert asyncio.run(client.rule_list("p")) == [{"id": 1}]
    expected = {"topic": "policy", "method": "rule_list", "timeout": 4, "repeat": True}
    assert node.calls == [expected | {"policy": "p"}]


def test_a_write_without_a_key_gets_one_of_its_own() -> None:
    node = RecordingNode(lambda _: {})
    client = PolicyClient(node, timeout=4, clock=FakeClock())

    async def write() -> None:
        await client.policy_delete("p", key="mine")
        await client.policy_delete("p", key=None)
        await client.rule_insert("p", {"rule": "q(1)", "name": None, "comment": ""}, key=None)

    asyncio.run(write())
    keys = [call["key"] for call in node.calls]
    assert keys[0] == "mine"
    assert len(set(keys)) == 3
    assert all(call["repeat"] for call in node.calls)
    assert node.calls[2]["rule"] == "q(1)"


def test_typed_errors_pass_through() -> None:
    node = RecordingNode(lambda _: raise_(NotFound("no such policy")))
    client = PolicyClient(node, timeout=4, clock=FakeClock())
    with pytest.raises(NotFound, match="no such policy"):
        asyncio.run(client.policy_get("p"))


def test_an_answer_of_another_shape_is_our_fault() -> None:
    client = PolicyClient(RecordingNode(lambda _: None), timeout=4, clock=FakeClock())
    with pytest.raises(InternalError, match="'status' was answered with NoneType"):
        asyncio.run(client.status())


def test_a_call_whose_turn_comes_too_late_is_not_made() -> None:
    clock = FakeClock()
    entered, go_on = threading.Semaphore(0), threading.Event()

    def wait(_: str) -> Any:
        entered.release()
        go_on.wait(10)
        return {}

    node = RecordingNode(wait)
    client = PolicyClient(node, timeout=2, clock=clock)

    async def overload() -> list[Any]:
        busy = [asyncio.create_task(client.status()) for _ in range(bus_client.THREADS)]
        await asyncio.to_thread(lambda: [entered.acquire(timeout=10) for _ in busy])
        late = asyncio.create_task(client.policy_get("late"))
        await asyncio.sleep(0)
        clock.advance(3)
        go_on.set()
        return await asyncio.gather(*busy, late, return_exceptions=True)

    *fine, late = asyncio.run(overload())
    assert fine == [{}] * bus_client.THREADS
    assert isinstance(late, DeadlineExceeded)
    assert late.fields["outcome"] == "not_written"
    assert "policy_get" not in [call["method"] for call in node.calls]


def test_waiting_requests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bus_client, "MAX_WAITING", 3)
    go_on = threading.Event()
    node = RecordingNode(lambda _: go_on.wait(10) and {})
    client = PolicyClient(node, timeout=2, clock=FakeClock())

    async def overload() -> list[Any]:
        waiting = [asyncio.create_task(client.status()) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(ServiceUnavailable, match="3 requests wait"):
            await client.status()
        go_on.set()
        return await asyncio.gather(*waiting)

    assert asyncio.run(overload()) == [{}] * 3


def test_stop_is_idempotent() -> None:
    client = PolicyClient(RecordingNode(lambda _: {}), timeout=2, clock=FakeClock())
    client.stop()
    client.stop()
