"""The verb `lease`, over the embedded bus, with the rule database's own leases behind it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from congress_dist.cli import main
from congress_dist.clock import SystemClock
from congress_dist.config import load_config
from congress_dist.dse_node import DseNode
from congress_dist.policy.lease_requests import LeaseRequests
from congress_dist.policy.store.leases import Claim, LeaseTable
from congress_dist.policy.store.rule_store import RuleStore
from congress_dist.protocol.options import DseOptions
from congress_dist.service import Method, Service
from congress_dist.transports.transport import OsloTransport


class Leases(Service):
    """The part of the policy service that serves leases."""

    name = "policy@r1"
    topic = "policy"

    def __init__(self, leases: LeaseTable) -> None:
        self._requests = LeaseRequests(leases, lambda _name, _owner: 0)

    def methods(self) -> Mapping[str, Method]:
        return {
            "lease_list": self._requests.lease_list,
            "lease_release": self._requests.lease_release,
        }


@pytest.fixture
def data_dir(tmp_path: Path) -> list[str]:
    return ["--data-dir", str(tmp_path)]


@pytest.fixture
def leases(tmp_path: Path) -> Iterator[LeaseTable]:
    store = RuleStore(f"sqlite:///{tmp_path}/rules.sqlite")
    store.open()
    store.leases.acquire(Claim("nova", "nova-1", None, 6, None))
    store.leases.renew("nova", "nova-1", 7)
    transport = OsloTransport(load_config(tmp_path))
    node = DseNode(
        node_id="policy",
        incarnation="r1",
        services=[Leases(store.leases)],
        transport=transport,
        options=DseOptions(),
        clock=SystemClock(),
    )
    node.start()
    yield store.leases
    node.stop()
    transport.stop()
    store.close()


@pytest.mark.usefixtures("leases")
def test_leases_are_listed(data_dir: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lease", "list", "--format", "json", *data_dir]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed == [{"name": "nova", "owner": "nova-1", "generation": 7, "renewals": 1}]
    assert main(["lease", "list", *data_dir]) == 0
    assert capsys.readouterr().out.split() == (
        ["name", "owner", "generation", "renewals", "nova", "nova-1", "7", "1"]
    )


def test_lease_is_taken_away_by_force_with_a_warning(
    leases: LeaseTable, data_dir: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lease", "release", "nova", "--force", *data_dir]) == 0
    assert "may happen twice" in capsys.readouterr().err
    assert not leases.renew("nova", "nova-1", 7)
    granted, lease = leases.acquire(Claim("nova", "nova-2", None, 0, None))
    assert (granted, lease.generation) == (True, 8)


def test_lease_is_not_taken_away_without_force(
    leases: LeaseTable, data_dir: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lease", "release", "nova", *data_dir]) == 2
    assert "--force" in capsys.readouterr().err
    assert leases.renew("nova", "nova-1", 7)


def test_lease_that_is_free_stays_free(
    leases: LeaseTable, data_dir: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    leases.release("nova", "nova-1", 7)
    assert main(["lease", "release", "nova", *data_dir]) == 0
    assert "free already" in capsys.readouterr().err


@pytest.mark.usefixtures("leases")
def test_stream_that_never_was_is_said(
    data_dir: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lease", "release", "cinder", "--force", *data_dir]) == 2
    assert "cinder" in capsys.readouterr().err


def test_nobody_there_is_exit_code_three(
    data_dir: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lease", "list", *data_dir]) == 3
    assert "congress: " in capsys.readouterr().err
