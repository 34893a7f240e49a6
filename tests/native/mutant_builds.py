"""How a mutant is built and what must notice it: the kernel alone, or with Python's side of it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Protocol

NATIVE = Path(__file__).parent
TOP = NATIVE.parents[1]
BUILD = NATIVE / "build" / "mutants"
SOURCES = BUILD / "kernel"
RUN_TIMEOUT_S = 120.0
"""A mutant that loops for ever is noticed by that; the tests take 5 s, those in Python 20 s."""
ENGINE_TESTS = (
    "prepared",
    "pages",
    "rows",
    "limits",
    "rollback",
    "simulate",
    "reentry",
    "stopping",
)


class Tested(Protocol):
    """The sources, and the tests of some of them."""

    def build(self) -> bool:
        """Build what the tests run, and tell whether it is C++."""

    def first_failure(self, likely: str) -> str | None:
        """Run tests until one fails, only that with a name if one is given; give its name.

        It is empty for a crash and for what takes too long.
        """


class KernelAlone:
    """The kernel with its own tests, none of them in Python."""

    _TESTS = BUILD / "plain" / "kernel_tests"

    def build(self) -> bool:
        """Build the program of tests."""
        # Many mutants leave something unused, about which the compiler would warn.
        return _make(NATIVE, f"BUILD={BUILD}", "WARNINGS=-w", str(self._TESTS))

    def first_failure(self, likely: str) -> str | None:
        """Run them; a mutant may also loop or ask for all memory."""
        limited = f'ulimit -v 4000000; exec {self._TESTS} --stop "$0"'
        return _failure_of(["bash", "-c", limited, likely], r"^FAILED (.*?)(?: --seed \d+|: )")


class WithPython:
    """The whole extension, with those of the engine's tests that ask it for rows."""

    _EXTENSION = BUILD / "extension" / "plain" / "_kernel.so"

    def build(self) -> bool:
        """Build the extension."""
        python, build = f"PYTHON={sys.executable}", f"BUILD={BUILD / 'extension'}"
        return _make(TOP / "tests" / "sanitized", python, build, str(self._EXTENSION))

    def first_failure(self, likely: str) -> str | None:
        """Run the tests with it in the place of the one that is installed."""
        tests = [f"tests/unit/engine/test_engine_{name}.py" for name in ENGINE_TESTS]
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        command += ["-p", "tests.sanitized.use_build", *([likely] if likely else tests)]
        return _failure_of(command, r"^FAILED (\S+)", {"CONGRESS_KERNEL": str(self._EXTENSION)})


def tested_in(file: str) -> Tested:
    """Give what notices a change of one of the kernel's files: bindings* alone know Python."""
    return WithPython() if file.startswith("bindings") else KernelAlone()


def _make(folder: Path, *arguments: str) -> bool:
    command = ["make", "-s", "-j2", "-C", str(folder), f"KERNEL={SOURCES}", *arguments]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _failure_of(
    command: list[str], failed: str, environment: dict[str, str] | None = None
) -> str | None:
    try:
        done = subprocess.run(
            command,
            cwd=TOP,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ""
    if done.returncode == 0:
        return None
    found = re.search(failed, done.stdout.decode(), re.MULTILINE)
    return found[1] if found is not None else ""
