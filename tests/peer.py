"""A process of a test's own that answers commands: JSON lines to its input, from its output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

PATIENCE = 40.0


class Peer:
    """A script in a process of its own; its first argument is its configuration in JSON."""

    def __init__(self, script: str, config: Mapping[str, Any]) -> None:
        self.config = config
        self.process = subprocess.Popen(
            [sys.executable, script, json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, word: str) -> None:
        """Read what it says until something has this key."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if word in json.loads(line):
                return
        raise AssertionError(f"{self.config} ended before it said {word!r}")

    def ask(self, **command: Any) -> Any:
        """Give its answer to a command."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def wait_until_stopped(self) -> None:
        """Wait for a SIGSTOP to have its effect."""
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)

    def end(self) -> None:
        """Kill it, also when it is stopped."""
        for number in (signal.SIGCONT, signal.SIGKILL):
            self.process.send_signal(number)
        self.process.communicate(timeout=PATIENCE)
