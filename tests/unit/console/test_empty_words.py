"""An empty path or name on the command line is wrong usage, and never stands for something."""

from __future__ import annotations

import pytest

from congress_dist.cli import USAGE, main

Output = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "net", "p", "1", "--data", ""],
        ["explain", "net", "p", "1", "--data", "data", "--with", ""],
        ["up", "--policy", ""],
        ["up", "--config", ""],
        ["up", "--data-dir", ""],
        ["node", "policy", "r1", "--data-dir", ""],
        ["policy", "create", "--from", ""],
        ["test", "x.test.yaml", "--output", ""],
        ["check", ""],
        ["bench", ""],
        ["repl", ""],
    ],
)
def test_an_empty_path_is_refused(words: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == USAGE
    assert "a path is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["explain", "", "p", "1", "--data", "data"],
        ["explain", "net", " ", "1"],
        ["node", "policy", ""],
        ["plan", "net", "--table", ""],
        ["policy", "show", ""],
        ["policy", "delete", ""],
        ["rule", "list", ""],
        ["rule", "delete", "net", ""],
        ["table", "rows", "net", ""],
        ["violation", "list", "--policy", ""],
        ["datasource", "schema", ""],
    ],
)
def test_an_empty_name_is_refused(words: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as left:
        main(words)
    assert left.value.code == USAGE
    assert "a name is empty" in capsys.readouterr().err
