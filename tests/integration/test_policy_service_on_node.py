"""The policy service and a datasource on nodes of their own, over the memory transport."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from congress_dist.clock import SystemClock, new_incarnation
from congress_dist.dse_node import DseNode, StreamPublisher
from congress_dist.errors import NotReady, ServiceUnavailable
from congress_dist.policy.service import PolicyService
from congress_dist.policy.store.rule_store import RuleStore
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.published_table import TableResult
from congress_dist.protocol.stream import READY, Epoch, unavailable
from congress_dist.row import Cell, encode_row
from congress_dist.schema import TableSchema, schema
from congress_dist.service import Service
from congress_dist.testing.memory_bus import MemoryBus
from congress_dist.testing.memory_transport import MemoryTransport

pytestmark = pytest.mark.integration

FAST = DseOptions(
    heartbeat_interval=0.1,
    full_heartbeat_interval=0.5,
    heartbeat_grace=0.05,
    source_wait=1.0,
    first_round=0.2,
    lease_time=1.0,
    lease_renewal=0.3,
    lease_call_timeout=0.5,
)
DEADLINE = 20.0


class Source(Service):
    """A datasource whose rows the test gives."""

    def __init__(self, name: str, tables: Mapping[str, TableSchema]) -> None:
        self.name = self.topic = name
        self._tables = tables
        self.stream: StreamPublisher | None = None
        self.granted = threading.Event()

    def start(self, node: DseNode) -> None:
        self._node = node
        self.stream = node.publish_stream(
            self.name,
            self._tables,
            max_age=dict.fromkeys(self._tables),
            on_granted=self._on_granted,
            on_lost=lambda _reason: None,
        )

    def publish(self, rows: Mapping[str, Iterable[tuple[Cell, ...]]]) -> None:
        assert self.stream is not None
        reads = {
            table: TableResult(frozenset(map(encode_row, found)), READY)
            for table, found in rows.items()
        }
        self.stream.publish(reads)

    def lose(self, table: str, reason: str) -> None:
        assert self.stream is not None
        self.stream.publish({table: TableResult(None, unavailable(reason))})

    def _on_granted(self, epoch: Epoch) -> None:
        self._node.call(
            "policy",
            "datasource_register",
            repeat=True,
            timeout=DEADLINE,
            name=self.name,
            driver="test",
            description="",
            config={},
            schemas={name: found.to_wire() for name, found in self._tables.items()},
            owner=self._node.incarnation,
            generation=epoch,
        )
        self.granted.set()


class Cloud:
    """Nodes on one memory bus over one rule database."""

    def __init__(self, directory: Path) -> None:
        self._url = f"sqlite:///{directory}/rules.sqlite"
        self.bus = MemoryBus(seed=1)
        self._nodes: dict[str, DseNode] = {}
        self._waits = threading.Event()
        self.client = self._start("client", [])

    def start_policy(self, *, replaces: str | None = None) -> DseNode:
        service = PolicyService("r1", RuleStore(self._url))
        return self._start("policy", [service], replaces)

    def start_source(self, source: Source, *, replaces: str | None = None) -> DseNode:
        return self._start(source.name, [source], replaces)

    def kill(self, name: str) -> str:
        """Cut a node off as a crash does; give its incarnation."""
        node = self._nodes.pop(name)
        self.bus.kill(name)
        node.stop()
        return node.incarnation

    def call(self, method: str, **arguments: Any) -> Any:
        return self.client.call(
            "policy", method, timeout=DEADLINE, repeat=method.endswith("list"), **arguments
        )

    def until(self, what: Callable[[], bool]) -> None:
        """Wait until something holds; errors of a system that is on its way count as not yet."""
        for _ in range(int(DEADLINE / 0.05)):
            try:
                if what():
                    return
            except (NotReady, ServiceUnavailable):
                pass
            self._waits.wait(0.05)
        pytest.fail(f"not within {DEADLINE} s; status: {self.call('status')}")

    def rows(self, owner: str, table: str) -> list[list[Any]]:
        found: list[list[Any]] = self.call("row_list", owner=owner, table=table)["rows"]
        return found

    def stop(self) -> None:
        for node in reversed(self._nodes.values()):
            node.stop()
        self.bus.stop()

    def _start(self, name: str, services: list[Service], replaces: str | None = None) -> DseNode:
        node = DseNode(
            node_id=name,
            incarnation=new_incarnation(),
            services=services,
            transport=MemoryTransport(self.bus, name),
            options=FAST,
            clock=SystemClock(),
            replaces=replaces,
        )
        self._nodes[name] = node
        node.start()
        return node


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    started = Cloud(tmp_path)
    yield started
    started.stop()


def _nova() -> Source:
    return Source("nova", {"servers": schema("id", "status"), "flavors": schema("id")})


RULES = (
    'down(x) :- nova:servers(id=x, status="DOWN")',
    "lost(x) :- own(x), not nova:servers(id=x)",
)


@pytest.fixture
def nova(cloud: Cloud) -> Source:
    """A whole system: policy, rules, a datasource with data."""
    cloud.start_policy()
    source = _nova()
    cloud.start_source(source)
    assert source.granted.wait(DEADLINE)
    rules = [{"rule": text} for text in (*RULES, 'own("a")', 'own("z")')]
    cloud.call("policy_create", name="net", rules=rules)
    source.publish({"servers": [("a", "DOWN"), ("b", "UP")], "flavors": [("small",)]})
    cloud.until(lambda: cloud.rows("net", "down") == [["a"]])
    return source


def test_rows_of_a_source_reach_the_rules(cloud: Cloud, nova: Source) -> None:
    assert cloud.rows("net", "lost") == [["z"]]
    nova.publish({"servers": [("b", "DOWN")]})
    cloud.until(lambda: cloud.rows("net", "down") == [["b"]])
    assert cloud.rows("net", "lost") == [["a"], ["z"]]
    answer = cloud.call("row_list", owner="net", table="down")
    assert answer["missing"] == {}
    assert answer["as_of"]["nova"]["position"][0] == 1


def test_processes_start_in_the_other_order(cloud: Cloud) -> None:
    source = _nova()
    cloud.start_source(source)
    cloud.start_policy()
    assert source.granted.wait(DEADLINE)
    cloud.call("policy_create", name="net", rules=[{"rule": RULES[0]}])
    source.publish({"servers": [("a", "DOWN")]})
    cloud.until(lambda: cloud.rows("net", "down") == [["a"]])


@pytest.mark.usefixtures("nova")
def test_table_that_no_rule_reads_is_read_when_asked_for(cloud: Cloud) -> None:
    assert cloud.rows("nova", "flavors") == [["small"]]


def test_unavailable_table_is_missing_until_it_comes_back(cloud: Cloud, nova: Source) -> None:
    nova.lose("servers", "run apt-get update")
    cloud.until(lambda: cloud.rows("net", "down") == [])
    answer = cloud.call("row_list", owner="net", table="lost")
    assert answer["rows"] == []
    assert answer["missing"] == {"nova:servers": "unavailable: run apt-get update"}
    nova.publish({"servers": [("b", "DOWN")]})
    cloud.until(lambda: cloud.rows("net", "down") == [["b"]])


@pytest.mark.usefixtures("nova")
def test_rows_stay_while_a_killed_source_is_replaced(cloud: Cloud) -> None:
    killed = cloud.kill("nova")
    cloud.until(lambda: _as_of_nova(cloud)["stale"] is True)
    assert cloud.rows("net", "down") == [["a"]]
    assert cloud.rows("net", "lost") == [["z"]]
    again = _nova()
    cloud.start_source(again, replaces=killed)
    assert again.granted.wait(DEADLINE)
    assert cloud.rows("net", "down") == [["a"]]
    again.publish({"servers": [("a", "DOWN"), ("c", "DOWN")], "flavors": []})
    cloud.until(lambda: cloud.rows("net", "down") == [["a"], ["c"]])
    assert _as_of_nova(cloud)["position"][0] == 2


def _as_of_nova(cloud: Cloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.call("row_list", owner="net", table="down")["as_of"]["nova"]
    return found


@pytest.mark.usefixtures("nova")
def test_restarted_policy_service_answers_as_before_or_not_at_all(cloud: Cloud) -> None:
    cloud.kill("policy")
    cloud.start_policy()
    seen = []

    def is_complete() -> bool:
        answer = cloud.call("row_list", owner="net", table="lost")
        seen.append((answer["rows"], answer["missing"]))
        return not answer["missing"]

    cloud.until(is_complete)
    assert seen[-1] == ([["z"]], {})
    assert all(rows == [] for rows, missing in seen if missing)
    assert cloud.rows("net", "down") == [["a"]]


def test_rule_over_an_absent_source_waits_for_a_publisher(cloud: Cloud) -> None:
    cloud.start_policy()
    source = _nova()
    cloud.start_source(source)
    assert source.granted.wait(DEADLINE)
    killed = cloud.kill("nova")
    cloud.call("policy_create", name="net", rules=[{"rule": text} for text in RULES])
    cloud.until(
        lambda: (
            cloud.call("row_list", owner="net", table="down")["missing"]
            == {"nova:servers": "no publisher"}
        )
    )
    again = _nova()
    cloud.start_source(again, replaces=killed)
    assert again.granted.wait(DEADLINE)
    again.publish({"servers": [("a", "DOWN")]})
    cloud.until(lambda: cloud.rows("net", "down") == [["a"]])
