"""Faults on a real broker and real processes: whatever breaks, what is held was published.

One world, one fault after the other; the audit looks at everything all along (tests/chaos).
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from tests.chaos.faults import FAULTS, Fault
from tests.chaos.network import PREFIX
from tests.chaos.strike import Outcome, strike
from tests.chaos.world import Plan, World
from tests.servers.rabbitmq import APT_LINE, is_installed

from .conftest import ROOT

pytestmark = pytest.mark.integration

FAST = {
    "heartbeat_interval": 0.5,
    "full_heartbeat_interval": 2.0,
    "lease_time": 3.0,
    "lease_renewal": 1.0,
    "lease_call_timeout": 1.5,
}
SECONDS = 20.0
"""Within which all converge on a machine that does other things too; the mark is 10 s."""
Strike = Callable[[Fault], Outcome]


class Worlds:
    """Gives a world, and another one when a test has left it in disorder."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def get(self) -> World:
        """Give the world."""
        if self._world is None:
            self._directory = tempfile.TemporaryDirectory(prefix="congress-chaos-", dir="/tmp")
            self._world = World(Path(self._directory.name), Plan(options=FAST))
            self._world.start()
        return self._world

    def end(self) -> None:
        """End it; idempotent."""
        if self._world is not None and self._directory is not None:
            self._world.stop()
            self._directory.cleanup()
        self._world = None


@pytest.fixture(scope="module")
def worlds() -> Iterator[Worlds]:
    if not is_installed():
        pytest.skip(f"there is no RabbitMQ on this machine; install it with: {APT_LINE}")
    worlds = Worlds()
    yield worlds
    worlds.end()


@pytest.fixture
def befall(worlds: Worlds, record_property: Callable[[str, object], None]) -> Strike:
    """Let a fault befall the world; what the nodes counted stands in the test's record."""

    def _befall(fault: Fault) -> Outcome:
        world = worlds.get()
        why_not = fault.why_not(world)
        if why_not is not None:
            pytest.skip(f"{fault.name} is not possible here: {why_not}")
        try:
            outcome = strike(world, [fault], Random(3))
            assert world.audit.broken == []
        except BaseException:
            worlds.end()
            raise
        record_property("outcome", str(outcome))
        assert outcome.converged < SECONDS
        return outcome

    return _befall


LOSING = {"broker stopped", "broker killed", "queue overflows"}
"""Faults over which messages are lost for certain, as there is one every 50 ms."""
HARMLESS = {"clock jumps"}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_whatever_breaks_all_end_with_what_the_source_has(befall: Strike, fault: Fault) -> None:
    counts = befall(fault).counts
    if fault.name in LOSING:
        assert counts["losses"] > 0
        assert counts["syncs"] >= counts["losses"]
        assert counts["bytes"] > 0
    if fault.name in HARMLESS:
        assert not any(counts.values())


def test_an_interrupted_run_reports_and_leaves_nothing(tmp_path: Path) -> None:
    if not is_installed():
        pytest.skip(f"there is no RabbitMQ on this machine; install it with: {APT_LINE}")
    run = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos", "--seed", "7"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TMPDIR": str(tmp_path)},
    )
    try:
        assert run.stdout is not None  # what it says first it says when it can be interrupted
        assert "seed 7" in run.stdout.readline()
        run.send_signal(signal.SIGINT)
        said, _ = run.communicate(timeout=60)
    finally:
        with suppress(ProcessLookupError):
            run.kill()
    assert "0 faults" in said
    assert run.returncode == 0
    assert list(tmp_path.iterdir()) == []
    assert list(Path("/run/netns").glob(f"{PREFIX}-{run.pid}-*")) == []
