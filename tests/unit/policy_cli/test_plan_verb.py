"""The verb `plan`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from congress_dist.cli import OK, USAGE, main

Output = pytest.CaptureFixture[str]
RULES = """\
hop(x, y) :- nova:servers(x, _), nova:servers(y, _), x != y
reach(x, y) :- hop(x, y)
reach(x, z) :- reach(x, y), hop(y, z)
ports(s, count(p)) :- nova:ports(s, p), (p = 80 or p > 1000)
pick(x, y) :- x in [1, 22], y in [3], not allowed(x)
up(x, y) :- allowed(x), plus(x, 1, y), x in [1, 22], not (allowed(y), nova:links(x, y))
"""


@pytest.mark.usefixtures("files")
def test_tables_come_in_order_with_steps_and_reasons(capsys: Output) -> None:
    assert main(["plan", "net", "--data", "data"]) == OK
    out = capsys.readouterr().out
    assert out.startswith("1. net:allowed  (1 row; 1 of them facts)\n2. net:open_port  (2 rows)\n")
    steps = [line.split(". ", 1)[1] for line in out.splitlines() if line.startswith("     ")]
    assert [" ".join(step.split()) for step in steps] == [
        "read all of nova:servers (2 rows) (first: the fewest rows to begin with)",
        "look up nova:ports by server=server (about 1.5 of 3 rows each) ('server' is known)",
        (
            "drop what has a row in net:allowed by Col0=port"
            " (a test, as soon as its values are known)"
        ),
    ]


def test_recursion_alternatives_and_waiting_are_told(files: Path, capsys: Output) -> None:
    (files / "net" / "more.dl").write_text(RULES)
    assert main(["plan", "net", "--data", "data", "--kind", "recursive"]) == OK
    out = capsys.readouterr().out
    for part in (
        "net:reach  (4 rows; recursive: its rules run in rounds",
        "(it shares no variable with what is there)",
        "alternative 2 of 2:",
        "let p = 80",
        "keep what has p > 1000",
        "aggregate for each s",
        "compute plus(x, 1, y)",
        "take x from 1, 22",
        "keep what has x that is one of 1, 22",
        "drop what has a match of the group over net:allowed, nova:links",
        "waits for nova:links: nova did not answer",
    ):
        assert part in out, part


def test_json_and_one_table(files: Path, capsys: Output) -> None:
    (files / "net" / "more.dl").write_text(RULES)
    arguments = ["plan", "net", "--kind", "recursive", "--table", "reach", "--format", "json"]
    assert main(arguments) == OK
    value = json.loads(capsys.readouterr().out)
    assert [group["tables"] for group in value] == [["net:hop"], ["net:reach"]]
    assert value[1]["recursive"]


@pytest.mark.usefixtures("files")
def test_a_table_that_nothing_gives_is_told(capsys: Output) -> None:
    assert main(["plan", "net", "--table", "opn"]) == USAGE
    assert "gives the table 'net:opn'; there are: net:allowed, net:" in capsys.readouterr().err


def test_an_empty_policy_has_nothing_to_run(files: Path, capsys: Output) -> None:
    (files / "empty.dl").write_text("// nothing\n")
    assert main(["plan", "empty.dl"]) == OK
    assert "nothing to run" in capsys.readouterr().out
