"""GET /v1/nodes, leases and metrics over HTTP, and the verbs that speak it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from congress_dist.cli import main
from congress_dist.metrics import METRICS
from congress_dist.policy.store.leases import Claim
from congress_dist.schema import Column, schema
from tests.waiting import wait_until

from .system import V1_1, Source, System

Output = pytest.CaptureFixture[str]
TABLES = {"p": schema(Column("n", "int"))}


@pytest.fixture(scope="module")
def endpoint(system: System) -> str:
    return system.listen()


@pytest.fixture(scope="module")
def source(system: System) -> Source:
    """Give a source that a rule reads, so that the replica holds its rows."""
    source = system.add_source("src", TABLES)
    source.publish("p", [(1,)])
    system.post("/v1/policies", {"name": "mine", "rules": [{"rule": "p(x) :- src:p(x)"}]})
    wait_until(lambda: entry(system, "src")["state"] == "live", what="the replica holds src")
    return source


@pytest.fixture
def spare(system: System) -> Iterator[str]:
    """Give the name of a stream with a lease that no process holds: owner `old`, generation 1."""
    name = "spare"
    leases = system.policy._store.leases
    _, lease = leases.acquire(Claim(name, "old", None, 0, None))
    yield name
    leases.release(name, "old", lease.generation)


def nodes(system: System) -> dict[str, Any]:
    return {node["node"]: node for node in system.get("/v1/nodes", V1_1)["results"]}


def entry(system: System, stream: str) -> dict[str, Any]:
    """Give what the replica tells of its subscription to a stream."""
    reported = nodes(system).get("policy-r1", {"sources": []})
    found = [source for source in reported["sources"] if source["source"] == stream]
    return found[0] if found else {"state": "unknown"}


def lease(system: System, name: str) -> dict[str, Any]:
    (found,) = [each for each in system.get("/v1/leases", V1_1)["results"] if each["name"] == name]
    return dict(found)


def release(system: System, name: str, owner: Any, generation: Any) -> Any:
    body = {"owner": owner, "generation": generation}
    return system.send("POST", f"/v1/leases/{name}/release", body, V1_1)


# --- nodes --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("source")
def test_nodes_tell_positions_ages_and_queues(system: System) -> None:
    found = nodes(system)
    assert {"policy-r1", "api-a1", "datasource-src"} <= found.keys()
    (stream,) = found["datasource-src"]["streams"]
    held = entry(system, "src")
    assert stream["position"] == held["position"]
    assert held["lag"] == 0
    assert held["link_age"] < 5
    assert held["source_age"] >= 0
    assert set(found["api-a1"]["queues"]) == {"outbox", "inbox"}


def test_node_that_is_gone_without_a_word_is_listed_as_silent(system: System) -> None:
    lost = system.add_source("lost", TABLES)
    wait_until(lambda: "datasource-lost" in nodes(system), what="the node is heard")
    system.cut_off("datasource-lost")
    wait_until(lambda: nodes(system)["datasource-lost"]["state"] == "silent", what="it is silent")
    silent = nodes(system)["datasource-lost"]
    assert "last heard" in silent["why"]
    assert [stream["stream"] for stream in silent["streams"]] == [lost.name]


def test_nodes_are_answered_while_no_policy_engine_is_there(tmp_path: Path) -> None:
    with System(tmp_path) as system:
        wait_until(lambda: "policy-r1" in nodes(system), what="the engine is heard")
        system.stop_policy()
        wait_until(lambda: list(nodes(system)) == ["api-a1"], what="it said goodbye")
        answer = system.client.simulate_get("/v1/leases", headers=V1_1)
        assert answer.status_code == 503


# --- leases -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("source")
def test_leases_are_listed(system: System) -> None:
    assert lease(system, "src").keys() == {"name", "owner", "generation", "renewals"}


def test_lease_is_released_once_and_a_repeated_request_is_fine(system: System, spare: str) -> None:
    generation = lease(system, spare)["generation"]
    for _ in range(2):
        answer = release(system, spare, "old", generation)
        assert answer.status_code == 200, answer.text
        assert answer.json["owner"] is None
    assert lease(system, spare)["owner"] is None


@pytest.mark.parametrize(("owner", "generation"), [("another", 1), ("old", 999)])
def test_another_grant_than_the_one_seen_is_not_released(
    system: System, spare: str, owner: str, generation: int
) -> None:
    answer = release(system, spare, owner, generation)
    assert answer.status_code == 409
    assert "'old'" in answer.json["error"]["message"]
    assert lease(system, spare)["owner"] == "old"


def test_lease_of_a_stream_that_never_was_is_404(system: System) -> None:
    assert release(system, "cinder", "x", 1).status_code == 404


@pytest.mark.parametrize("body", [{}, {"owner": "x"}, {"owner": 1, "generation": 1}, []])
def test_release_needs_owner_and_generation(system: System, spare: str, body: Any) -> None:
    answer = system.send("POST", f"/v1/leases/{spare}/release", body, V1_1)
    assert answer.status_code == 400


# --- metrics ------------------------------------------------------------------------------------


def test_metrics_are_what_prometheus_reads(system: System) -> None:
    answer = system.client.simulate_get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = {family.name for family in text_string_to_metric_families(answer.text)}
    declared = {metric.name.removesuffix("_total") for metric in METRICS}
    assert {name for name in families if name.startswith("congress_")} <= declared
    assert {"congress_node_info", "congress_call_made_seconds"} <= families
    assert "process_resident_memory_bytes" in families


def test_targets_are_the_nodes_that_serve_metrics(system: System) -> None:
    system.node.serve_metrics_at("http://127.0.0.1:9999/metrics")
    answer = system.client.simulate_get("/metrics/targets")
    assert answer.json == [
        {"targets": ["127.0.0.1:9999"], "labels": {"node": "api-a1", "services": "api@a1"}}
    ]


# --- verbs --------------------------------------------------------------------------------------


def test_lease_verb_lists_and_releases(
    system: System, endpoint: str, spare: str, capsys: Output
) -> None:
    where = ["--endpoint", endpoint]
    assert main(["lease", "list", "--format", "json", *where]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert spare in {each["name"] for each in listed}
    assert main(["lease", "list", *where]) == 0
    assert capsys.readouterr().out.split()[:4] == ["name", "owner", "generation", "renewals"]
    assert main(["lease", "release", spare, *where]) == 2
    assert "--force" in capsys.readouterr().err
    assert lease(system, spare)["owner"] == "old"
    assert main(["lease", "release", spare, "--force", *where]) == 0
    assert "may happen twice" in capsys.readouterr().err
    assert main(["lease", "release", spare, *where]) == 0
    assert "free already" in capsys.readouterr().err
    assert main(["lease", "release", "cinder", "--force", *where]) == 2
    assert "cinder" in capsys.readouterr().err


@pytest.mark.usefixtures("source")
def test_stream_verb_tells_where_subscribers_stand(endpoint: str, capsys: Output) -> None:
    where = ["--endpoint", endpoint]
    status = ["stream", "status", "src", *where]
    # On a loaded machine a heartbeat may be late, and this system's are frequent.
    wait_until(lambda: main(status) == 0, what="all is well")
    header, *lines = capsys.readouterr().out.splitlines()[-3:]
    assert header.split() == [
        "stream", "role", "node", "state", "position", "lag", "link_age", "source_age", "why",
    ]  # fmt: skip
    assert [line.split()[1:4] for line in lines] == [
        ["publisher", "datasource-src", "publishing"],
        ["subscriber", "policy-r1", "live"],
    ]
    main([*status, "--format", "json"])
    assert json.loads(capsys.readouterr().out)[1]["counters"]["synced"] >= 1
    assert main(["stream", "status", "nobody", *where]) == 2
    assert "'nobody'" in capsys.readouterr().err


@pytest.mark.usefixtures("source")
def test_node_verb_lists_nodes_and_says_by_its_exit_code_that_one_is_silent(
    system: System, endpoint: str, capsys: Output
) -> None:
    where = ["--endpoint", endpoint]
    system.add_source("gone", TABLES)
    wait_until(lambda: "datasource-gone" in nodes(system), what="the node is heard")
    system.cut_off("datasource-gone")
    wait_until(lambda: nodes(system)["datasource-gone"]["state"] == "silent", what="it is silent")
    assert main(["node", "list", *where]) == 3
    lines = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert lines["datasource-src"] == "alive"
    assert lines["datasource-gone"] == "silent"
    assert main(["stream", "status", *where]) == 3


def test_stream_that_everybody_waits_for_is_not_well(
    system: System, endpoint: str, capsys: Output
) -> None:
    source = system.add_source("kept", TABLES)
    where = ["stream", "status", "kept", "--endpoint", endpoint]
    wait_until(lambda: main(where) == 0, what="it is published")
    held = lease(system, "kept")
    claim = Claim("kept", "somebody", held["owner"], 0, None)
    assert system.policy._store.leases.acquire(claim)[0]
    wait_until(lambda: source.lost, what="the lease is lost")
    wait_until(lambda: main(where) == 3, what="nobody publishes it")
    assert "candidate" in capsys.readouterr().out


def test_nobody_there_is_exit_code_three(capsys: Output) -> None:
    where = ["--endpoint", "http://127.0.0.1:1"]
    for verb in (["lease", "list"], ["node", "list"], ["stream", "status"]):
        assert main([*verb, *where]) == 3
        assert "congress up" in capsys.readouterr().err
