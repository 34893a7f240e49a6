"""`make stack`: a broker and a system on it, and nothing of either after Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.rabbitmq import APT_LINE, is_installed

from .conftest import ROOT, System

pytestmark = pytest.mark.integration


class Stack(System):
    """The stack as `make` starts it, with the data directory of the test."""

    def start(self) -> None:
        command = [sys.executable, "-m", "devstack.stack", "--data-dir", str(self.data_dir)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", "TMPDIR": str(self.data_dir)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture
def stack(data_dir: Path) -> Iterator[Stack]:
    if not is_installed():
        pytest.skip(f"there is no RabbitMQ on this machine; install it with: {APT_LINE}")
    stack = Stack(data_dir)
    stack.start()
    yield stack
    stack.stop()


def processes_that_name(directory: Path) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(directory).encode() in words:
            found.append(words.decode(errors="replace")[:200])
    return found


def test_the_stack_runs_until_ctrl_c_and_leaves_nothing(stack: Stack, data_dir: Path) -> None:
    stack.wait_for("/v1/policies/host_safety", bool, seconds=120)
    assert len(stack.children()) == 7
    assert not (data_dir / "bus").exists()
    assert stack.stop(signal.SIGINT) == 0
    assert processes_that_name(data_dir) == []
    assert list(data_dir.glob("congress-stack-*")) == []
