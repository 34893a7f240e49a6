"""The verb `explain` with recorded tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from congress_dist.cli import OK, UNAVAILABLE, USAGE, main

Output = pytest.CaptureFixture[str]


@pytest.mark.usefixtures("files")
def test_a_row_is_explained_down_to_recorded_rows(capsys: Output) -> None:
    assert main(["explain", "net", "open_port", "s1", "80", "--data", "data"]) == OK
    assert capsys.readouterr().out.splitlines() == [
        "net:open_port(server=s1, port=80)",
        "│ An open port",
        (
            "│ by open_port(server, port) :- nova:servers(id=server), nova:ports(server=server,"
            " port=port), not allowed(port)"
        ),
        "│ no row matches allowed(80)",
        "├─ nova:servers(id=s1, name=web)",
        "└─ nova:ports(server=s1, port=80)",
    ]


@pytest.mark.usefixtures("files")
def test_json_is_what_the_api_answers(capsys: Output) -> None:
    assert main(["explain", "net", "allowed", "22", "--data", "data", "--format", "json"]) == OK
    assert json.loads(capsys.readouterr().out)["derivation"]["rule"] == "allowed(22)"


def test_further_policies_are_read(files: Path, capsys: Output) -> None:
    (files / "b.dl").write_text("p(x) :- net:open_port(server=x), nova:links(x, _)\n")
    (files / "c.dl").write_text("q(x) :- net:open_port(server=x)\nr(1)\nr(x) :- nova:links(x, _)")
    assert main(["explain", "c.dl", "q", "s2", "--with", "net", "--data", "data"]) == OK
    assert "net:open_port(server=s2, port=5432)" in capsys.readouterr().out
    assert main(["explain", "c.dl", "r", "1", "--with", "net", "--data", "data"]) == UNAVAILABLE
    assert "nova did not answer" in capsys.readouterr().err


def test_recursive_policies_are_explained(files: Path, capsys: Output) -> None:
    (files / "r.dl").write_text("p(1)\np(y) :- p(x), plus(x, 1, y), y < 4\n")
    arguments = ["explain", "r.dl", "p", "3", "--data", "data"]
    assert main([*arguments, "--kind", "recursive"]) == OK
    assert "r:p(y=1)" in capsys.readouterr().out
    assert main([*arguments, "--kind", "odd"]) == USAGE
    assert "there is no policy kind 'odd'" in capsys.readouterr().err


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["net", "open_port", "s1", "22"],
            'no row ["s1",22]; the table has 2 rows; one is ["s1", 80]',
        ),
        (["net", "odd", "s1"], "the table has 0 rows"),
        (["nowhere", "p"], "'nowhere' is neither a file nor a directory"),
        (["net", "odd:p", "1"], "there is no policy or datasource 'odd'"),
    ],
)
def test_what_is_not_there_is_told(capsys: Output, arguments: list[str], message: str) -> None:
    assert main(["explain", *arguments, "--data", "data"]) == USAGE
    assert message in capsys.readouterr().err


def test_a_row_that_nobody_knows_is_not_denied(files: Path, capsys: Output) -> None:
    (files / "u.dl").write_text("p(x) :- nova:links(x, _)\nq(x) :- p(x)\nr(1)\n")
    assert main(["explain", "u.dl", "q", "7", "--data", "data"]) == UNAVAILABLE
    told = capsys.readouterr().err
    assert "'u:q' has no row [7] as far as is known" in told
    assert "incomplete: nova:links: nova did not answer" in told
    assert main(["explain", "u.dl", "r", "7", "--data", "data"]) == USAGE
    assert main(["explain", "u.dl", "x:r", "7", "--data", "data"]) == USAGE
