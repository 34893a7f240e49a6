"""A broker user for each service: the commands of docs/operations.md, and what they allow."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from congress_dist.config import load_config
from congress_dist.errors import TransportError
from congress_dist.node.outbox import HEARTBEATS, stream_topic
from congress_dist.testing.transport_conformance import PATIENCE, Inbox, echo
from congress_dist.transports.transport import OsloTransport
from tests.servers.rabbitmq import CONTROL, RabbitServer

from .conftest import ROOT

pytestmark = pytest.mark.integration

CALLS_BY_SERVICE = {"policy": ".*", "nova": "policy"}


def documented_commands() -> str:
    page = (ROOT / "docs" / "operations.md").read_text()
    (block,) = re.findall(r"^```sh\n(rabbitmqctl.*?)^```$", page, re.MULTILINE | re.DOTALL)
    return block


@pytest.fixture(scope="module")
def users(rabbit: RabbitServer) -> dict[str, str]:
    """The URL of each service."""
    urls = {}
    for service, calls in CALLS_BY_SERVICE.items():
        mine = {"SERVICE": service, "PASSWORD": f"of {service}", "CALLS": calls}
        path = f"{CONTROL.parent}:{os.environ['PATH']}"
        subprocess.run(
            ["sh", "-euc", documented_commands()],
            env={**rabbit.environment(), **mine, "PATH": path},
            check=True,
            capture_output=True,
            timeout=120,
        )
        urls[service] = rabbit.url(service, f"of%20{service}")
    return urls


@pytest.fixture
def nova(users: dict[str, str], tmp_path: Path) -> Iterator[OsloTransport]:
    transport = OsloTransport(load_config(tmp_path, dse__transport_url=users["nova"]))
    yield transport
    transport.stop()


@pytest.fixture
def policy(users: dict[str, str], tmp_path: Path) -> Iterator[OsloTransport]:
    transport = OsloTransport(load_config(tmp_path, dse__transport_url=users["policy"]))
    yield transport
    transport.stop()


def test_a_service_may_do_all_that_a_node_of_it_does(
    nova: OsloTransport, policy: OsloTransport
) -> None:
    rows, beats, of_policy = Inbox(), Inbox(), Inbox()
    policy.listen(stream_topic("nova"), "incarnation-1", rows)
    policy.listen(HEARTBEATS, "incarnation-1", beats)
    nova.listen(stream_topic("nova"), "incarnation-2.publisher", Inbox())
    nova.listen(stream_topic("policy@r1"), "incarnation-2", of_policy)
    for transport, service, server in ((policy, "policy", "r1"), (nova, "nova", "nova")):
        transport.serve(service, server, echo)
        transport.serve("node", f"incarnation of {service}", echo)

    nova.publish(stream_topic("nova"), b"rows")
    nova.publish(HEARTBEATS, b"beat")
    policy.publish(stream_topic("policy@r1"), b"derived")
    assert (rows.next(), beats.next(), of_policy.next()) == (b"rows", b"beat", b"derived")
    assert nova.call("policy", b"lease", timeout=PATIENCE) == b"lease"
    assert nova.call("policy", b"lease", timeout=PATIENCE, server="r1") == b"lease"
    assert policy.call("nova", b"read", timeout=PATIENCE) == b"read"
    sync = policy.call("node", b"sync", timeout=PATIENCE, server="incarnation of nova")
    assert sync == b"sync"


def test_a_service_publishes_no_rows_of_another(nova: OsloTransport) -> None:
    for topic in ("stream.cinder", "stream.policy@r1", "stream.novae"):
        with pytest.raises(TransportError, match="ACCESS_REFUSED"):
            nova.publish(topic, b"invented")
    nova.publish(stream_topic("nova"), b"its own")


def test_a_service_answers_no_calls_to_another(nova: OsloTransport) -> None:
    for topic in ("policy", "api", "novae"):
        with pytest.raises(TransportError, match="ACCESS_REFUSED"):
            nova.serve(topic, "nova", echo)


def test_a_datasource_calls_no_other_datasource(
    nova: OsloTransport, rabbit: RabbitServer, tmp_path: Path
) -> None:
    cinder = OsloTransport(load_config(tmp_path, dse__transport_url=rabbit.url()))
    cinder.serve("cinder", "cinder", echo)
    with pytest.raises(TransportError, match="ACCESS_REFUSED"):
        nova.call("cinder", b"", timeout=PATIENCE)
    cinder.stop()


def test_a_wrong_password_is_said_at_once(users: dict[str, str], tmp_path: Path) -> None:
    url = users["nova"].replace("of%20nova", "guessed")
    one = OsloTransport(load_config(tmp_path, dse__transport_url=url))
    with pytest.raises(TransportError, match="ACCESS_REFUSED"):
        one.publish(stream_topic("nova"), b"")
    one.stop()
