"""What the command line does when its output cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from congress_dist.cli import OK, UNAVAILABLE

VERBS = [["version"], ["eval", "a.dl", "p(x)"], ["plan", "a.dl"], ["check", "a.dl"]]


def run(arguments: list[str], redirection: str, directory: Path) -> tuple[int, str]:
    command = f'exec "$@" {redirection}'
    python = [sys.executable, "-m", "congress_dist.cli", *arguments]
    words = ["sh", "-c", command, "sh", *python]
    done = subprocess.run(words, cwd=directory, stderr=subprocess.PIPE, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize("arguments", VERBS, ids=" ".join)
@pytest.mark.parametrize(
    ("redirection", "reason"),
    [(">/dev/full", os.strerror(28)), (">&-", "Bad file descriptor")],
)
def test_an_output_that_cannot_be_written_is_told_in_one_line(
    tmp_path: Path, arguments: list[str], redirection: str, reason: str
) -> None:
    (tmp_path / "a.dl").write_text("p(1)\n")
    code, told = run(arguments, redirection, tmp_path)
    assert (code, told) == (
        UNAVAILABLE,
        f"congress: the output cannot be written: {reason}; name another place\n",
    )


def test_without_standard_error_the_output_is_written(tmp_path: Path) -> None:
    (tmp_path / "a.dl").write_text("p(1)\n")
    assert run(["eval", "a.dl", "p(x)"], ">out 2>&-", tmp_path)[0] == OK
    assert (tmp_path / "out").read_text() == "x\n1\n"
