"""SIGHUP: a node reads its configuration again, and a wrong file changes nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "node.conf"
    file.write_text("[DEFAULT]\ndebug = true\n")
    return file


@pytest.fixture
def node(tmp_path: Path, config: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "congress_dist.cli", "node", "datasource", "host_python"]
    command += ["--data-dir", str(tmp_path / "data"), "--config", str(config)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def wait_for(process: subprocess.Popen[str], text: str) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if text in line:
            return line
    raise AssertionError(f"the node ended without saying {text!r}")


@pytest.mark.timeout(60)
def test_hang_up_reads_the_configuration_again(node: subprocess.Popen[str], config: Path) -> None:
    wait_for(node, "waiting for the policy service")
    config.write_text("[dse]\nmessage_key = short\n")
    node.send_signal(signal.SIGHUP)
    assert "message_key" in wait_for(node, "the configuration stays as it was")

    config.write_text("[dse]\nwire_version = 99\n")
    node.send_signal(signal.SIGHUP)
    assert "wire_version" in wait_for(node, "the configuration stays as it was")

    config.write_text("[dse]\nmessage_key = 2026:0123456789abcdef, 2025:fedcba9876543210\n")
    node.send_signal(signal.SIGHUP)
    line = wait_for(node, "the configuration was read again")
    assert "keys=2 wire_version=1" in line
    assert "0123456789abcdef" not in line

    node.send_signal(signal.SIGTERM)
    assert node.wait() == 0
