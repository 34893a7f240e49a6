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
other(x, y) :- hop(x, y)
other(x, z) :- other(x, y), hop(y, z), x != z
ports(s, count(p)) :- nova:ports(s, p), (p = 80 or p > 1000)
pick(x, y) :- x in [1, 22], y in [3], not allowed(x)
either(x) :- nova:ports(x, _), (x = "a" or nova:servers(x, _))
up(x, y) :- allowed(x), plus(x, 1, y), x in [1, 22], not (allowed(y), nova:links(x, y))
"""


@pytest.mark.usefixtures("files")
def test_tables_come_in_order_with_steps_and_reasons(capsys: Output) -> None:
    assert main(["plan", "net", "--data", "data"]) == OK
    out = capsys.readouterr().out
    assert out.startswith("1. net:allowed  (1 row; 1 of them facts)\n2. net:open_port  (2 rows)\n")
    lines = [" ".join(line.split()) for line in out.splitlines() if line.startswith("     ")]
    assert lines[:8] == [
        "from nothing:",
        (
            "1. read all of nova:ports (3 rows)"
            " (first: this order costs about 12, one that begins with nova:servers 21)"
        ),
        (
            "2. drop what has a row in net:allowed by Col0=port"
            " (a test, as soon as its values are known)"
        ),
        (
            "3. look up nova:servers by id=server (about 1 of 2 rows each)"
            " ('server' is known, 2 different values; index by id)"
        ),
        "when nova:servers changes:",
        "1. take the changed rows of nova:servers (what changed comes first)",
        (
            "2. look up nova:ports by server=server (about 1.5 of 3 rows each)"
            " ('server' is known, 2 different values; index by server)"
        ),
        (
            "3. drop what has a row in net:allowed by Col0=port"
            " (a test, as soon as its values are known)"
        ),
    ]
    assert [line for line in lines if line.startswith("when")] == [
        "when nova:servers changes:",
        "when nova:ports changes:",
        "when net:allowed changes:",
    ]


def test_recursion_alternatives_and_waiting_are_told(files: Path, capsys: Output) -> None:
    (files / "net" / "more.dl").write_text(RULES)
    assert main(["plan", "net", "--data", "data", "--kind", "recursive"]) == OK
    out = capsys.readouterr().out
    for part in (
        "net:reach  (4 rows; recursive, a closure: from nothing it is searched breadth first",
        "net:other  (2 rows; recursive: its rules run in rounds",
        "(it shares no variable with what is there)",
        "let p = 80",
        "keep what has p > 1000",
        "internal table 1: what an aggregate works on (s, p), from nova:ports (2 rows)",
        "aggregate count of internal table 1",
        "compute plus(x, 1, y)",
        "take x from 1, 22",
        "keep what has x that is one of 1, 22",
        "internal table 1: what a group gives (x, y), from net:allowed, nova:links (0 rows)",
        "drop what has a row in internal table 1 by x=x, y=y",
        "the rule itself:",
        "alternative 2 of 2:",
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
    assert value[1]["closure"]
    runs = value[1]["rules"][1]["runs"]
    assert [run["changes"] for run in runs] == [None, "net:reach", "net:hop"]
    assert runs[1]["steps"][1]["index"] == ["x"]
    assert {run["gives"] for run in runs} == {"net:reach"}


@pytest.mark.usefixtures("files")
def test_a_table_that_nothing_gives_is_told(capsys: Output) -> None:
    assert main(["plan", "net", "--table", "opn"]) == USAGE
    assert "gives the table 'net:opn'; there are: net:allowed, net:" in capsys.readouterr().err


def test_an_empty_policy_has_nothing_to_run(files: Path, capsys: Output) -> None:
    (files / "empty.dl").write_text("// nothing\n")
    assert main(["plan", "empty.dl"]) == OK
    assert "nothing to run" in capsys.readouterr().out
