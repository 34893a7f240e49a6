"""The demonstration over RabbitMQ: the same processes, answers and continuity as without it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers.rabbitmq import RabbitServer
from tests.waiting import wait_until

from .conftest import HOST_CONFIG, HOST_POLICY, System

pytestmark = pytest.mark.integration

RULE = "named(n) :- host_accounts:accounts(name=n)"
ROWS = "/v1/policies/watch/tables/named/rows"


def all_sources_are_fresh(status: Any) -> bool:
    tables = [table for source in status["sources"] for table in source["tables"].values()]
    filled = sum(bool(source["tables"]) for source in status["sources"])
    return filled == 5 and not any(table["stale"] for table in tables)


def test_the_demonstration_runs_over_a_broker_and_outlives_its_restart(
    rabbit: RabbitServer, make_system: Callable[..., System], data_dir: Path
) -> None:
    config = data_dir / "rabbit.conf"
    config.write_text(f"[dse]\ntransport_url = {rabbit.url()}\n\n{HOST_CONFIG.read_text()}")
    system = make_system("--config", str(config), "--policy", str(HOST_POLICY))
    system.wait_for("/v1/violations", lambda body: body["violations"])
    assert not (data_dir / "bus").exists()
    status, body = system.request(
        "POST", "/v1/policies", {"name": "watch", "rules": [{"rule": RULE}]}
    )
    assert status == 201, body
    rows = system.wait_for(ROWS, lambda body: body["results"] and not body["missing"])["results"]

    children = system.children()
    rabbit.kill()
    rabbit.start()

    def answers_again() -> bool:
        body = system.get(ROWS)
        if body is None:
            return False
        assert body["results"] == rows
        return not body["missing"]

    wait_until(answers_again, seconds=30, what="the rows can be asked for again")
    # The first search for setuid files is of low priority, and may still be under way.
    system.wait_for("/v1/status", all_sources_are_fresh, seconds=90)
    assert system.children() == children
    assert system.stop() == 0
