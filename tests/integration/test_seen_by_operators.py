"""What operators see of a running system in real processes: verbs, metrics, logs."""

from __future__ import annotations

import json
import signal
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import wait_until

from .conftest import System

pytestmark = pytest.mark.integration

CONFIG = """\
[DEFAULT]
use_json = true
[dse]
# after this long the supervisor would replace a stopped process
lease_time = 60
[datasource:host_accounts]
driver = host_accounts
[datasource:host_python]
driver = host_python
"""
RULE = "known(name) :- host_accounts:groups(name, gid)"


@pytest.fixture
def system(make_system: Callable[..., System], tmp_path: Path) -> System:
    config = tmp_path / "seen.conf"
    config.write_text(CONFIG)
    system = make_system("--config", str(config))
    system.wait_settled(2)
    return system


def nodes(system: System) -> dict[str, Any]:
    body = system.get("/v1/nodes")
    return {node["node"]: node for node in body["results"]} if body else {}


def scrape(address: str) -> dict[str, list[Any]]:
    """Give the samples of a node's metrics by name."""
    with urllib.request.urlopen(address, timeout=10) as answer:
        text = answer.read().decode()
    found: dict[str, list[Any]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(sample)
    return found


def lines_of(system: System, name: str) -> list[dict[str, Any]]:
    text = (system.data_dir / "log" / f"{name}.log").read_text()
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_a_running_system_is_seen_by_verbs_metrics_and_logs(system: System) -> None:
    names = {"policy-r1", "api-a1", "datasource-host_accounts", "datasource-host_python"}
    wait_until(lambda: nodes(system).keys() >= names, what="all nodes are heard")
    assert system.run("node", "list").returncode == 0

    # each node's metrics, found as Prometheus finds them
    with urllib.request.urlopen(f"http://127.0.0.1:{system.port}/metrics/targets") as answer:
        groups = json.load(answer)
    assert {group["labels"]["node"] for group in groups} == names
    for group in groups:
        samples = scrape(f"http://{group['targets'][0]}/metrics")
        (info,) = samples["congress_node_info"]
        assert info.labels["name"] == group["labels"]["node"]
        assert samples["process_resident_memory_bytes"][0].value > 1e6
    own = scrape(f"http://127.0.0.1:{system.port}/metrics")
    assert own["congress_node_info"][0].labels["name"] == "api-a1"

    # lines of JSON say which node, service and stream they are about
    lines = lines_of(system, "datasource-host_accounts")
    (published,) = [line for line in lines if line["message"].startswith("publishing stream=")]
    assert published["extra"]["node"] == "datasource-host_accounts"
    assert published["extra"]["service"] == published["extra"]["stream"] == "host_accounts"
    assert published["extra"]["position"] == [1, 0]
    assert {line["extra"]["node"] for line in lines_of(system, "policy-r1")} == {"policy-r1"}

    # a stopped subscriber, and a stopped publisher
    system.kill("policy r1", signal.SIGSTOP)
    try:
        wait_until(
            lambda: nodes(system)["policy-r1"]["state"] == "silent", what="the engine is silent"
        )
        status = system.run("stream", "status", "host_accounts", "--format", "json")
        assert status.returncode == 3
        entries = {entry["role"]: entry for entry in json.loads(status.stdout)}
        assert entries["publisher"]["state"] == "publishing"
        assert entries["subscriber"]["state"] == "silent"
        assert "last heard" in entries["subscriber"]["why"]
    finally:
        system.kill("policy r1", signal.SIGCONT)


def test_a_stopped_publisher_makes_its_subscribers_stale(system: System) -> None:
    system.request("POST", "/v1/policies", {"name": "mine", "rules": [{"rule": RULE}]})

    def subscriber() -> dict[str, Any]:
        sources = nodes(system).get("policy-r1", {"sources": []})["sources"]
        found = [source for source in sources if source["source"] == "host_accounts"]
        return found[0] if found else {"state": "unknown"}

    wait_until(lambda: subscriber()["state"] == "live", what="the engine holds the rows")
    system.kill("datasource host_accounts", signal.SIGSTOP)
    try:
        wait_until(lambda: subscriber()["state"] == "stale", what="the rows are stale")
        assert "nothing was heard of its publisher" in subscriber()["why"]
        metrics = nodes(system)["policy-r1"]["metrics"]
        ages = scrape(metrics)["congress_subscription_link_age_seconds"]
        assert max(sample.value for sample in ages) > 3
    finally:
        system.kill("datasource host_accounts", signal.SIGCONT)
