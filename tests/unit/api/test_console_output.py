"""What the verbs print."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from congress_dist.derivation_text import cell_of, tree_lines
from congress_dist.formats import (
    print_freshness,
    print_record,
    print_records,
    print_rows,
    print_value,
)

Output = pytest.CaptureFixture[str]


def test_rows_are_aligned_and_never_cut(capsys: Output) -> None:
    print_rows(("pid", "path"), [[1, "/sbin/init"], [20, "x" * 300], [3, None]], "table")
    assert capsys.readouterr().out.splitlines() == [
        "pid  path",
        "1    /sbin/init",
        "20   " + "x" * 300,
        "3    -",
    ]


def test_a_table_without_rows_still_names_its_columns(capsys: Output) -> None:
    print_rows(("pid", "path"), [], "table")
    assert capsys.readouterr().out == "pid  path\n"


def test_true_and_false_are_written_as_in_rules(capsys: Output) -> None:
    print_rows(("up", "name"), [[True, "True"], [False, 1]], "table")
    assert capsys.readouterr().out == "up     name\ntrue   True\nfalse  1\n"


def test_control_characters_do_not_reach_the_terminal(capsys: Output) -> None:
    print_rows(("name",), [["\x1b[31mred\n"]], "table")
    assert capsys.readouterr().out == "name\n\\x1b[31mred\\n\n"


def test_csv_quotes_what_needs_it(capsys: Output) -> None:
    print_rows(("a", "b"), [[1, 'say "x", twice'], [None, "two\nlines"]], "csv")
    assert capsys.readouterr().out == 'a,b\n1,"say ""x"", twice"\n,"two\nlines"\n'


def test_json_and_yaml_hold_whole_records(capsys: Output) -> None:
    records = [{"name": "ü", "rule": "p(x) :-\n  q(x)", "more": [1, None]}]
    print_records(("name",), records, "json")
    assert json.loads(capsys.readouterr().out) == records
    print_records(("name",), records, "yaml")
    assert yaml.safe_load(capsys.readouterr().out) == records


def test_one_record_is_a_line_per_key(capsys: Output) -> None:
    print_record({"name": "a", "rules": [1, 2]}, "table")
    assert capsys.readouterr().out == "field  value\nname   a\nrules  [1, 2]\n"
    print_value({"a": None}, "json")
    assert capsys.readouterr().out == '{\n  "a": null\n}\n'


def test_what_is_missing_or_stale_is_told_beside_the_output(capsys: Output) -> None:
    answer = {
        "missing": {"apt:updates": "run apt-get update"},
        "as_of": {"nova": {"stale": True}, "apt": {"stale": False}},
    }
    assert not print_freshness(answer)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == "incomplete: apt:updates: run apt-get update\nstale: nova\n"
    assert print_freshness({"missing": {}, "as_of": {"nova": {"stale": False}}})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("text", "cell"),
    [("22", 22), ('"22"', "22"), ("sshd", "sshd"), ("null", None), ("true", True), ("1.5", 1.5),
     ("[1]", "[1]"), ("{}", "{}"), ("", ""), ("NaN", "NaN"), ("/bin/sh", "/bin/sh")],
)  # fmt: skip
def test_values_are_json_scalars_or_text(text: str, cell: object) -> None:
    read = cell_of(text)
    assert (type(read), read) == (type(cell), cell)


def derivation(policy: str, table: str, rule: str, *children: object) -> dict[str, Any]:
    return {
        "policy": policy,
        "table": table,
        "columns": ["port"],
        "row": [22],
        "rule": rule,
        "rule_id": "",
        "title": "",
        "absences": [],
        "is_cut": False,
        "children": list(children),
    }


def test_a_derivation_is_drawn_as_a_tree() -> None:
    rule = derivation("mine", "q", "q(x) :- s:port(x, y)", derivation("s", "port", ""))
    rule["absences"] = [{"atom": "blocked(22)", "is_ground": True}]
    top = derivation(
        "mine", "p", "p(x) :-\n  q(x),\n  r(x)", rule, derivation("mine", "r", "r(22)")
    )
    top["title"] = "Port 22 is open"
    assert "\n".join(tree_lines(top)) == (
        "mine:p(port=22)\n"
        "│ Port 22 is open\n"
        "│ by p(x) :-\n"
        "│      q(x),\n"
        "│      r(x)\n"
        "├─ mine:q(port=22)\n"
        "│  │ by q(x) :- s:port(x, y)\n"
        "│  │ no row matches blocked(22)\n"
        "│  └─ s:port(port=22)\n"
        "└─ mine:r(port=22)\n"
        "     by r(22)"
    )


def test_importing_a_verb_imports_nothing_slow() -> None:
    slow = ["falcon", "uvicorn", "oslo_config", "oslo_messaging", "rich", "yaml", "msgspec",
            "pyparsing", "networkx", "sqlalchemy"]  # fmt: skip
    verbs = ["policy", "rule", "table", "violation", "explain", "datasource"]
    code = "import sys\n" + "".join(f"import congress_dist.api.console.{v}\n" for v in verbs)
    code += f"print([name for name in {slow} if name in sys.modules])"
    output = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True, cwd="/"
    )
    assert output.stdout.strip() == "[]"
