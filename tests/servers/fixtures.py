"""Servers as pytest fixtures; without one of them, its tests are skipped and say what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from .certificates import make_certificates
from .rabbitmq import APT_LINE, RabbitServer, is_installed


@pytest.fixture(scope="session")
def rabbit() -> Iterator[RabbitServer]:
    """A broker for tests that leave it running and use topics of their own, or end theirs."""
    if not is_installed():
        pytest.skip(f"there is no RabbitMQ on this machine; install it with: {APT_LINE}")
    with tempfile.TemporaryDirectory(prefix="congress-rabbitmq-") as directory:
        where = Path(directory)
        server = RabbitServer(where, make_certificates(where / "tls"))
        try:
            server.start()
            yield server
        finally:
            server.end()
