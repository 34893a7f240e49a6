"""Directories that cannot be read are told in one line, by every verb that reads files."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from congress_dist.cli import USAGE, main

Output = pytest.CaptureFixture[str]


@pytest.fixture
def closed(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a directory that nobody may look into; permissions would not keep root out."""
    (files / "closed").mkdir()
    (files / "closed" / "net.dl").write_text("p(1)\n")
    for name, is_behind in (("listdir", False), ("scandir", False), ("stat", True)):
        monkeypatch.setattr(os, name, _refusing(getattr(os, name), is_behind=is_behind))


def _refusing(call: Callable[..., Any], *, is_behind: bool) -> Callable[..., Any]:
    def refuse(path: Any = ".", *args: Any, **kwargs: Any) -> Any:
        place = Path(path) if isinstance(path, str | Path) else Path()
        if (place.parent if is_behind else place).name == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return call(path, *args, **kwargs)

    return refuse


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "closed"],
        ["check", "."],
        ["check", "closed/net.dl"],
        ["plan", "closed"],
        ["eval", "closed", "p(x)"],
        ["fmt", "closed"],
        ["fmt", "."],
        ["test", "closed"],
        ["test", "."],
        ["eval", "net", "--data", "closed", "allowed(x)"],
        ["eval", "net", "--data", ".", "allowed(x)"],
    ],
)
@pytest.mark.usefixtures("closed")
def test_a_directory_that_cannot_be_read_is_told(arguments: list[str], capsys: Output) -> None:
    assert main(arguments) == USAGE
    told = capsys.readouterr()
    assert "Permission denied" in told.out + told.err
    assert "'closed" in told.out + told.err
    assert "Traceback" not in told.err


def test_a_file_that_is_not_utf_8_is_told_with_line_and_remedy(
    files: Path, capsys: Output
) -> None:
    (files / "net" / "net.dl").write_bytes(b"p(1)\nq('caf\xe9')\n")
    assert main(["eval", "net", "p(x)"]) == USAGE
    told = capsys.readouterr().err
    assert "net/net.dl' is not UTF-8: line 2: " in told
    assert "save it as UTF-8" in told


@pytest.mark.parametrize("name", ["9x.dl", "not.dl", "builtin.dl", "sp ace.dl"])
def test_a_policy_that_no_rule_can_name_is_refused_with_its_path(
    files: Path, capsys: Output, name: str
) -> None:
    (files / name).write_text("p(1)\n")
    assert main(["eval", name, "p(x)"]) == USAGE
    assert f"the policy of '{name}' cannot be named" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ('{"a b": {"t": ["x"]}}', "a datasource cannot be named 'a b'"),
        ('{"a": {"t u": ["x"]}}', "a table named 't u'"),
        ('{"a": {"t": ["x", ""]}}', "'' is no name of a column"),
        ('{"a": {"t": ["x", "x"]}}', "'x' is named twice"),
    ],
)
def test_recorded_tables_have_names(files: Path, capsys: Output, schema: str, said: str) -> None:
    (files / "data" / "schema.json").write_text(f'{{"sources": {schema}}}')
    assert main(["eval", "net", "--data", "data", "allowed(x)"]) == USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", ""],
        ["eval", "", "p(x)"],
        ["test", ""],
        ["fmt", ""],
        ["plan", "net", "--data", ""],
    ],
)
@pytest.mark.usefixtures("files")
def test_an_empty_path_is_not_this_directory(arguments: list[str], capsys: Output) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == USAGE
    assert "a path is empty" in capsys.readouterr().err


def test_standard_input_that_is_not_utf_8_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"p('caf\xe9')")))
    assert main(["fmt", "-"]) == USAGE
    assert "'<stdin>' is not UTF-8: line 1" in capsys.readouterr().err
