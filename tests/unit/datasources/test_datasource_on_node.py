"""A datasource on a real node: what its driver reads arrives at a subscriber of another node."""

from __future__ import annotations

import queue
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from congress_dist.clock import SystemClock
from congress_dist.datasources.driver import (
    Column,
    Driver,
    Poll,
    SourceUnavailable,
    Table,
    TableRead,
    TableSchema,
    schema,
)
from congress_dist.datasources.service import DatasourceService
from congress_dist.dse_node import DseNode
from congress_dist.errors import NotFound
from congress_dist.protocol.options import DseOptions
from congress_dist.protocol.stream import StateKind, Transaction
from congress_dist.row import decode_row
from congress_dist.service import Method, Service
from congress_dist.testing.memory_transport import MemoryBus, MemoryTransport

WAIT = 10.0


class Shelf(Driver):
    """Gives what lies in `contents`; an exception there is raised."""

    name = "shelf"
    description = "rows of a test"
    tables: ClassVar[Mapping[str, TableSchema]] = {
        "books": schema(Column("title", description="its title"), description="books"),
        "shelves": schema(Column("number", "int", description="its number"), description="s"),
    }
    polls = (Poll("all", ("books", "shelves"), interval=3600.0),)
    contents: ClassVar[dict[str, Any]] = {}

    def read(self, poll: str) -> Mapping[str, TableRead]:  # noqa: ARG002
        for read in self.contents.values():
            if isinstance(read, Exception) and not isinstance(read, SourceUnavailable):
                raise read
        return dict(self.contents)


class Registry(Service):
    """Stands for the policy service: grants every lease at once and keeps what is registered."""

    name, topic = "policy@test", "policy"

    def __init__(self) -> None:
        self.registered: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.released: queue.SimpleQueue[str] = queue.SimpleQueue()

    def methods(self) -> Mapping[str, Method]:
        return {
            "lease_acquire": lambda **asked: {
                "granted": True,
                "owner": asked["owner"],
                "generation": 5,
                "renewals": 0,
            },
            "lease_renew": lambda **_: {"granted": True},
            "lease_release": self._release,
            "datasource_register": self._register,
        }

    def _release(self, name: str, **_: Any) -> dict[str, Any]:
        self.released.put(name)
        return {"released": True}

    def _register(self, **record: Any) -> dict[str, Any]:
        self.registered.put(record)
        return {"revision": 1}


class Stage:
    """Two nodes on one bus: the datasource's, and one that keeps the registry and subscribes."""

    def __init__(self) -> None:
        Shelf.contents = {"books": Table([("a",), ("b",)]), "shelves": Table([(1,)])}
        self.bus = MemoryBus()
        self.registry = Registry()
        self.service = DatasourceService("library", Shelf, {})
        self.transports = [MemoryTransport(self.bus, name) for name in ("policy", "library")]
        self.policy = self._node("policy", self.registry, self.transports[0])
        self.library = self._node("library", self.service, self.transports[1])
        self.heard: queue.SimpleQueue[Transaction] = queue.SimpleQueue()

    def _node(self, name: str, service: Service, transport: MemoryTransport) -> DseNode:
        return DseNode(
            node_id=name,
            incarnation=f"{name}-1",
            services=[service],
            transport=transport,
            options=DseOptions(heartbeat_interval=0.1),
            clock=SystemClock(),
        )

    def start(self) -> None:
        self.policy.start()
        self.subscription = self.policy.subscribe("library", Shelf.tables, self.heard.put)
        self.library.start()

    def stop(self) -> None:
        self.library.stop()
        self.policy.stop()
        for transport in self.transports:
            transport.stop()
        self.bus.stop()

    def next_change(self) -> dict[str, tuple[set[Any], set[Any]]]:
        """Wait for a transaction and give what it removed and added, by table."""
        transaction = self.heard.get(timeout=WAIT)
        return {
            table: (
                {decode_row(row)[0] for row in change.removed},
                {decode_row(row)[0] for row in change.added},
            )
            for table, change in transaction.tables.items()
        }

    def refresh(self, **contents: Any) -> Any:
        Shelf.contents = {**Shelf.contents, **contents}
        return self.policy.call("library", "refresh", poll="all")


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    stage.start()
    yield stage
    stage.stop()


def test_rows_arrive_and_change_as_one_transaction_per_read(stage: Stage) -> None:
    assert stage.next_change() == {"books": (set(), {"a", "b"}), "shelves": (set(), {1})}
    assert stage.refresh(books=Table([("b",), ("c",)]), shelves=Table([(2,)])) == {
        "polls": ["all"]
    }
    assert stage.next_change() == {"books": ({"a"}, {"c"}), "shelves": ({1}, {2})}
    position = stage.subscription.status().position
    assert position is not None
    assert position.epoch == 5


def test_a_read_that_fails_keeps_the_rows_and_its_reason_arrives(stage: Stage) -> None:
    stage.next_change()
    stage.refresh(books=SourceUnavailable("no books here"))
    gone = stage.heard.get(timeout=WAIT)
    assert gone.states["books"].reason == "no books here"
    assert len(gone.tables["books"].removed) == 2
    stage.refresh(books=OSError("boom"))
    failed = stage.heard.get(timeout=WAIT)
    assert (failed.states["shelves"].kind, failed.states["shelves"].reason) == (
        StateKind.FAILING,
        "OSError: boom",
    )
    assert not any(change.removed for change in failed.tables.values())
    assert stage.subscription.status().tables["shelves"].rows == 1


def test_it_is_registered_under_the_epoch_of_its_lease(stage: Stage) -> None:
    record = stage.registry.registered.get(timeout=WAIT)
    assert (record["name"], record["owner"], record["generation"]) == ("library", "library-1", 5)
    assert TableSchema.from_wire(record["schemas"]["books"]) == Shelf.tables["books"]


def test_it_is_described_and_refused_over_the_bus(stage: Stage) -> None:
    stage.next_change()
    described = stage.policy.call("library", "describe")
    assert described["tables"] == {"books": ["ready", "", ""], "shelves": ["ready", "", ""]}
    with pytest.raises(NotFound, match="no poll 'al', did you mean 'all'"):
        stage.policy.call("library", "refresh", poll="al")


def test_stopping_the_node_releases_the_lease(stage: Stage) -> None:
    stage.next_change()
    stage.library.stop()
    assert stage.registry.released.get(timeout=WAIT) == "library"
