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
        (["net", "odd", "s1"], "'net' has no table"),
        (["nowhere", "p"], "'nowhere' is neither a file nor a directory"),
        (["net", "odd:p", "1"], "there is no policy or datasource 'odd'"),
    ],
)
def test_what_is_not_there_is_told(capsys: Output, arguments: list[str], message: str) -> None:
    assert main(["explain", *arguments, "--data", "data"]) == USAGE
    assert message in capsys.readouterr().err


def why_not(*words: str) -> list[str]:
    return ["explain", "net", *words, "--data", "data", "--why-not"]


@pytest.mark.usefixtures("files")
def test_why_not_names_what_fails_first(capsys: Output) -> None:
    assert main(why_not("open_port", "s1", "22")) == OK
    assert capsys.readouterr().out.splitlines() == [
        "net:open_port(server=s1, port=22) is not there",
        (
            "└─ by open_port(server, port) :- nova:servers(id=server), nova:ports(server=server,"
            " port=port), not allowed(port)"
        ),
        '      holds  nova:servers(id="s1")',
        '      holds  nova:ports(server="s1", port=22)',
        "      fails  not allowed(22): there is such a row",
    ]


def test_why_not_tells_each_rule_and_alternative(files: Path, capsys: Output) -> None:
    (files / "net" / "more.dl").write_text(
        'r(x) :- nova:servers(id=x), (x = "s2" or nova:ports(server=x, port=443))\n'
        "r(x) :- nova:links(x, _)\n"
        "n(x, count(p)) :- nova:ports(server=x, port=p)\n"
        "one(x, 1) :- nova:servers(id=x)\n"
    )
    assert main(why_not("r", "s1")) == UNAVAILABLE
    out, err = capsys.readouterr()
    first = 'r(x) :- nova:servers(id=x), (x = "s2" or nova:ports(server=x, port=443))'
    assert out.splitlines() == [
        "net:r(x=s1) is not there, as far as is known",
        f"├─ by alternative 1 of {first}",
        '│     holds  nova:servers(id="s1")',
        '│     fails  "s1" = "s2": it does not hold',
        f"├─ by alternative 2 of {first}",
        '│     holds  nova:servers(id="s1")',
        '│     fails  nova:ports(server="s1", port=443): there is no such row',
        "└─ by r(x) :- nova:links(x, _)",
        '      unsure nova:links("s1", _): not known: nova:links: nova did not answer',
    ]
    assert "incomplete: nova:links: nova did not answer" in err
    assert main(why_not("n", "s1", "7")) == OK
    assert "the rows of the group give another value" in capsys.readouterr().out
    assert main(why_not("one", "s1", "2")) == OK
    assert "fails  its head is another row" in capsys.readouterr().out


def test_why_not_of_many_rules_says_that_there_are_more(files: Path, capsys: Output) -> None:
    rules = "\n".join(f"r(x) :- nova:ports(x, {port})" for port in range(1000, 1101))
    (files / "net" / "more.dl").write_text(rules)
    assert main(why_not("r", "s1")) == OK
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "└─ more rules are left out"
    assert lines[-3].startswith("├─ by r(x)")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["open_port", "s1", "80"], "net:open_port(server=s1, port=80) is there"),
        (["nova:ports", "s1", "1"], "   no rule could give it; the rows of this table are facts,"),
    ],
)
def test_why_not_of_rows_that_no_rule_keeps_away(
    capsys: Output, words: list[str], line: str
) -> None:
    assert main(why_not(*words)) == OK
    assert line in capsys.readouterr().out


@pytest.mark.usefixtures("files")
def test_why_not_gives_plain_values(capsys: Output) -> None:
    assert main([*why_not("open_port", "s1", "22"), "--format", "json"]) == OK
    value = json.loads(capsys.readouterr().out)
    assert value["missing"] == {}
    assert value["why_not"]["columns"] == ["server", "port"]
    (obstacle,) = value["why_not"]["obstacles"]
    assert (obstacle["rule_id"], obstacle["because"]) == ("NET-1", "presence")
    assert main([*why_not("open_port", "s1", "22"), "--format", "yaml"]) == OK
    assert "because: presence" in capsys.readouterr().out


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (why_not("opn", "s1"), "'net' has no table 'opn'; there are: allowed, "),
        (why_not("odd:p", "s1"), "there is no policy or datasource 'odd'"),
        (why_not("open_port", "s1"), "'net:open_port' has 2 columns, the row 1"),
        (["explain", "net", "open_port", "s1", "--why-not"], "name recorded tables by --data"),
    ],
)
def test_why_not_of_what_is_not_there_is_refused(
    capsys: Output, arguments: list[str], message: str
) -> None:
    assert main(arguments) == USAGE
    assert message in capsys.readouterr().err


def test_a_row_that_nobody_knows_is_not_denied(files: Path, capsys: Output) -> None:
    (files / "u.dl").write_text("p(x) :- nova:links(x, _)\nq(x) :- p(x)\nr(1)\n")
    assert main(["explain", "u.dl", "q", "7", "--data", "data"]) == UNAVAILABLE
    told = capsys.readouterr().err
    assert "'u:q' has no row [7] as far as is known" in told
    assert "incomplete: nova:links: nova did not answer" in told
    assert main(["explain", "u.dl", "r", "7", "--data", "data"]) == USAGE
    assert main(["explain", "u.dl", "x:r", "7", "--data", "data"]) == USAGE
