"""The verb `test`: cases in YAML."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from congress_dist.cli import FAILED, OK, USAGE, main

Output = pytest.CaptureFixture[str]

GIVEN = """\
policies: net
facts:
  nova:servers: [{id: s1}, {id: s2}]
  nova:ports: [{server: s1, port: 80}, {server: s2, port: 22}]
"""


def run(files: Path, text: str, *options: str) -> int:
    (files / "a.test.yaml").write_text(text)
    return main(["test", "a.test.yaml", *options])


@pytest.mark.parametrize(
    "expected",
    [
        "expect: {open_port: [[s1, 80]]}",
        "expect: {net:open_port: {exactly: [{server: s1}], count: 1}}",
        "expect: {open_port: {contains: [[s1, 80]], absent: [[s2, 22], {server: s2}]}}",
        "expect: {allowed: [22]}",
        "rules: 'p(x) :- now(x)'\nnow: 2026-01-31 12:00:00\nexpect: {p: ['2026-01-31 12:00:00']}",
        "rules: 'p(x) :- now(x)'\nnow: 2026-01-31\nexpect: {p: ['2026-01-31 00:00:00']}",
        "missing: [nova:ports]\nexpect: {open_port: {incomplete: true}}",
        "missing: {nova:ports: why}\nexpect: {open_port: {incomplete: true, count: 0}}",
        "rules: 'p(x, y) :- net:allowed(x)'\nexpect_error: unsafe-variable",
        "rules: 'p('\nexpect_error: {code: syntax, contains: never closed}",
        (
            "expect_why: [{table: open_port, row: [s1, 80], rule: NET-1,\n"
            "  uses: {nova:servers: [{id: s1}], nova:ports: [[s1, 80]]}}]"
        ),
        "expect_why: [{table: allowed, row: 22, rule: allowed(22)}]",
    ],
)
def test_what_is_as_expected_passes(files: Path, capsys: Output, expected: str) -> None:
    code = run(files, f"{GIVEN}{expected}\n")
    out = capsys.readouterr().out
    assert "1 case: 1 passed, 0 failed" in out
    assert code == OK


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        ("expect: {open_port: [[s1, '80']]}", 'lacks rows\n    - ("s1", "80")'),
        ("expect: {open_port: []}", 'has rows that must not be there\n    + ("s1", 80)'),
        ("expect: {open_port: {absent: [[s1, 80]]}}", "must not be there"),
        ("expect: {open_port: {contains: [[s1]]}}", "rows have 2 cells: server, port"),
        ("expect: {open_port: {contains: [{host: s1}]}}", "there is no column 'host'; it has"),
        ("expect: {open_port: {count: 2}}", "has 1 row, expected 2"),
        ("expect: {openport: []}", "nothing defines the table 'net:openport'; there are: allowed"),
        ("expect: {nett:p: []}", "there is no policy 'nett'"),
        ("missing: [nova:ports]\nexpect: {open_port: []}", "open_port is incomplete (nova:ports:"),
        ("expect: {open_port: {incomplete: true}}", "is complete, expected that it is not"),
        ("expect_error: syntax", "expected the error syntax, the policies were accepted"),
        (
            "rules: 'p('\nexpect_error: unsafe-variable",
            "expected the error unsafe-variable, found",
        ),
        ("rules: 'p('\nexpect: {open_port: []}", "the policies were refused"),
        ("expect_why: [{table: open_port, row: [s9, 1]}]", 'has no row ("s9", 1)'),
        (
            "expect_why: [{table: open_port, row: [s1, 80], rule: X}]",
            "follows by 'NET-1', expected 'X'",
        ),
        (
            "expect_why: [{table: open_port, row: [s1, 80], uses: {nova:ports: [[s2, 22]]}}]",
            'does not use nova:ports("s2", 22); of that table it uses: ("s1", 80)',
        ),
    ],
)
def test_what_is_not_as_expected_fails_and_says_why(
    files: Path, capsys: Output, expected: str, message: str
) -> None:
    code = run(files, f"{GIVEN}{expected}\n")
    assert message in capsys.readouterr().out
    assert code == FAILED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "is not YAML"),
        ("- 1", "expected a mapping, found a list"),
        ("policies: net\nexpects: {}", "there is no key 'expects'; did you mean 'expect'?"),
        ("policies: net", "expects nothing"),
        ("policies: nowhere\nexpect: {p: []}", "'nowhere' is neither a file nor a directory"),
        ("expect: {p: []}", "name the policies"),
        ("policies: 7\nexpect: {p: []}", "policies: expected a list, found 7"),
        ("policies: net\nexpect: 7", "expect: expected a mapping, found 7"),
        ("policies: net\nexpect: {p: 7}", "expect: p: expected a mapping, found 7"),
        ("policies: net\nexpect: {p: {count: x}}", "count: expected a number, found text"),
        (
            "policies: net\nexpect: {p: {incomplete: 'no'}}",
            "incomplete: expected true or false",
        ),
        ("policies: net\nexpect: {p: {exact: []}}", "no key 'exact'; did you mean 'exactly'?"),
        ("policies: net\nexpect: {p: [[2026-01-01]]}", "is no cell; quote it"),
        ("policies: net\nexpect: {p: [[[1]]]}", "a list is no cell; write a plain value"),
        ("policies: net\nexpect_why: [{row: 1}]", "'table' is missing"),
        ("policies: net\nexpect_error: {}", "name the code"),
        ("policies: net\nkind: odd\nexpect: {p: []}", "there is no policy kind 'odd'"),
        ("policies: net\ndata: nowhere\nexpect: {p: []}", "there is no directory 'nowhere'"),
        ("policies: net\nfacts: {d:t: []}\nexpect: {p: []}", "its columns are not known"),
        ("policies: net\nfacts: {allowed: [{x: 1}]}\nexpect: {p: []}", "rows of a policy's table"),
        ("policies: net\nmissing: [d:t]\nexpect: {p: []}", "no table 'd:t' is known"),
        ("policies: net\nexpect: {}\ncases: []", "'expect' belongs into a case"),
        ("policies: net\ncases: []", "'cases' is empty, so nothing is tested"),
        ("policies: net\nexpect: {p: []}\nexpect: {q: []}", "the key 'expect' stands twice"),
        ("policies: net\nnow: yesterday\nexpect: {p: []}", "now: 'yesterday' is no time"),
        ("policies: net\nnow: ''\nexpect: {p: []}", "now: '' is no time"),
        ("policies: net\nnow: 2026-02-31\nexpect: {p: []}", "is not YAML: day is out of range"),
        (
            "policies: net\ncases: [{name: a, expect: {}}, {name: a, expect: {}}]",
            "two cases are named 'a'",
        ),
        ("policies: net\ncases: [7]", "cases, entry 1: expected a mapping, found 7"),
        (
            "policies: net\nschemas: {d: {t: [a]}}\nfacts: {d:t: [[1, 2]]}\nexpect: {p: []}",
            "facts: d:t, row 1: the row has 2 cells, expected 1: a",
        ),
    ],
)
def test_a_wrong_test_file_is_told_with_its_place(
    files: Path, capsys: Output, text: str, message: str
) -> None:
    assert run(files, text) == USAGE
    out = capsys.readouterr().out
    assert message in out
    assert out.startswith("error a.test.yaml")


CASES = """\
policies: ../net
data: ../data
cases:
- name: recorded tables
  expect: {open_port: [[s1, 80], [s2, 5432]]}
- name: facts stand for recorded rows
  facts:
    nova:ports: [{server: s1}]
    allowed: [0]
  expect: {open_port: []}
- name: wrong
  expect: {open_port: []}
"""


def test_cases_share_what_is_given(files: Path, capsys: Output) -> None:
    (files / "tests").mkdir()
    (files / "tests" / "b.test.yaml").write_text(CASES)
    assert main(["test", "tests", "-v"]) == FAILED
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [
        "passed tests/b.test.yaml: recorded tables",
        "passed tests/b.test.yaml: facts stand for recorded rows",
        "FAILED tests/b.test.yaml: wrong",
    ]
    assert lines[-2] == "3 cases: 2 passed, 1 failed"
    assert main(["test", "tests", "-k", "recorded"]) == OK
    assert main(["test", "tests", "-k", "nothing"]) == USAGE


def test_junit_is_written_to_a_file(files: Path, capsys: Output) -> None:
    (files / "tests").mkdir()
    (files / "tests" / "b.test.yaml").write_text(CASES.replace("name: wrong", 'name: "a\\x01b"'))
    (files / "tests" / "c.test.yaml").write_text("- 1")
    arguments = ["test", "tests", "--format", "junit"]
    assert main([*arguments, "--output", "r.xml"]) == USAGE
    assert "4 cases: 2 passed, 2 failed" in capsys.readouterr().out
    root = ET.parse(files / "r.xml").getroot()  # noqa: S314
    assert root.attrib["tests"] == "4"
    assert [suite.attrib["failures"] for suite in root] == ["0", "1"]
    assert [case.attrib["name"] for case in root[1]][2] == "a?b"
    assert "must not be there" in (root[1][2][0].text or "")
    assert main(arguments) == USAGE
    assert capsys.readouterr().out.startswith("<?xml")
    assert main([*arguments, "--output", "no/where.xml"]) == USAGE
    assert "'no/where.xml' cannot be written" in capsys.readouterr().err


def test_rules_that_no_case_covers_are_listed(files: Path, capsys: Output) -> None:
    (files / "net" / "z.dl").write_text(
        "\nnever(x) :-\n  open_port(x, 1)\nalso(x) :- allowed(x)\n"
    )
    assert run(files, f"{GIVEN}expect: {{open_port: [[s1, 80]]}}\n", "--coverage") == OK
    out = capsys.readouterr().out
    assert "2 of 3 rules derived something in a case" in out
    assert "  not covered: net/z.dl:2: never(x) :- open_port(x, 1)\n" in out
    assert main(["test", "a.test.yaml", "--min-coverage", "60"]) == OK
    assert main(["test", "a.test.yaml", "--min-coverage", "70"]) == FAILED


def test_a_rule_that_cannot_run_is_not_covered_by_its_table(files: Path, capsys: Output) -> None:
    (files / "net" / "z.dl").write_text(
        "allowed(x) :- other:t(name=x)\nseen(x) :- other:t(x, _), allowed(x)\n"
    )
    assert run(files, f"{GIVEN}expect: {{allowed: {{contains: [22], incomplete: true}}}}\n") == OK
    assert "0 of 3 rules derived something in a case" in capsys.readouterr().out


def test_rules_of_actions_are_covered_like_others(files: Path, capsys: Output) -> None:
    (files / "net" / "z.dl").write_text(
        "execute[nova:stop(s)] :- open_port(s, 80)\nexecute[nova:start(s)] :- open_port(s, 1)\n"
    )
    assert run(files, f"{GIVEN}expect: {{open_port: [[s1, 80]]}}\n", "--coverage") == OK
    out = capsys.readouterr().out
    assert "2 of 3 rules derived something in a case" in out
    assert "not covered: net/z.dl:2: execute[nova:start(s)] :- open_port(s, 1)\n" in out


@pytest.mark.usefixtures("files")
def test_a_place_without_tests_is_refused(capsys: Output) -> None:
    assert main(["test", "net"]) == USAGE
    assert "holds no test file; name them *.test.yaml" in capsys.readouterr().err
    assert main(["test", "nowhere"]) == USAGE


def test_results_go_into_a_file_that_is_replaced_as_a_whole(files: Path, capsys: Output) -> None:
    text = f"{GIVEN}expect: {{open_port: [[s1, 80]]}}\n"
    (files / "results").write_text("an older and longer text " * 20)
    assert run(files, text, "--output", "results") == OK
    assert (files / "results").read_text() == capsys.readouterr().out
    assert run(files, text, "--output", "nowhere/results") == USAGE
    assert "'nowhere/results' cannot be written: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("percent", ["-5", "200", "nan", "half"])
def test_a_percentage_is_from_0_to_100(percent: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["test", "tests", "--min-coverage", percent])
    assert ended.value.code == USAGE
    assert "is no percentage" in capsys.readouterr().err
