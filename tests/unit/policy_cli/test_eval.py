"""The verb `eval`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from congress_dist.cli import OK, UNAVAILABLE, USAGE, main

Output = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("files")
NET = ["eval", "net", "--data", "data"]


def test_a_query_prints_the_rows_sorted_under_its_variables(capsys: Output) -> None:
    assert main([*NET, "open_port(s, p)"]) == OK
    assert capsys.readouterr().out == "s   p\ns1  80\ns2  5432\n"


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("open_port(s, p)", ["s", "p"]),
        ('open_port("s1", _)', ["server", "port"]),
        ("open_port(port=p)", ["server", "port"]),
        ("ans(p, p, 1) :- open_port(_, p), p < 100", ["p", "Col1", "Col2"]),
        ("nova:ports(x, x)", ["x", "port"]),
    ],
)
def test_columns_have_names(capsys: Output, query: str, columns: list[str]) -> None:
    assert main([*NET, query, "--format", "csv"]) == OK
    assert capsys.readouterr().out.splitlines()[0].split(",") == columns


def test_json_keeps_types(capsys: Output) -> None:
    assert main([*NET, 'open_port("s1", p)', "--format", "json"]) == OK
    assert json.loads(capsys.readouterr().out) == [{"server": "s1", "p": 80}]


def test_a_table_that_is_not_known_is_told(capsys: Output) -> None:
    assert main([*NET, "nova:links(x, y)"]) == UNAVAILABLE
    assert "incomplete: nova:links: nova did not answer" in capsys.readouterr().err


def test_what_is_doubtful_about_a_query_is_told(capsys: Output) -> None:
    assert main([*NET, "open_port(s)"]) == OK
    assert "<query>:1:1: warning[arity]: table 'net:open_port' has 2" in capsys.readouterr().err


def test_calls_that_failed_are_told(capsys: Output, tmp_path: Path) -> None:
    (tmp_path / "b.dl").write_text("bad(y) :- nova:servers(id=x), plus(x, 1, y)\n")
    assert main(["eval", "b.dl", "--data", "data", "bad(x)"]) == OK
    err = capsys.readouterr().err
    assert "failed, so no row: plus('s" in err
    assert "2 times" in err


def test_one_failure_is_told_as_one(capsys: Output, tmp_path: Path) -> None:
    (tmp_path / "b.dl").write_text("bad(y) :- div(1, 0, y)\n")
    assert main(["eval", "b.dl", "bad(x)"]) == OK
    assert "failed, so no row: div(1, 0), 1 time: " in capsys.readouterr().err


def test_policies_work_without_data(capsys: Output) -> None:
    assert main(["eval", "net", "allowed(x)", "--format", "csv"]) == OK
    assert capsys.readouterr().out == "x\n22\n"


def test_several_policies_read_each_other(files: Path, capsys: Output) -> None:
    (files / "b.dl").write_text("p(x) :- net:open_port(server=x)\n")
    assert main(["eval", "b.dl", "net", "--data", "data", "p(x)", "--format", "csv"]) == OK
    assert capsys.readouterr().out == "x\ns1\ns2\n"


def test_the_clock_stands_at_the_given_time(capsys: Output) -> None:
    arguments = ["eval", "net", "clock:now(x)", "--now", "2026-01-31 12:00:00", "--format", "csv"]
    assert main(arguments) == OK
    assert capsys.readouterr().out == "x\n2026-01-31 12:00:00\n"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("open_port(s", "error[syntax]"),
        ("ans(x) :- open_port(s, p)", "error[unsafe-variable]"),
        ("open_port(colour=c)", "error[unknown-column]"),
        ("p(1) p(2)", "a query is one statement"),
        ("", "a query is one statement"),
    ],
)
def test_a_wrong_query_is_told(capsys: Output, query: str, message: str) -> None:
    assert main([*NET, query]) == USAGE
    assert message in capsys.readouterr().err


def test_a_wrong_policy_is_told_with_its_place(files: Path, capsys: Output) -> None:
    (files / "net" / "z.dl").write_text("p(x) :- nova:servers(nam=x)")
    assert main([*NET, "p(x)"]) == USAGE
    assert "net/z.dl:1:" in capsys.readouterr().err


@pytest.mark.parametrize("time", ["yesterday", "2026-02-31 00:00:00", ""])
def test_a_time_that_is_none_is_refused(capsys: Output, time: str) -> None:
    assert main([*NET, "--now", time, "allowed(x)"]) == USAGE
    assert "is no time" in capsys.readouterr().err


@pytest.mark.parametrize(
    "time", ["2026-01-31 12:00:00", "2026-01-31T13:00+01:00", "2026-01-31T12:00:00Z"]
)
def test_the_clock_holds_a_time_in_utc(capsys: Output, time: str) -> None:
    assert main([*NET, "--now", time, "clock:now(t)", "--format", "csv"]) == OK
    assert capsys.readouterr().out == "t\n2026-01-31 12:00:00\n"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("nosuch(x)", "warning[unknown-table]: nothing defines the table 'net:nosuch'"),
        ("alowed(x)", "did you mean 'allowed'"),
        ("nova:nosuch(x)", "the datasource 'nova' has no table 'nosuch'"),
        ("ans(x) :- div(1, 0, x)", "failed, so no row: div(1, 0), 1 time: "),
    ],
)
def test_a_query_without_rows_says_why(capsys: Output, query: str, said: str) -> None:
    main([*NET, query])
    assert said in capsys.readouterr().err


def test_a_query_without_columns_is_true_or_false(capsys: Output) -> None:
    assert main([*NET, "ans() :- true"]) == OK
    assert main([*NET, "ans() :- false"]) == OK
    assert capsys.readouterr().out == "true\nfalse\n"
    assert main([*NET, "ans() :- true", "--format", "json"]) == OK
    assert json.loads(capsys.readouterr().out) == [{}]
