from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from congress_dist.policy.service import PolicyService
from congress_dist.policy.store.rule_store import RuleStore
from congress_dist.schema import TableSchema

from .fake_node import FakeNode


class System:
    """One replica on a node whose sources the test plays; nothing runs by itself."""

    def __init__(self, url: str) -> None:
        self.node = FakeNode()
        self.given_up = 0
        self.service = PolicyService("r1", RuleStore(url), self._give_up)
        self.service.open()
        self.replica = self.service.replica
        self.replica.sources.start(self.node)  # type: ignore[arg-type]
        self.replica.tick()

    def call(self, method: str, /, **arguments: Any) -> Any:
        return self.service.methods()[method](**arguments)

    def register(
        self, name: str, tables: Mapping[str, TableSchema], *, owner: str = "owner", **fields: Any
    ) -> dict[str, Any]:
        """Register a datasource as its process does, and subscribe to what is wanted of it."""
        lease = self.call("lease_acquire", name=name, owner=owner)
        answer: dict[str, Any] = self.call(
            "datasource_register",
            **{"name": name, "driver": name, "description": "", "config": {}} | fields,
            schemas={table: schema.to_wire() for table, schema in tables.items()},
            owner=owner,
            generation=lease["generation"],
        )
        self.replica.tick()
        return answer

    def policy(self, name: str, *rules: str, **fields: Any) -> dict[str, Any]:
        """Create a policy and subscribe to what it uses."""
        given = [{"rule": rule} for rule in rules]
        answer: dict[str, Any] = self.call("policy_create", name=name, rules=given, **fields)
        self.replica.tick()
        return answer

    def rows(self, owner: str, table: str) -> list[list[Any]]:
        rows: list[list[Any]] = self.call("row_list", owner=owner, table=table)["rows"]
        return rows

    def _give_up(self) -> None:
        self.given_up += 1

    def revision(self) -> int:
        revision: int = self.call("status")["revision"]
        return revision


OpenSystem = Callable[[], System]


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rule database of a new system, made once, because migrating takes a while."""
    path = tmp_path_factory.mktemp("new") / "rules.sqlite"
    System(f"sqlite:///{path}").service.stop()
    return path


@pytest.fixture
def open_system(tmp_path: Path, new_database: Path) -> Iterator[OpenSystem]:
    """Start one more replica over the same rule database."""
    shutil.copy(new_database, tmp_path / "rules.sqlite")
    systems: list[System] = []

    def opened() -> System:
        systems.append(System(f"sqlite:///{tmp_path}/rules.sqlite"))
        return systems[-1]

    yield opened
    for system in systems:
        system.service.stop()


@pytest.fixture
def system(open_system: OpenSystem) -> System:
    return open_system()
