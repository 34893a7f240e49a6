"""What operators see of a running system in real processes: verbs, metrics, logs."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
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
NAMES = {"policy-r1", "api-a1", "datasource-host_accounts", "datasource-host_python"}


@pytest.fixture(scope="module")
def system() -> Iterator[System]:
    with tempfile.TemporaryDirectory(prefix="congress-") as directory:
        config = Path(directory) / "seen.conf"
        config.write_text(CONFIG)
        system = System(Path(directory) / "data", ["--config", str(config)])
        system.start()
        try:
            system.wait_settled(2)
            policy = {"name": "mine", "rules": [{"rule": RULE}]}
            assert system.request("POST", "/v1/policies", policy)[0] == 201
            wait_until(lambda: nodes(system).keys() >= NAMES, what="all nodes are heard")
            wait_until(lambda: subscriber(system)["state"] == "live", what="the rows are held")
            yield system
        finally:
            system.stop()


def nodes(system: System) -> dict[str, Any]:
    body = system.get("/v1/nodes")
    return {node["node"]: node for node in body["results"]} if body else {}


def subscriber(system: System) -> dict[str, Any]:
    """Give what the engine tells of the one source that a rule reads."""
    sources = nodes(system).get("policy-r1", {"sources": []})["sources"]
    found = [source for source in sources if source["source"] == "host_accounts"]
    return found[0] if found else {"state": "unknown"}


@contextmanager
def stopped(system: System, name: str) -> Iterator[None]:
    """Keep a process from running for a while."""
    pid = system.children()[name]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


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


def test_prometheus_finds_and_reads_every_node(system: System) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{system.port}/metrics/targets") as answer:
        groups = json.load(answer)
    assert {group["labels"]["node"] for group in groups} == NAMES
    for group in groups:
        samples = scrape(f"http://{group['targets'][0]}/metrics")
        (info,) = samples["congress_node_info"]
        assert info.labels["name"] == group["labels"]["node"]
        assert samples["process_resident_memory_bytes"][0].value > 1e6
    own = scrape(f"http://127.0.0.1:{system.port}/metrics")
    assert own["congress_node_info"][0].labels["name"] == "api-a1"


def test_lines_of_json_say_what_they_are_about(system: System) -> None:
    lines = lines_of(system, "datasource-host_accounts")
    (published,) = [line for line in lines if line["message"].startswith("publishing stream=")]
    assert published["extra"] == {
        "node": "datasource-host_accounts",
        "service": "host_accounts",
        "stream": "host_accounts",
        "position": [1, 0],
        "epoch": 1,
    }
    assert {line["extra"]["node"] for line in lines_of(system, "policy-r1")} == {"policy-r1"}


def test_well_is_exit_code_zero(system: System) -> None:
    for words in (("node", "list"), ("stream", "status", "host_accounts")):
        wait_until(lambda words=words: system.run(*words).returncode == 0, what=" ".join(words))


def test_a_stopped_subscriber_is_silent(system: System) -> None:
    with stopped(system, "policy r1"):
        wait_until(
            lambda: nodes(system)["policy-r1"]["state"] == "silent", what="the engine is silent"
        )
        status = system.run("stream", "status", "host_accounts", "--format", "json")
        assert status.returncode == 3
        entries = {entry["role"]: entry for entry in json.loads(status.stdout)}
        assert entries["publisher"]["state"] == "publishing"
        assert entries["subscriber"]["state"] == "silent"
        assert "last heard" in entries["subscriber"]["why"]
        assert system.run("node", "list").returncode == 3
    wait_until(lambda: nodes(system)["policy-r1"]["state"] == "alive", what="it is back")


def test_a_stopped_publisher_makes_its_subscribers_stale(system: System) -> None:
    with stopped(system, "datasource host_accounts"):
        wait_until(lambda: subscriber(system)["state"] == "stale", what="the rows are stale")
        assert "nothing was heard of its publisher" in subscriber(system)["why"]
        metrics = nodes(system)["policy-r1"]["metrics"]
        ages = scrape(metrics)["congress_subscription_link_age_seconds"]
        assert max(sample.value for sample in ages) > 3
