"""What README.md and docs/ show works on a running system: commands, requests, rules."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import ROOT, System

pytestmark = pytest.mark.integration

PAGES = [ROOT / "README.md", ROOT / "docs" / "host_safety.md", ROOT / "docs" / "operations.md"]
USAGE_ERROR = 2


def blocks(page: Path) -> Iterator[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    yield from (text for language, text in found if not language)


def examples(kind: str) -> list[object]:
    found = []
    for page in PAGES:
        for block in blocks(page):
            lines = block.splitlines()
            if kind == "rule" and ":-" in block:
                found.append(pytest.param(block, id=f"{page.name}: {lines[0][:40]}"))
            found += [
                pytest.param(line.strip(), id=f"{page.name}: {line.strip()[:60]}")
                for line in lines
                if kind != "rule" and re.match(rf"\s*(\.venv/bin/)?{kind} ", line)
            ]
    return found


@pytest.mark.parametrize("line", examples("congress"))
def test_command_of_the_docs_runs(host_system: System, line: str) -> None:
    words = shlex.split(line, comments=True)
    done = host_system.run(*words[1:])
    assert done.returncode != USAGE_ERROR, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("line", examples("curl"))
def test_request_of_the_docs_is_answered(host_system: System, line: str) -> None:
    words = shlex.split(line.replace(":1789", f":{host_system.port}"))
    done = subprocess.run([*words, "-s"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    assert "error" not in json.loads(done.stdout)


@pytest.mark.parametrize("text", examples("rule"))
def test_rule_of_the_docs_is_accepted(host_system: System, text: str) -> None:
    done = host_system.run("rule", "add", "classification", text)
    assert done.returncode == 0, done.stderr


def test_the_docs_have_examples_of_each_kind() -> None:
    assert len(examples("congress")) >= 8
    assert examples("curl")
    assert len(examples("rule")) >= 2
