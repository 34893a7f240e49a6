"""The supervisor over real processes: who is started, killed, replaced and stopped."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from congress_dist.processes.supervisor import ChildSpec, ChildStatus, Phase, Supervisor

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent
PATIENCE = 30.0


class Watched:
    """A supervisor whose changes a test can wait for."""

    def __init__(self, directory: Path, *specs: ChildSpec, silence: float = 6.0) -> None:
        self.directory = directory
        self._changed = threading.Condition()
        self._seen: list[ChildStatus] = []
        self.supervisor = Supervisor(
            directory, specs, silence=silence, stop_time=2.0, on_change=self._on_change
        )

    def _on_change(self, status: ChildStatus) -> None:
        with self._changed:
            self._seen.append(status)
            self._changed.notify_all()

    def wait_for(self, name: str, phase: Phase, *, starts: int = 1) -> ChildStatus:
        def found() -> ChildStatus | None:
            return next(
                (s for s in self._seen if (s.name, s.phase, s.starts) == (name, phase, starts)),
                None,
            )

        with self._changed:
            assert self._changed.wait_for(found, PATIENCE), self._seen
            status = found()
        assert status is not None
        return status

    def said(self, name: str) -> list[dict[str, Any]]:
        """Give what each start of a child wrote into its log."""
        lines = (self.directory / "log" / f"{name}.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]


Starter = Callable[..., Watched]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Starter]:
    started: list[Watched] = []

    def _start(*specs: ChildSpec, silence: float = 6.0) -> Watched:
        watched = Watched(tmp_path, *specs, silence=silence)
        started.append(watched)
        watched.supervisor.start()
        return watched

    yield _start
    for watched in started:
        watched.supervisor.stop()


def child(directory: Path, name: str, stop_order: int = 0) -> ChildSpec:
    program = str(HERE / "supervised_child.py")
    return ChildSpec(name, [sys.executable, program, str(directory), name], stop_order)


def test_killed_child_is_replaced_and_told_whom_it_replaces(
    tmp_path: Path, start: Starter
) -> None:
    watched = start(child(tmp_path, "a"))
    watched.wait_for("a", Phase.RUNNING)
    (first,) = watched.said("a")
    os.kill(first["pid"], signal.SIGKILL)
    watched.wait_for("a", Phase.RUNNING, starts=2)

    _, second = watched.said("a")
    assert watched.wait_for("a", Phase.WAITING).reason == "killed by SIGKILL"
    assert first["replaces"] is None
    assert second["replaces"] == first["incarnation"]
    assert second["incarnation"] != first["incarnation"]


def test_stopped_child_is_silent_and_therefore_killed(tmp_path: Path, start: Starter) -> None:
    watched = start(child(tmp_path, "a"), silence=2.0)
    watched.wait_for("a", Phase.RUNNING)
    os.kill(watched.said("a")[0]["pid"], signal.SIGSTOP)

    assert "silent for more than 2 s" in watched.wait_for("a", Phase.WAITING).reason
    watched.wait_for("a", Phase.RUNNING, starts=2)


def test_child_that_says_it_does_not_live_is_killed(tmp_path: Path, start: Starter) -> None:
    watched = start(child(tmp_path, "a"), silence=2.0)
    watched.wait_for("a", Phase.RUNNING)
    (tmp_path / "a.mute").touch()

    assert "silent" in watched.wait_for("a", Phase.WAITING).reason
    (tmp_path / "a.mute").unlink()
    watched.wait_for("a", Phase.RUNNING, starts=2)


def test_children_end_group_by_group(tmp_path: Path, start: Starter) -> None:
    watched = start(
        child(tmp_path, "engine", 2), child(tmp_path, "source", 1), child(tmp_path, "api", 0)
    )
    for name in ("engine", "source", "api"):
        watched.wait_for(name, Phase.RUNNING)
    watched.supervisor.stop()

    assert (tmp_path / "ended").read_text().split() == ["api", "source", "engine"]
    assert [status.phase for status in watched.supervisor.statuses()] == [Phase.STOPPED] * 3


def test_child_that_ignores_sigterm_is_killed(tmp_path: Path, start: Starter) -> None:
    (tmp_path / "a.deaf").touch()
    watched = start(child(tmp_path, "a"))
    watched.wait_for("a", Phase.RUNNING)
    pid = watched.said("a")[0]["pid"]
    watched.supervisor.stop()

    assert ends_within(pid, 0)
    assert "did not stop within" in watched.wait_for("a", Phase.STOPPED).reason


def test_child_is_in_a_group_of_its_own(tmp_path: Path, start: Starter) -> None:
    watched = start(child(tmp_path, "a"))
    watched.wait_for("a", Phase.RUNNING)
    (said,) = watched.said("a")

    assert said["group"] == said["pid"] != os.getpgid(0)


def test_what_a_child_left_running_ends_with_it(start: Starter) -> None:
    script = "sleep 600 & echo '{\"pid\": '$!'}'; exit 3"
    watched = start(ChildSpec("a", ["/bin/sh", "-c", script, "sh"]))
    status = watched.wait_for("a", Phase.WAITING)

    assert status.reason == "ended with status 3"
    assert ends_within(watched.said("a")[0]["pid"], PATIENCE)


def test_program_that_is_not_there_is_said_so(start: Starter) -> None:
    watched = start(ChildSpec("a", ["/no/such/program"]))
    status = watched.wait_for("a", Phase.WAITING)

    assert "cannot be started" in status.reason
    assert "/no/such/program" in watched.supervisor.describe()


def test_children_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    supervisor = spawn_supervisor(tmp_path, "a", "b")
    try:
        ends = [os.pidfd_open(wait_for_pid(tmp_path, name)) for name in ("a", "b")]
        supervisor.kill()
        for end in ends:
            assert is_readable_within(end, PATIENCE)
            os.close(end)
    finally:
        supervisor.kill()
        supervisor.wait()
        supervisor.communicate()
    assert sorted((tmp_path / "ended").read_text().split()) == ["a", "b"]


def test_second_supervisor_is_refused_and_told_the_first_one(tmp_path: Path) -> None:
    supervisor = spawn_supervisor(tmp_path)
    second = spawn_supervisor(tmp_path, wait=False)
    try:
        _, said = second.communicate(timeout=PATIENCE)
        assert second.returncode == 2
        assert f"is in use by process {supervisor.pid}" in said
    finally:
        supervisor.terminate()
        supervisor.communicate(timeout=PATIENCE)
    assert supervisor.returncode == 0

    third = spawn_supervisor(tmp_path)
    third.terminate()
    third.communicate(timeout=PATIENCE)
    assert third.returncode == 0


def test_the_supervisor_does_without_oslo_messaging() -> None:
    script = (
        "import congress_dist.processes.supervisor, sys; sys.exit('oslo_messaging' in sys.modules)"
    )

    subprocess.run([sys.executable, "-c", script], check=True)


def spawn_supervisor(directory: Path, *names: str, wait: bool = True) -> subprocess.Popen[str]:
    program = str(HERE / "supervisor_main.py")
    process = subprocess.Popen(
        [sys.executable, program, str(directory), *names],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    if wait:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
    return process


def wait_for_pid(directory: Path, name: str) -> int:
    """Read a child's log as it grows, until it said its process id."""
    log = directory / "log" / f"{name}.log"
    waiting = threading.Event()
    for _ in range(int(PATIENCE / 0.05)):
        if log.exists() and log.read_text().endswith("}\n"):
            return int(json.loads(log.read_text())["pid"])
        waiting.wait(0.05)
    raise AssertionError(f"{name} did not start")


def ends_within(pid: int, seconds: float) -> bool:
    try:
        end = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return is_readable_within(end, seconds)
    finally:
        os.close(end)


def is_readable_within(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])
