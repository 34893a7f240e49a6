"""The verb `check`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from congress_dist.cli import OK, USAGE, main

Output = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("files")


def test_a_good_policy_has_no_findings(capsys: Output) -> None:
    assert main(["check", "net", "--data", "data", "--strict"]) == OK
    assert capsys.readouterr().out == "0 errors, 0 warnings\n"


def test_findings_of_all_files_are_told_with_their_places(files: Path, capsys: Output) -> None:
    (files / "net" / "a.dl").write_text("// one\nb(x, y) :- net:allowed(x)\n")
    (files / "other.dl").write_text("p(1)\np(x) :- q(x,")
    assert main(["check", "net", "other.dl"]) == USAGE
    out = capsys.readouterr().out
    assert "net/a.dl:2:6: error[unsafe-variable]" in out
    assert "    b(x, y) :- net:allowed(x)\n         ^" in out
    assert "other.dl:2:10: error[syntax]" in out
    assert out.endswith("2 errors, 0 warnings\n")


def test_strict_makes_warnings_errors(files: Path, capsys: Output) -> None:
    (files / "net" / "b.dl").write_text("p(x) :- nothing(x)")
    assert main(["check", "net"]) == OK
    assert "warning[unknown-table]" in capsys.readouterr().out
    assert main(["check", "net", "--strict"]) == USAGE


def test_columns_are_checked_where_data_tells_them(files: Path, capsys: Output) -> None:
    (files / "bad.dl").write_text("p(x) :- nova:servers(idd=x)\n")
    assert main(["check", "bad.dl", "--strict"]) == OK
    assert main(["check", "bad.dl", "--data", "data"]) == USAGE
    out = capsys.readouterr().out
    assert "bad.dl:1:22: error[unknown-column]" in out
    assert "'id'" in out


@pytest.mark.parametrize("kind", ["recursive", "materialized", "z3"])
def test_every_kind_of_policy_can_be_told(files: Path, capsys: Output, kind: str) -> None:
    (files / "tc.dl").write_text("tc(x, y) :- tc(x, z), tc(z, y)\ntc(1, 2)\n")
    assert main(["check", "tc.dl"]) == USAGE
    assert "error[recursion]" in capsys.readouterr().out
    assert main(["check", "tc.dl", "--kind", kind]) == OK


def test_policies_given_together_know_each_other(files: Path, capsys: Output) -> None:
    (files / "b.dl").write_text("p(x) :- net:open_port(server=x)\n")
    assert main(["check", "b.dl", "net", "--data", "data", "--strict"]) == OK
    (files / "b.dl").write_text("p(x) :- nett:open_port(server=x)\n")
    assert main(["check", "b.dl", "net", "--strict"]) == USAGE
    assert "did you mean 'net'?" in capsys.readouterr().out


def test_a_directory_of_policies_stands_for_all(files: Path, capsys: Output) -> None:
    (files / "lib.yaml").write_text("name: lib\nrules:\n- rule: p(x) :- q(x)\n- rule: q(x, y)\n")
    assert main(["check", "."]) == USAGE
    out = capsys.readouterr().out
    assert "lib.yaml:4:11: error[fact-not-ground]" in out
    assert "net" not in out


def test_recursion_across_policies_is_found(files: Path, capsys: Output) -> None:
    (files / "a.dl").write_text("p(x) :- b:q(x)\n")
    (files / "b.dl").write_text("q(x) :- a:p(x)\n")
    assert main(["check", "a.dl", "b.dl"]) == USAGE
    assert "recursi" in capsys.readouterr().out
    assert main(["check", "a.dl", "b.dl", "--kind", "recursive"]) == OK


def test_json_holds_every_finding(files: Path, capsys: Output) -> None:
    (files / "b.dl").write_text("p(x) :- q(y)")
    assert main(["check", "b.dl", "--format", "json"]) == USAGE
    value = json.loads(capsys.readouterr().out)
    assert value["errors"] == 1
    assert {"code": "unsafe-variable", "line": 1, "column": 3}.items() <= value["diagnostics"][
        0
    ].items()


def test_sarif_has_places_that_code_hosts_show(files: Path, capsys: Output) -> None:
    (files / "b c").mkdir()
    (files / "b c" / "p.dl").write_text("p(x) :- q(y)")
    (files / "lib.yaml").write_text("name: lib\nrules:\n- rule: p(x)\n")
    assert main(["check", "b c/p.dl", "lib.yaml", "--format", "sarif"]) == USAGE
    value = json.loads(capsys.readouterr().out)
    assert value["version"] == "2.1.0"
    (run,) = value["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning")
    places = {
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
    }
    assert places == {"b%20c/p.dl", "lib.yaml"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "policy 'nowhere' is neither a file nor a directory"),
        (["data"], "holds no .dl file"),
        (["net", "--data", "nowhere"], "there is no directory 'nowhere'"),
        (["binary.dl"], "'binary.dl' is not UTF-8"),
        (["list.yaml"], "has no list 'rules'"),
        (["broken.yaml"], "is not YAML"),
        (["two.yaml"], "entry 1 of 'rules' holds 2 rules"),
        (["nameless.yaml"], "entry 1 of 'rules' has no text 'rule'"),
        (["net", "again/net.dl"], "are both named 'net'"),
        (["kind.yaml"], "'kind.yaml': there is no policy kind 'odd'; kinds are action, "),
        (["key.yaml"], "entry 2 of 'rules': there is no key 'severty'; did you mean 'severity'?"),
        (["nova.dl", "--data", "data"], "'nova.dl' has the name of the datasource"),
        (["huge.dl"], "larger than 1 MB"),
    ],
)
def test_bad_input_is_named(
    files: Path, capsys: Output, arguments: list[str], message: str
) -> None:
    (files / "binary.dl").write_bytes(b"p(\xff)")
    (files / "list.yaml").write_text("- 1")
    (files / "broken.yaml").write_text("[")
    (files / "two.yaml").write_text("rules:\n- rule: p(1) q(1)")
    (files / "nameless.yaml").write_text("rules:\n- name: p")
    (files / "kind.yaml").write_text("kind: odd\nrules: []")
    (files / "key.yaml").write_text("rules:\n- rule: p(1)\n- {rule: q(1), severty: high}")
    (files / "again").mkdir()
    (files / "again" / "net.dl").write_text("p(1)")
    (files / "nova.dl").write_text("p(1)")
    (files / "huge.dl").write_text("p(1)\n" * 300_000)
    assert main(["check", *arguments]) == USAGE
    captured = capsys.readouterr()
    assert message in captured.err + captured.out
    assert captured.err.startswith("congress: ") or captured.out.startswith("error[unreadable]: ")


def test_a_file_of_two_policies_is_refused(files: Path, capsys: Output) -> None:
    (files / "net" / "a.dl").write_text("p(1)\nq(x) :- p(x)\n")
    assert main(["check", "net", "net/a.dl"]) == USAGE
    assert "'net/a.dl' is in the policies 'net' and 'a'; name it once" in capsys.readouterr().err


def test_what_cannot_be_read_hides_no_other_finding(files: Path, capsys: Output) -> None:
    (files / "bad.dl").write_text("p(x) :- q(y)\n")
    (files / "latin.dl").write_bytes(b"p('\xe9')\n")
    given = ["check", "nowhere", "latin.dl", "bad.dl"]
    assert main([*given, "--format", "json"]) == USAGE
    found = json.loads(capsys.readouterr().out)["diagnostics"]
    assert [(d["code"], d["source"]) for d in found if d["severity"] == "error"] == [
        ("unreadable", "nowhere"),
        ("unreadable", "latin.dl"),
        ("unsafe-variable", "bad.dl"),
    ]
    assert main(given) == USAGE
    out = capsys.readouterr().out
    assert "error[unreadable]: policy 'nowhere' is neither a file nor a directory" in out


@pytest.mark.parametrize(
    ("name", "said"), [("nova", "which is recorded"), ("clock", "which tells the time")]
)
def test_a_policy_with_the_name_of_a_datasource_is_refused(
    files: Path, capsys: Output, name: str, said: str
) -> None:
    (files / f"{name}.dl").write_text("p(1)\n")
    assert main(["check", f"{name}.dl", "--data", "data"]) == USAGE
    assert f"the policy of '{name}.dl' has the name of the datasource" in (
        told := capsys.readouterr().err
    )
    assert said in told
