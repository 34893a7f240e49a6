"""A data directory may be called anything that a file system takes."""

from __future__ import annotations

from pathlib import Path

import pytest

from congress_dist.config import load_config
from congress_dist.policy.store.rule_store import RuleStore
from congress_dist.transports.transport import OsloTransport

NAMES = [
    "with space",
    "100%",
    "per%20cent",
    "what?mode=ro&cache=shared",
    "number#1",
    "do$llar $HOME ${HOME}",
    "a@b:c,d;e=f",
    "[brackets] 'quotes'",
    "größe",
    "long" * 50,
]


@pytest.fixture(params=NAMES, ids=[name[:12] for name in NAMES])
def data_dir(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    directory: Path = tmp_path / request.param
    directory.mkdir()
    return directory


@pytest.mark.integration
def test_rule_database_is_in_a_directory_of_any_name(data_dir: Path) -> None:
    store = RuleStore(load_config(data_dir).database.connection)
    store.open()
    try:
        assert (data_dir / "rules.sqlite").is_file()
    finally:
        store.close()


@pytest.mark.integration
def test_bus_is_in_a_directory_of_any_name(data_dir: Path) -> None:
    bus = OsloTransport(load_config(data_dir))
    try:
        bus.serve("policy", "r1", lambda payload: payload + b"!")
        assert (data_dir / "bus").is_dir()
        assert bus.call("policy", b"hello", timeout=5.0) == b"hello!"
    finally:
        bus.stop()
