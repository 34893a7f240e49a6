"""One node of the world, over all its lives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .journal import JournalReader, Line
from .wall_clock import WallClock

ROOT = Path(__file__).resolve().parents[2]
ENDS_WITHIN = 20.0


@dataclass(frozen=True, slots=True)
class Role:
    """What a node is: engine, publisher (of one source) or subscriber (to all)."""

    name: str
    kind: str
    source: str = ""


class Life:
    """One process of a member, from its start to its end."""

    def __init__(self, number: int, journal: Path) -> None:
        self.number = number
        self.incarnation = str(uuid.uuid4())
        self.path = journal
        self.reader = JournalReader(journal)
        self.pauses: list[tuple[float, float]] = []
        """When it was stopped, and until when."""
        self.paused_at: float | None = None

    def was_stopped_about(self, when: float, margin: float) -> bool:
        """Tell whether a time lies in a pause, or within a margin after one."""
        if self.paused_at is not None and when >= self.paused_at:
            return True
        return any(begin <= when <= end + margin for begin, end in self.pauses)


class Member:
    """A node that is started, killed, stopped and continued, and whose journal is read."""

    def __init__(
        self,
        role: Role,
        directory: Path,
        *,
        config: Mapping[str, Any],
        command: Callable[[list[str]], list[str]],
        wall_clock: WallClock | None,
    ) -> None:
        self.role = role
        self.name = role.name
        self.wall_clock = wall_clock
        self._directory = directory
        self._config = config
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._lives: list[Life] = []

    @property
    def life(self) -> Life:
        """The present life, or the last one."""
        return self._lives[-1]

    @property
    def is_running(self) -> bool:
        """Whether there is a process, and it is not stopped."""
        return self._process is not None and self.life.paused_at is None

    def start(self) -> None:
        """Begin a life; the policy engine's and the supervisor's way to follow the last one."""
        number = len(self._lives) + 1
        former = self._lives[-1].incarnation if self._lives else None
        life = Life(number, self._directory / f"{self.name}.{number}.journal")
        config = {
            **self._config,
            "name": self.name,
            "role": self.role.kind,
            "source": self.role.source,
            "journal": str(life.path),
            "incarnation": life.incarnation,
            "replaces": former,
        }
        words = [sys.executable, "-m", "tests.chaos.node_process", json.dumps(config)]
        environment = dict(os.environ)
        if self.wall_clock is not None:
            environment |= self.wall_clock.environment()
        with (self._directory / f"{self.name}.{number}.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(words),
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for who reports, not for it
            )
        self._lives.append(life)

    def kill(self) -> None:
        """End its life as a crash does; nothing happens when it has none."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(ENDS_WITHIN)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process = None
        self.life.paused_at = None

    def pause(self) -> None:
        """Stop it as a machine that hangs."""
        assert self._process is not None
        self.life.paused_at = time.monotonic()
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def resume(self) -> None:
        """Let it go on; nothing happens when it is not stopped."""
        life = self.life
        if self._process is None or life.paused_at is None:
            return
        self._process.send_signal(signal.SIGCONT)
        life.pauses.append((life.paused_at, time.monotonic()))
        life.paused_at = None

    def ended_by_itself(self) -> int | None:
        """Give the exit code of a process that nobody killed."""
        return None if self._process is None else self._process.poll()

    def last_word(self) -> str:
        """Give the end of its log."""
        log = self._directory / f"{self.name}.{self.life.number}.log"
        return log.read_text(errors="replace")[-300:]

    def read(self) -> list[tuple[Life, Line]]:
        """Give the new lines of its journals; those of a life that was killed last too."""
        return [(life, line) for life in self._lives[-2:] for line in life.reader.read()]
