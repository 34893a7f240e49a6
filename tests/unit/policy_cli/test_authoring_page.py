"""docs/authoring.md: its files are written and its commands run, and print what it shows."""

from __future__ import annotations

import io
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from congress_dist.cli import OK, main

PAGE = Path(__file__).parents[3] / "docs" / "authoring.md"
Block = tuple[str, str]


def blocks(text: str) -> Iterator[Block]:
    for match in re.finditer(r"^```(\S.*)\n((?s:.*?))^```$", text, re.MULTILINE):
        yield match[1], match[2]


def run(line: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run `$ congress …`, perhaps after `printf '…' |`."""
    words = shlex.split(line.removeprefix("$ "))
    if words[0] == "printf":
        monkeypatch.setattr("sys.stdin", io.StringIO(words[1].encode().decode("unicode_escape")))
        words = words[3:]
    assert words[0] == "congress"
    return main(words[1:])


def without_figures(text: str) -> str:
    """Leave out what every run measures anew: figures with a point, and the width they take."""
    return re.sub(r" *\d+\.\d+", " #", text)


def test_every_file_and_command_of_the_page_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = 0
    for kind, text in blocks(PAGE.read_text()):
        if "file=" in kind:
            path = tmp_path / kind.partition("file=")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            continue
        name, _, code = kind.partition(" exit=")
        assert name in ("console", "console figures")
        line, _, expected = text.partition("\n")
        assert run(line, monkeypatch) == int(code or OK), line
        captured = capsys.readouterr()
        printed = captured.out + captured.err
        if name == "console figures":
            printed, expected = without_figures(printed), without_figures(expected)
        assert printed == expected, line
        commands += 1
    assert commands >= 10


def test_every_block_says_what_it_is() -> None:
    fences = re.findall(r"^```.*$", PAGE.read_text(), re.MULTILINE)
    assert all(fence != "```" for fence in fences[::2])
