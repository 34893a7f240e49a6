"""A whole system in real processes: `congress up` on a private data directory and port."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.servers.fixtures import rabbit
from tests.servers.processes import free_ports
from tests.waiting import wait_until

__all__ = ["rabbit"]

ROOT = Path(__file__).resolve().parents[2]
CONGRESS = [str(Path(sys.executable).with_name("congress"))]
HOST_CONFIG = ROOT / "devstack" / "host_safety.conf"
HOST_POLICY = ROOT / "devstack" / "policies" / "host_safety"


class System:
    """One `congress up` and what a user can do to it."""

    def __init__(self, data_dir: Path, arguments: Sequence[str] = ()) -> None:
        self.data_dir = data_dir
        (self.port,) = free_ports(1)
        self.arguments = list(arguments)
        self.process: subprocess.Popen[str] | None = None
        self.output: str | None = None
        """All that it printed, once it has ended."""

    def start(self) -> None:
        command = [*CONGRESS, "up", "--data-dir", str(self.data_dir), "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, *self.arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def stop(self, number: int = signal.SIGINT) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        if self.output is None:
            self.output = self.process.communicate(timeout=40)[0]
        return self.process.returncode

    def children(self) -> dict[str, int]:
        """Give the pids of the node processes by name: `policy r1`, `datasource host_files`."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if "node" in words and str(self.data_dir) in words:
                at = words.index("node")
                found[f"{words[at + 1]} {words[at + 2]}"] = int(entry.name)
        return found

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        os.kill(self.children()[name], number)

    def request(
        self, method: str, path: str, body: Any = None, *, version: str = "1.1"
    ) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        headers = {
            "OpenStack-API-Version": f"policy {version}",
            "Content-Type": "application/json",
        }
        try:
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            raw = answer.read()
            return answer.status, json.loads(raw) if raw else None
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        """Give the body of a GET, or None while nobody answers with 200."""
        try:
            status, body = self.request("GET", path)
        except (OSError, http.client.HTTPException):
            return None
        return body if status == 200 else None

    def wait_for(self, path: str, condition: Callable[[Any], Any], *, seconds: float = 30) -> Any:
        last: Any = None

        def look() -> Any:
            nonlocal last
            last = self.get(path)
            return last if last is not None and condition(last) else None

        try:
            return wait_until(look, seconds=seconds, what=f"{path} as wanted")
        except AssertionError as error:
            error.add_note(f"last: {last}")
            raise

    def wait_settled(self, sources: int, seconds: float = 90) -> Any:
        """Wait until so many sources have no table that is still to come."""

        def settled(status: Any) -> bool:
            tables = [t for s in status["sources"] for t in s["tables"].values()]
            return (
                status["ready"]
                and sum(bool(s["tables"]) for s in status["sources"]) >= sources
                and all(t["state"] not in ("unread", "waiting") and not t["stale"] for t in tables)
            )

        return self.wait_for("/v1/status", settled, seconds=seconds)

    def violations(self, rule: str | None = None) -> list[dict[str, Any]]:
        body = self.get("/v1/violations")
        assert body is not None
        return [v for v in body["violations"] if rule in (None, v["rule"])]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a verb of the command line against this system."""
        environment = {**os.environ, "CONGRESS_URL": f"http://127.0.0.1:{self.port}"}
        return subprocess.run(
            [*CONGRESS, *arguments], capture_output=True, text=True, env=environment, timeout=60
        )


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="congress-") as directory:
        yield Path(directory)


@pytest.fixture
def make_system(data_dir: Path) -> Iterator[Callable[..., System]]:
    systems: list[System] = []

    def make(*arguments: str, directory: Path | None = None) -> System:
        systems.append(System(directory or data_dir, arguments))
        systems[-1].start()
        return systems[-1]

    yield make
    for system in systems:
        system.stop()


@pytest.fixture(scope="module")
def host_system() -> Iterator[System]:
    """The demonstration, settled; shared by the tests of a module that leave it as it was."""
    with tempfile.TemporaryDirectory(prefix="congress-") as directory:
        arguments = ["--config", str(HOST_CONFIG), "--policy", str(HOST_POLICY)]
        system = System(Path(directory), arguments)
        system.start()
        try:
            system.wait_settled(5)
            system.wait_for("/v1/policies/host_safety", bool)
            yield system
        finally:
            system.stop()
