"""Findings in a library policy name the line of its YAML file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from congress_dist.cli import USAGE, main

Output = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("files")

LIBRARY = """\
name: lib
rules:
- rule: p(x) :- q(x, y, y)
- severity: hihg
  rule: |
    // which
    q(x, 1,
      z)
- rule: "r(1)
    :- s(u)"
- {comment: "", rule: "t(w)"}
"""


def places(out: str) -> list[str]:
    return [line for line in out.splitlines() if line.startswith("lib.yaml")]


def test_each_style_of_text_has_its_line(files: Path, capsys: Output) -> None:
    (files / "lib.yaml").write_text(LIBRARY)
    assert main(["check", "lib.yaml"]) == USAGE
    found = [
        line.split(": ")[0] + " " + line.split("[")[1].split("]")[0]
        for line in places(capsys.readouterr().out)
    ]
    assert found == [
        "lib.yaml:4:13 severity",
        "lib.yaml:7:7 fact-not-ground",
        "lib.yaml:9:9 unknown-table",
        "lib.yaml:9:9 singleton-variable",
        "lib.yaml:11:26 fact-not-ground",
    ]


def test_the_line_of_the_file_is_shown(files: Path, capsys: Output) -> None:
    (files / "lib.yaml").write_text("rules:\n- name: a\n  id: b\n  rule: p(1) :- q(\n")
    assert main(["check", "lib.yaml"]) == USAGE
    assert capsys.readouterr().out.startswith(
        "lib.yaml:4:18: error[syntax]: the bracket '(' is never closed\n"
        "      rule: p(1) :- q(\n"
        "                     ^\n"
    )


def test_sarif_has_the_line_of_the_file(files: Path, capsys: Output) -> None:
    (files / "lib.yaml").write_text("rules:\n- rule: p(1)\n- rule: q(x)\n")
    assert main(["check", "lib.yaml", "--format", "sarif"]) == USAGE
    (result,) = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    region = result["locations"][0]["physicalLocation"]["region"]
    assert (region["startLine"], region["startColumn"]) == (3, 11)
