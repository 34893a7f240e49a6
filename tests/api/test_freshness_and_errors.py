"""What answers say about freshness, and what errors look like, at both versions."""

from __future__ import annotations

from typing import Any

import pytest

from congress_dist.protocol.stream import unavailable
from congress_dist.schema import Column, schema
from tests.waiting import wait_until

from .system import V1_1, Source, System

GONE = {"src:gone": "unavailable: run apt-get update"}
BIG = """@id("BIG") @severity("high") @title("n is big") @remediation("make it smaller")
big(x) :- src:ready(x), gt(x, 1)"""


@pytest.fixture(scope="module")
def source(system: System) -> Source:
    """A source with one table that is in, one that is unavailable, and one never published."""
    tables = ("ready", "gone", "never")
    source = system.add_source("src", {name: schema(Column("n", "int")) for name in tables})
    source.publish("ready", [(1,), (2,), (3,)])
    source.publish("gone", None, unavailable("run apt-get update"))
    rules = [
        "both(x) :- src:ready(x)", "both(x) :- src:gone(x)",
        "unknown(x) :- src:gone(x)", "coming(x) :- src:never(x)",
        "absent(x) :- src:ready(x), not src:gone(x)",
        BIG,
    ]  # fmt: skip
    system.post("/v1/policies", {"name": "fresh", "rules": [{"rule": rule} for rule in rules]})

    def arrived() -> bool:
        answer = system.rows("fresh", "unknown", V1_1)
        missing = answer.json.get("missing", {}).get("src:gone", "")
        return (
            "apt-get" in missing and len(system.rows("fresh", "both", V1_1).json["results"]) == 3
        )

    wait_until(arrived, what="the tables of src are in")
    return source


@pytest.mark.usefixtures("source")
class TestFreshness:
    def test_certain_rows_are_answered_and_the_missing_sources_named(self, system: System) -> None:
        answer = system.rows("fresh", "both")
        assert answer.status_code == 200
        assert sorted(row["data"] for row in answer.json["results"]) == [[1], [2], [3]]
        assert set(answer.json) == {"results"}
        missing = answer.headers["x-congress-missing"]
        assert missing == '"src:gone";reason="unavailable: run apt-get update"'
        assert int(answer.headers["x-congress-revision"]) > 0
        assert answer.headers["x-congress-as-of"].startswith('"src";position="1.')

    def test_the_same_is_in_the_body_from_1_1(self, system: System) -> None:
        body = system.rows("fresh", "both", V1_1).json
        assert body["missing"] == GONE
        assert set(body["as_of"]["src"]) == {
            "position", "link_age", "source_age", "state", "reason", "stale"
        }  # fmt: skip
        assert body["revision"] > 0

    @pytest.mark.parametrize("table", ["unknown", "absent"])
    def test_unknown_is_never_an_empty_list(self, system: System, table: str) -> None:
        answer = system.rows("fresh", table)
        assert answer.status_code == 503
        assert answer.json["error"]["error_data"]["missing"] == GONE
        assert "retry-after" not in answer.headers
        newer = system.rows("fresh", table, V1_1)
        assert (newer.status_code, newer.json["results"]) == (200, [])
        assert newer.json["missing"] == GONE

    def test_retry_is_advised_while_one_table_of_several_is_coming(self, system: System) -> None:
        rules = [{"rule": "any(x) :- src:gone(x)"}, {"rule": "any(x) :- src:never(x)"}]
        system.post("/v1/policies", {"name": "some_coming", "rules": rules})
        answer = system.rows("some_coming", "any")
        assert set(answer.json["error"]["error_data"]["missing"]) == {"src:gone", "src:never"}
        assert int(answer.headers["retry-after"]) >= 1

    def test_retry_is_advised_while_a_source_is_coming(self, system: System) -> None:
        answer = system.rows("fresh", "coming")
        assert answer.status_code == 503
        assert set(answer.json["error"]["error_data"]["missing"]) == {"src:never"}
        assert int(answer.headers["retry-after"]) >= 1

    def test_violations_come_with_severity_and_remediation(self, system: System) -> None:
        answer = system.get("/v1/violations?policy=fresh", V1_1)
        assert [(v["rule"], v["row"]) for v in answer["violations"]] == [
            ("BIG", [2]), ("BIG", [3])
        ]  # fmt: skip
        first = answer["violations"][0]
        assert (first["severity"], first["title"]) == ("high", "n is big")
        assert first["remediation"] == "make it smaller"
        assert (first["policy"], first["table"]) == ("fresh", "big")

    def test_an_explanation_names_the_rule_and_the_rows(self, system: System) -> None:
        answer = system.get("/v1/policies/fresh/tables/big/explain?row=[2]", V1_1)
        tree = answer["derivation"]
        assert (tree["policy"], tree["table"], tree["row"]) == ("fresh", "big", [2])
        (child,) = tree["children"]
        assert (child["policy"], child["table"], child["row"]) == ("src", "ready", [2])

    @pytest.mark.parametrize(
        ("query", "status"),
        [("row=[1]", 404), ("row=[2.0]", 404), ("row=[2,3]", 404), ("", 400), ("row=2", 400),
         ("row=[[2]]", 400), ("row=[NaN]", 400), ("row=[1e999]", 400), ("row=%ff", 400),
         ("row=[%22%5Cud800%22]", 400), ("row=[99999999999999999999999]", 400)],
    )  # fmt: skip
    def test_only_rows_that_are_there_are_explained(
        self, system: System, query: str, status: int
    ) -> None:
        answer = system.client.simulate_get(
            "/v1/policies/fresh/tables/big/explain", query_string=query, headers=V1_1
        )
        assert answer.status_code == status, answer.text

    def test_rows_come_in_pages_from_1_1(self, system: System) -> None:
        seen: list[Any] = []
        address: str | None = "/v1/policies/fresh/tables/both/rows?limit=2"
        pages = 0
        while address is not None:
            page = system.get(address, V1_1)
            seen += [row["data"] for row in page["results"]]
            address, pages = page.get("next"), pages + 1
        assert (sorted(seen), pages) == ([[1], [2], [3]], 2)
        whole = system.get("/v1/policies/fresh/tables/both/rows?limit=2")
        assert len(whole["results"]) == 3

    @pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=10001", "limit=1&limit=2",
                                       "marker=nonsense", "marker=%00"])  # fmt: skip
    def test_a_wrong_page_is_refused(self, system: System, query: str) -> None:
        answer = system.client.simulate_get(
            "/v1/policies/fresh/tables/both/rows", query_string=query, headers=V1_1
        )
        assert answer.status_code == 400, answer.text


RULE_PROBLEMS = [
    ("p(x) :- q(y)", 1),
    ("p(1", 1),
    ("p(x) :-\n  q(x),\n  not r(x, y)", 3),
    ("q(x) :- p(x), q(x)", 1),
]


@pytest.mark.parametrize("version", [{}, V1_1], ids=["1.0", "1.1"])
@pytest.mark.parametrize(("text", "line"), RULE_PROBLEMS)
def test_a_wrong_rule_is_told_with_its_place_and_changes_nothing(
    system: System, text: str, line: int, version: dict[str, str]
) -> None:
    system.client.simulate_delete("/v1/policies/strict")
    system.post("/v1/policies", {"name": "strict"})
    answer = system.send("POST", "/v1/policies/strict/rules", {"rule": text}, version)
    assert answer.status_code == 400
    error = answer.json["error"]
    assert error["error_code"] == 1002
    assert error["message"].startswith("Syntax error for rule::") == (not version)
    (first, *_) = error["error_data"]["diagnostics"]
    assert set(first) == {"code", "message", "note", "hint", "line", "column", "length"}
    assert (first["line"], first["column"] > 0) == (line, True)
    assert system.get("/v1/policies/strict/rules") == {"results": []}


def test_a_policy_with_one_wrong_rule_is_not_created(system: System) -> None:
    body = {"name": "half", "rules": [{"rule": "q(1)"}, {"rule": "p(x) :- q(y)"}]}
    answer = system.send("POST", "/v1/policies", body)
    assert (answer.status_code, answer.json["error"]["error_code"]) == (400, 1002)
    assert system.send("GET", "/v1/policies/half").status_code == 404


def test_a_repeated_write_with_one_key_is_done_once(system: System) -> None:
    key = {"Idempotency-Key": "once"}
    first = system.send("POST", "/v1/policies", {"name": "keyed"}, key)
    again = system.send("POST", "/v1/policies", {"name": "keyed"}, key)
    changed = {"name": "keyed", "description": "another"}
    other = system.send("POST", "/v1/policies", changed, key)
    assert (first.status_code, again.status_code, other.status_code) == (201, 201, 422)
    assert again.json == first.json
    renamed = system.send("POST", "/v1/policies", {"name": "keyed_otherwise"}, key)
    assert (renamed.status_code, renamed.json["error"]["error_code"]) == (422, 422)
    assert system.send("GET", "/v1/policies/keyed_otherwise").status_code == 404
    assert system.send("POST", "/v1/policies", {"name": "keyed"}).status_code == 409
    assert system.send("POST", "/v1/policies", {"name": "x"}, {"Idempotency-Key": "k" * 256}
                       ).status_code == 400  # fmt: skip


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"name": "a-b"}, 400),
        ({"name": ""}, 1010),
        ({"name": 7}, 400),
        ({"name": "x" * 256}, 400),
        ({"name": "nul\0"}, 400),
        ({"name": "ok", "kind": "foo"}, 400),
        ({"name": "ok", "kind": "datasource"}, 400),
        ({"name": "ok", "abbreviation": "toolong"}, 1022),
        ({"name": "ok", "abbreviation": 5}, 1022),
        ({"name": "ok", "rules": {}}, 400),
        ({"name": "ok", "rules": [{"comment": "no rule"}]}, 400),
        ({"name": "ok", "rules": [{"rule": "p(1) p(2)"}]}, 1003),
        ({"name": "ok", "rules": [{"rule": ""}]}, 1002),
        ([], 400),
        ("text", 400),
        (None, 400),
    ],
)
def test_a_wrong_policy_is_refused_with_a_code(system: System, body: Any, code: int) -> None:
    answer = system.send("POST", "/v1/policies", body)
    assert answer.status_code == 400, answer.text
    assert answer.json["error"]["error_code"] == code
    assert system.send("GET", "/v1/policies/ok").status_code == 404


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/json; charset=latin-1",
                                          "application/x-www-form-urlencoded"])  # fmt: skip
def test_other_content_is_refused(system: System, content_type: str) -> None:
    answer = system.client.simulate_post(
        "/v1/policies", body='{"name": "typed"}', headers={"Content-Type": content_type}
    )
    assert answer.status_code == 400
    assert answer.json["error"]["message"] == (
        "Unsupported Content-Type; must be 'application/json'"
    )


@pytest.mark.parametrize(
    ("body", "status", "headers"),
    [
        (b"{" * 1000, 400, {}),
        (b'{"name": "a", "name": "b"}', 400, {}),
        (b'{"name": NaN}', 400, {}),
        (b'{"name": "\xff"}', 400, {}),
        (b'{"name": "\\ud800"}', 400, {}),
        (b" " * (8 * 1024 * 1024 + 1), 413, {}),
        (b"x\x9c", 415, {"Content-Encoding": "deflate"}),
    ],
    ids=["deep", "duplicate", "nan", "encoding", "surrogate", "large", "compressed"],
)
def test_bodies_are_read_strictly(
    system: System, body: bytes, status: int, headers: dict[str, str]
) -> None:
    answer = system.client.simulate_post(
        "/v1/policies", body=body, headers={"Content-Type": "application/json"} | headers
    )
    assert answer.status_code == status, answer.text
    assert answer.json["error"]["error_code"] == status


@pytest.mark.parametrize("path", [
    "/v1/policies/nope", "/v1/policies/nope/tables", "/v1/policies/nope/tables/t/rows",
    "/v1/policies/classification/tables/nope", "/v1/policies/classification/tables/nope/rows",
    "/v1/data-sources/nope", "/v1/data-sources/nope/tables", "/v1/data-sources/classification",
    "/v1/data-sources/nope/status", "/v1/data-sources/nope/schema", "/v1/system/drivers/nope",
    "/v1/policies/" + "x" * 5000, "/v1/policies/\x00", "/v1/policies/%2e%2e",
    "/v1/nope", "/v1/policies/classification/nope",
])  # fmt: skip
def test_what_is_not_there_is_404(system: System, path: str) -> None:
    answer = system.client.simulate_get(path)
    assert answer.status_code == 404, answer.text
    assert answer.json["error"]["error_code"] == 404


def test_deleting_what_is_not_there_is_404(system: System) -> None:
    assert system.send("DELETE", "/v1/policies/nope").status_code == 404
    assert system.send("DELETE", "/v1/policies/classification/rules/nope").status_code == 404
    assert system.send("DELETE", "/v1/policies/action").status_code == 404


def test_an_unknown_version_is_406_except_where_versions_are_told(system: System) -> None:
    future = {"OpenStack-API-Version": "policy 9.9"}
    refused = system.send("GET", "/v1/policies", headers=future)
    assert refused.status_code == 406
    assert refused.json["error"]["error_data"] == {"min_version": "1.0", "max_version": "1.1"}
    (version,) = system.get("/", future)["versions"]
    assert (version["min_version"], version["max_version"]) == ("1.0", "1.1")
    assert system.get("/healthz", future) == {"status": "ok"}
