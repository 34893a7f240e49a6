"""The verbs of `congress` against a running API on a real socket."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from congress_dist.api.console.client import Client
from congress_dist.cli import FAILED, OK, UNAVAILABLE, USAGE, main
from congress_dist.errors import InvalidRequest, NotFound, ServiceUnavailable
from congress_dist.protocol.stream import unavailable
from congress_dist.schema import Column, schema
from tests.waiting import wait_until

from .system import System

Output = pytest.CaptureFixture[str]

RULES = """\
@id("BIG") @severity("high") @title("n is big") @remediation("make it smaller")
big(x, name) :- src:numbers(x, name), gt(x, 1).
maybe(x) :- src:gone(x).
fine(x) :- src:numbers(x, name), lt(x, 0).
"""


@pytest.fixture(scope="module", autouse=True)
def api(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the system's API, with a source and a policy made from a file; give its address."""
    tables = {"numbers": schema(Column("n", "int"), "name"), "gone": schema("x")}
    source = system.add_source("src", tables, description="numbers")
    source.publish("numbers", [(1, "one"), (2, "two"), (3, "thr\x1bee")])
    source.publish("gone", None, unavailable("out of order"))
    address = system.listen()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONGRESS_URL", address)
        file = tmp_path_factory.mktemp("policies") / "sample.dl"
        file.write_text(RULES)
        assert main(["policy", "create", "--from", str(file)]) == OK
        with Client(address) as client:
            wait_until(lambda: len(client.get("violations")["violations"]) == 2, what="violations")
        yield address


def test_policies_are_listed_shown_created_and_deleted(capsys: Output) -> None:
    assert main(["policy", "create", "mine", "--description", "of mine"]) == OK
    assert main(["policy", "create", "mine"]) == USAGE
    assert "mine" in capsys.readouterr().err
    assert main(["policy", "show", "mine", "--format", "json"]) == OK
    assert json.loads(capsys.readouterr().out)["description"] == "of mine"
    assert main(["policy", "list", "--format", "csv"]) == OK
    names = [row["name"] for row in csv.DictReader(io.StringIO(capsys.readouterr().out))]
    assert {"mine", "sample", "classification", "action"} <= set(names)
    assert main(["policy", "delete", "mine"]) == OK
    assert main(["policy", "delete", "mine"]) == USAGE
    assert main(["policy", "create"]) == USAGE


def test_rules_are_added_listed_and_deleted(
    capsys: Output, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["policy", "create", "ruled"])
    capsys.readouterr()
    assert main(["rule", "add", "ruled", "p(x) :- src:numbers(x, _)", "--format", "yaml"]) == OK
    added = yaml.safe_load(capsys.readouterr().out)
    monkeypatch.setattr("sys.stdin", io.StringIO("p(99)\n"))
    assert main(["rule", "add", "ruled", "-", "--comment", "piped"]) == OK
    capsys.readouterr()
    assert main(["rule", "list", "ruled", "--format", "json"]) == OK
    assert [rule["comment"] for rule in json.loads(capsys.readouterr().out)] == ["", "piped"]
    assert main(["rule", "list", "ruled"]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [f"# {added['id']}", "p(x) :- src:numbers(x, _)", ""]
    assert lines[3].endswith("  piped")
    assert main(["rule", "delete", "ruled", added["id"]]) == OK
    assert main(["rule", "delete", "ruled", added["id"]]) == USAGE


def test_a_wrong_rule_is_shown_with_its_place_and_hint(capsys: Output) -> None:
    assert main(["rule", "add", "sample", "p(x) :- src:numbers(id=x)"]) == USAGE
    error = capsys.readouterr().err
    assert ":1:21: error[unknown-column]" in error
    assert "\n    p(x) :- src:numbers(id=x)\n                        ^" in error
    assert "its columns are n, name" in error


def test_rows_are_printed_whole_with_exit_code_3_when_some_may_be_missing(capsys: Output) -> None:
    assert main(["table", "rows", "src", "numbers", "--format", "csv"]) == OK
    assert len(capsys.readouterr().out.splitlines()) == 4
    assert main(["table", "rows", "sample", "big"]) == OK
    shown = capsys.readouterr().out
    assert "thr\\x1bee" in shown
    assert "\x1b" not in shown
    assert main(["table", "rows", "sample", "big", "--limit", "1", "--format", "json"]) == OK
    answer = json.loads(capsys.readouterr().out)
    assert (len(answer["rows"]), answer["more"]) == (1, True)
    assert main(["table", "rows", "sample", "maybe"]) == UNAVAILABLE
    assert capsys.readouterr().err == "incomplete: src:gone: unavailable: out of order\n"
    assert main(["table", "rows", "sample", "nope"]) == USAGE


def test_tables_of_policies_and_sources_are_listed(capsys: Output) -> None:
    assert main(["table", "list", "src"]) == OK
    assert sorted(capsys.readouterr().out.split()) == ["gone", "id", "numbers"]
    assert main(["table", "list", "sample"]) == OK
    assert {"big", "maybe", "fine", "src:numbers"} <= set(capsys.readouterr().out.split())


def test_violations_make_exit_code_1(capsys: Output) -> None:
    assert main(["violation", "list"]) == FAILED
    written = capsys.readouterr()
    assert len(written.out.splitlines()) == 3
    assert "2 violations" in written.err
    assert main(["violation", "list", "--policy", "classification"]) == OK
    capsys.readouterr()
    assert main(["violation", "list", "--policy", "sample", "--format", "json"]) == FAILED
    answer = json.loads(capsys.readouterr().out)
    assert sorted(found["row"] for found in answer["violations"]) == [[2, "two"], [3, "thr\x1bee"]]


def test_a_row_is_explained_as_a_tree(capsys: Output) -> None:
    assert main(["explain", "sample", "big", "2", "two"]) == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("sample:big(")
    assert any("n is big" in line for line in lines)
    assert lines[-1].strip().startswith("└─ src:numbers(n=2, name=two)")
    assert main(["explain", "sample", "big", "7", "two"]) == USAGE
    assert main(["explain", "sample", "big", "2", "two", "--format", "json"]) == OK
    assert json.loads(capsys.readouterr().out)["derivation"]["row"] == [2, "two"]


def test_sources_are_listed_and_their_state_told(capsys: Output) -> None:
    assert main(["datasource", "list", "--format", "json"]) == OK
    (source,) = json.loads(capsys.readouterr().out)
    assert (source["name"], source["description"]) == ("src", "numbers")
    assert main(["datasource", "status"]) == UNAVAILABLE
    assert "gone unavailable: out of order" in capsys.readouterr().out
    assert main(["datasource", "status", "--format", "csv"]) == UNAVAILABLE
    (src,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (src["name"], src["tables"], src["rows"]) == ("src", "2", "3")
    assert main(["datasource", "status", "src", "--format", "csv"]) == UNAVAILABLE
    (gone, _) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (gone["table"], gone["state"]) == ("gone", "unavailable")
    assert gone["note"] == "out of order"
    assert main(["datasource", "status", "nope"]) == USAGE


def test_nothing_listening_is_told_with_the_way_out(capsys: Output) -> None:
    assert main(["policy", "list", "--endpoint", "http://127.0.0.1:9"]) == UNAVAILABLE
    assert "congress up" in capsys.readouterr().err
    assert main(["policy", "list", "--endpoint", "ftp://nowhere"]) == USAGE
    assert main(["policy", "list", "--endpoint", "http://127.0.0.1:99999"]) == USAGE


def test_one_connection_serves_many_requests_and_is_opened_again(api: str) -> None:
    client = Client(api)
    assert client.get("policies") == client.get("policies")
    client.close()
    assert client.get("policies")["results"]
    client.close()
    with pytest.raises(InvalidRequest, match="no address of an API"):
        Client("127.0.0.1:1789").get("policies")
    with pytest.raises(ServiceUnavailable):
        Client("http://127.0.0.1:9", timeout=1).get("policies")


def test_names_are_quoted_in_addresses(api: str, tmp_path: Path) -> None:
    for name in ("a/b", "ü", "a b?c#d", "..", str(tmp_path)):
        with Client(api) as client, pytest.raises(NotFound):
            client.get("policies", name)
