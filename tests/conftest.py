"""What holds for every test."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest


def pytest_configure() -> None:
    """Give examples the time that they take, and let processes that tests start be interrupted.

    A shell that runs us in the background ignores SIGINT, and what is ignored is inherited.
    """
    # A machine that others use too may be slow for a moment; pytest's own limit ends what hangs.
    hypothesis.settings.register_profile("here", deadline=None)
    hypothesis.settings.load_profile("here")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Where nobody reads along, what was not tested counts as failed."""
    report = yield
    if report.skipped and os.environ.get("CI") == "true":
        report.outcome = "failed"
        report.longrepr = f"skipped, which is a failure with CI=true: {report.longrepr}"
    return report


@pytest.fixture
def _quiet_collector() -> Iterator[None]:
    """Let nobody else run when garbage is collected: an interrupt that falls there is lost."""
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = callbacks
