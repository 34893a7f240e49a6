"""Every route has at least one exchange: what it answers when all is well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from congress_dist.api.routes import ROUTES
from congress_dist.schema import Column, schema
from tests.waiting import wait_until

from .system import V1_1, System

POLICY = "/v1/policies/{policy}"
TABLE = f"{POLICY}/tables/{{table}}"
SOURCE = "/v1/data-sources/{datasource}"
SOURCE_TABLE = f"{SOURCE}/tables/{{table}}"
LEASE = "/v1/leases/{lease}/release"
FIELDS = {
    "policy": "mine", "table": "p", "datasource": "src", "driver": "host_processes",
    "lease": "src",
}  # fmt: skip
PLAIN_PATHS = ("/", "/healthz", "/metrics", "/metrics/targets")
"""Those that have no versions."""

Keys = set[str]
META: Keys = {"revision", "as_of", "missing"}
POLICY_KEYS: Keys = {"id", "name", "abbreviation", "description", "owner_id", "kind"}
RULE_KEYS: Keys = {"id", "rule", "name", "comment"}
SOURCE_KEYS: Keys = {"id", "name", "driver", "description", "type", "enabled", "config"}
STATUS_KEYS: Keys = {
    "last_updated", "last_error", "number_of_updates", "initialized", "subscriptions",
    "subscribers",
}  # fmt: skip

# (method, path of the route): (query or body, status, keys at 1.0, keys that 1.1 adds)
EXCHANGES: dict[tuple[str, str], tuple[Any, int, Keys, Keys]] = {
    ("GET", "/"): ("", 200, {"versions"}, set()),
    ("GET", "/v1"): ("", 200, {"version"}, set()),
    ("GET", "/healthz"): ("", 200, {"status"}, set()),
    ("GET", "/metrics"): ("", 200, set(), set()),
    ("GET", "/metrics/targets"): ("", 200, set(), set()),
    ("GET", "/v1/nodes"): ("", 200, {"error"}, {"results"}),
    ("GET", "/v1/leases"): ("", 200, {"error"}, {"results"}),
    ("POST", LEASE): ({"owner": "nobody", "generation": 1}, 409, {"error"}, set()),
    ("GET", "/v1/status"): (
        "", 200, {"error"},
        {"revision", "ready", "reasons", "rules", "tables", "waiting", "failures", "sources"},
    ),
    ("GET", "/v1/violations"): (
        "policy=mine", 200, {"error"}, META | {"violations", "checked", "waiting"}
    ),
    ("GET", "/v1/policies"): ("", 200, {"results"}, set()),
    ("POST", "/v1/policies"): ({"name": "new"}, 201, POLICY_KEYS, {"revision"}),
    ("GET", POLICY): ("", 200, POLICY_KEYS, set()),
    ("POST", POLICY): ({}, 400, {"error"}, set()),
    ("DELETE", POLICY): ("", 200, POLICY_KEYS, {"revision"}),
    ("GET", f"{POLICY}/status"): ("", 200, {"id", "name"}, set()),
    ("GET", f"{POLICY}/rules"): ("", 200, {"results"}, set()),
    ("POST", f"{POLICY}/rules"): ({"rule": "new(1)"}, 201, RULE_KEYS, {"revision"}),
    ("GET", f"{POLICY}/rules/{{rule}}"): ("", 200, RULE_KEYS, set()),
    ("DELETE", f"{POLICY}/rules/{{rule}}"): ("", 200, RULE_KEYS, {"revision"}),
    ("GET", f"{POLICY}/rules/{{rule}}/status"): (
        "", 200, {"id", "name", "comment", "original_str"}, set()
    ),
    ("GET", f"{POLICY}/tables"): ("", 200, {"results"}, set()),
    ("GET", TABLE): ("", 200, {"id"}, {"columns"}),
    ("GET", f"{TABLE}/rows"): ("", 200, {"results"}, META | {"columns"}),
    ("PUT", f"{TABLE}/rows"): ([[1]], 400, {"error"}, set()),
    ("GET", f"{TABLE}/explain"): ("row=[1]", 200, {"error"}, META | {"derivation"}),
    ("GET", "/v1/data-sources"): ("", 200, {"results"}, set()),
    ("GET", SOURCE): ("", 200, SOURCE_KEYS, set()),
    ("GET", f"{SOURCE}/schema"): ("", 200, {"tables"}, set()),
    ("GET", f"{SOURCE}/status"): (
        "", 200, STATUS_KEYS, {"name", "state", "note", "age", "position", "tables", "counters"}
    ),
    ("GET", f"{SOURCE}/tables"): ("", 200, {"results"}, set()),
    ("GET", SOURCE_TABLE): ("", 200, {"id"}, {"columns"}),
    ("GET", f"{SOURCE_TABLE}/spec"): ("", 200, {"table_id", "columns"}, {"description"}),
    ("GET", f"{SOURCE_TABLE}/rows"): ("", 200, {"results"}, META | {"columns"}),
    ("GET", "/v1/system/drivers"): ("", 200, {"results"}, set()),
    ("GET", "/v1/system/drivers/{driver}"): (
        "", 200, {"id", "description", "config", "secret", "tables"}, set()
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def prepared(system: System) -> Iterator[str]:
    """Make the policy that the exchanges are about, and the source once; give a rule's id."""
    if not any(s["name"] == "src" for s in system.get("/v1/data-sources")["results"]):
        source = system.add_source("src", {"p": schema(Column("n", "int"))})
        source.publish("p", [(1,)])
        rows = "/v1/data-sources/src/tables/p/rows"
        wait_until(lambda: system.client.simulate_get(rows).status_code == 200, what="rows of src")
    system.post("/v1/policies", {"name": "mine", "rules": [{"rule": "p(x) :- src:p(x)"}]})
    yield system.get("/v1/policies/mine/rules")["results"][0]["id"]
    for name in ("mine", "new"):
        system.client.simulate_delete(f"/v1/policies/{name}")


def test_the_table_of_exchanges_is_complete() -> None:
    routes = {(method, route.path) for route in ROUTES for method in route.handlers}
    assert set(EXCHANGES) == routes


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize(("method", "template"), EXCHANGES, ids=" ".join)
def test_answers_have_these_keys(
    system: System, prepared: str, method: str, template: str, version: str
) -> None:
    content, status, keys, added = EXCHANGES[method, template]
    path = template.format(**FIELDS, rule=prepared)
    headers = {"Content-Type": "application/json"} | (V1_1 if version == "1.1" else {})
    is_query = isinstance(content, str)
    answer = system.client.simulate_request(
        method,
        path,
        query_string=content if is_query else "",
        body=None if is_query else json.dumps(content),
        headers=headers,
    )
    is_new = template == LEASE or (keys == {"error"} and status == 200)
    hidden = version == "1.0" and is_new
    assert answer.status_code == (404 if hidden else status), answer.text
    if path.startswith("/metrics"):
        assert answer.content
    elif version == "1.0" or status >= 400:
        assert set(answer.json) == keys
    else:
        assert set(answer.json) == (keys - {"error"}) | added
    assert answer.headers["x-openstack-request-id"].startswith("req-")
    if path not in PLAIN_PATHS:
        assert answer.headers["openstack-api-version"] == f"policy {version}"
    assert answer.headers["vary"] == "OpenStack-API-Version"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.path)
def test_other_methods_are_not_supported(system: System, prepared: str, route: Any) -> None:
    path = route.path.format(**FIELDS, rule=prepared, row="0")
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "BREW"} - set(route.handlers):
        answer = system.client.simulate_request(method, path, headers=V1_1)
        assert answer.status_code == 501, f"{method} {path}"
        if method != "HEAD":
            assert answer.json["error"]["message"] == "Method not supported"
