from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from congress_dist.policy.store.rule_store import RuleStore

OpenStore = Callable[[], RuleStore]


@pytest.fixture(scope="session")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty rule database, made once, because migrating takes a while."""
    path = tmp_path_factory.mktemp("new") / "rules.sqlite"
    store = RuleStore(f"sqlite:///{path}")
    store.open()
    store.close()
    return path


@pytest.fixture
def url(tmp_path: Path, new_database: Path) -> str:
    shutil.copy(new_database, tmp_path / "rules.sqlite")
    return f"sqlite:///{tmp_path}/rules.sqlite"


@pytest.fixture
def open_store(url: str) -> Iterator[OpenStore]:
    """Open the same database once more, as another process would."""
    stores: list[RuleStore] = []

    def opened() -> RuleStore:
        store = RuleStore(url)
        store.open()
        stores.append(store)
        return store

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> RuleStore:
    return open_store()
