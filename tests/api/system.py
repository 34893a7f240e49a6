"""A whole system in one process for HTTP exchanges: policy engine, sources and API on one bus."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from falcon import testing

from congress_dist.api.app import make_app
from congress_dist.api.bus_client import PolicyClient
from congress_dist.api.nodes_client import NodesClient
from congress_dist.api.service import ApiService
from congress_dist.clock import SystemClock, new_incarnation
from congress_dist.config import load_config
from congress_dist.dse_node import DseNode, StreamPublisher, TableResult
from congress_dist.policy.service import make_service
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import READY, Epoch, TableState
from congress_dist.row import Cell, encode_row
from congress_dist.schema import TableSchema
from congress_dist.service import Service
from congress_dist.testing.memory_bus import MemoryBus
from congress_dist.testing.memory_transport import MemoryTransport
from tests.waiting import PATIENCE

V1_1 = {"OpenStack-API-Version": "policy 1.1"}


class Source(Service):
    """A datasource whose rows a test sets."""

    def __init__(self, name: str, schemas: Mapping[str, TableSchema], **record: Any) -> None:
        self.name = self.topic = name
        self.schemas = schemas
        self.record = {"driver": "test", "description": "", "config": {}} | record
        self.publisher: StreamPublisher | None = None
        self.registered = threading.Event()
        self.lost: list[str] = []
        self._node: DseNode | None = None

    def start(self, node: DseNode) -> None:
        self._node = node
        self.publisher = node.publish_stream(
            self.name,
            self.schemas,
            max_age=dict.fromkeys(self.schemas),
            on_granted=self._register,
            on_lost=self.lost.append,
        )

    def publish(
        self, table: str, rows: Iterable[Sequence[Cell]] | None, state: TableState = READY
    ) -> None:
        """Publish what one read of a table gave; None with a state that has no rows."""
        encoded = None if rows is None else frozenset(encode_row(row) for row in rows)
        assert self.publisher is not None
        self.publisher.publish({table: TableResult(encoded, state)})

    def stop(self) -> None:
        if self.publisher is not None:
            self.publisher.stop()

    def _register(self, epoch: Epoch) -> None:
        assert self._node is not None
        self._node.call(
            "policy",
            "datasource_register",
            name=self.name,
            schemas={table: schema.to_wire() for table, schema in self.schemas.items()},
            owner=self._node.incarnation,
            generation=epoch,
            **self.record,
        )
        self.registered.set()


class _Observer(Service):
    """What the API is to its node, without the web server."""

    topic, observes_nodes = "api", True

    def __init__(self, name: str) -> None:
        self.name = name


class System:
    """The running system; `client` makes HTTP requests to its API in-process."""

    def __init__(self, directory: Path) -> None:
        self._bus = MemoryBus()
        self._options = DseOptions(heartbeat_interval=0.05, source_wait=1.0)
        self._nodes: list[DseNode] = []
        self._directory = directory

    def __enter__(self) -> System:
        conf = load_config(self._directory)
        self.policy = make_service(conf, "r1")
        self._start_node("policy-r1", self.policy)
        self.node = self._start_node("api-a1", _Observer("api@a1"))
        clock = SystemClock()
        self.calls = PolicyClient(self.node, timeout=10.0, clock=clock)
        self._questions = NodesClient(self.node)
        self.client = testing.TestClient(make_app(self.calls, self._questions, clock))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.calls.stop()
        self._questions.stop()
        for node in reversed(self._nodes):
            node.stop()

    def add_source(self, name: str, schemas: Mapping[str, TableSchema], **record: Any) -> Source:
        """Start a datasource on a node of its own and wait until it is known."""
        source = Source(name, schemas, **record)
        self._start_node(f"datasource-{name}", source)
        assert source.registered.wait(PATIENCE), f"source {name} was not registered"
        return source

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Any:
        """Give the body of a GET that must succeed."""
        plain, _, query = path.partition("?")
        answer = self.client.simulate_get(plain, query_string=query, headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, path: str, body: Any) -> Any:
        """Give the body of a POST that must create something."""
        answer = self.send("POST", path, body)
        assert answer.status_code == 201, answer.text
        return answer.json

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> testing.Result:
        """Make a request with a JSON body and give the answer, whatever it is."""
        return self.client.simulate_request(
            method,
            path,
            body=json.dumps(body) if method in ("POST", "PUT") else None,
            headers={"Content-Type": "application/json"} | dict(headers or {}),
        )

    def rows(
        self, policy: str, table: str, headers: Mapping[str, str] | None = None
    ) -> testing.Result:
        """Ask for the rows of a policy's table."""
        path = f"/v1/policies/{policy}/tables/{table}/rows"
        return self.client.simulate_get(path, headers=headers)

    def listen(self) -> str:
        """Serve the API on a port of its own as well, and give its address."""
        api = ApiService("api@a1", host="127.0.0.1", port=0, call_timeout=10.0)
        self._start_node("api-server", api)
        return f"http://127.0.0.1:{api.port}"

    def stop_policy(self) -> None:
        """Stop the policy engine's node only."""
        self._nodes.pop(0).stop()

    def cut_off(self, node_id: str) -> None:
        """Let a node fall silent as kill -9 does."""
        self._bus.kill(node_id)
        self._bus.take_away(node_id)

    def _start_node(self, node_id: str, *services: Service) -> DseNode:
        node = DseNode(
            node_id=node_id,
            incarnation=new_incarnation(),
            services=services,
            transport=MemoryTransport(self._bus, node_id),
            options=self._options,
            clock=SystemClock(),
        )
        node.start()
        self._nodes.append(node)
        return node
