"""The bus between real processes: peers that die, stop, vanish, or are somebody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from congress_dist.clock import SystemClock
from congress_dist.config import load_config
from congress_dist.errors import CongressError, DeadlineExceeded, ServiceUnavailable
from congress_dist.testing.transport_conformance import PATIENCE, Inbox
from congress_dist.transports.transport import OsloTransport
from congress_dist.transports.uds_directory import BusDirectory, topic_name

pytestmark = pytest.mark.integration

PEER = str(Path(__file__).with_name("bus_peer.py"))
clock = SystemClock()


class Peer:
    """A process on the bus."""

    def __init__(self, directory: Path, name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, PEER, str(directory), name], stdout=subprocess.PIPE, text=True
        )
        self.pid = self._process.pid
        self.wait_for("ready")

    def wait_for(self, line: str) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == f"{line}\n"

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        self._process.send_signal(number)
        self._process.send_signal(signal.SIGCONT)
        self._process.communicate(timeout=PATIENCE)


PeerStarter = Callable[[str], Peer]


@pytest.fixture
def start_peer(tmp_path: Path) -> Iterator[PeerStarter]:
    peers: list[Peer] = []

    def _start(name: str) -> Peer:
        peers.append(Peer(tmp_path, name))
        return peers[-1]

    yield _start
    for peer in peers:
        peer.end()


@pytest.fixture
def transport(tmp_path: Path) -> Iterator[OsloTransport]:
    transport = OsloTransport(load_config(tmp_path))
    yield transport
    transport.stop()


def call_in_thread(transport: OsloTransport, payload: bytes) -> Callable[[], CongressError]:
    """Call; give what waits for the call's failure."""
    failures: list[CongressError] = []

    def call() -> None:
        try:
            transport.call("t", payload, timeout=PATIENCE)
        except CongressError as error:
            failures.append(error)

    thread = threading.Thread(target=call)
    thread.start()

    def wait() -> CongressError:
        thread.join()
        return failures[0]

    return wait


def test_peer_killed_during_a_call_is_reported_at_once(
    transport: OsloTransport, start_peer: PeerStarter
) -> None:
    peer = start_peer("peer")
    failure = call_in_thread(transport, b"hang")
    peer.wait_for("hanging")
    killed = clock.monotonic()
    peer.end()
    error = failure()

    assert clock.monotonic() - killed < 2.0
    assert isinstance(error, ServiceUnavailable)
    assert error.fields["outcome"] == "unknown"


def test_call_after_the_death_of_the_only_peer_was_not_carried_out(
    transport: OsloTransport, start_peer: PeerStarter
) -> None:
    peer = start_peer("peer")
    assert transport.call("t", b"echo", timeout=PATIENCE) == b"echo"
    peer.end()

    with pytest.raises(ServiceUnavailable) as failure:
        transport.call("t", b"echo", timeout=PATIENCE)
    assert failure.value.fields["outcome"] == "not_written"


def test_calls_go_on_with_the_peers_that_are_left(
    transport: OsloTransport, start_peer: PeerStarter
) -> None:
    first, second = start_peer("first"), start_peer("second")
    pids = {transport.call("t", b"pid", timeout=PATIENCE) for _ in range(4)}
    first.end()
    left = {transport.call("t", b"pid", timeout=PATIENCE) for _ in range(4)}

    assert pids == {b"%d" % first.pid, b"%d" % second.pid}
    assert left == {b"%d" % second.pid}


def test_stopped_peer_does_not_hold_up_a_publisher(
    transport: OsloTransport, start_peer: PeerStarter
) -> None:
    stopped = start_peer("stopped")
    start_peer("other")
    inbox = Inbox()
    transport.listen("t", "self", inbox)
    stopped.send(signal.SIGSTOP)
    payload = bytes(100_000)
    slowest = 0.0
    for number in range(600):  # 60 MB, far above what may wait for one peer
        before = clock.monotonic()
        transport.publish("t", payload)
        inbox.next()
        slowest = max(slowest, clock.monotonic() - before)
        if number % 50 == 49:
            wait_until_heard(transport, number + 1, server="other")

    assert slowest < 2.0
    assert 0 < transport.counters()["queue_full"] < 600
    with pytest.raises((DeadlineExceeded, ServiceUnavailable)):
        transport.call("t", b"echo", timeout=0.2, server="stopped")


def test_peer_that_goes_on_gets_what_waited_for_it(
    transport: OsloTransport, start_peer: PeerStarter
) -> None:
    peer = start_peer("peer")
    peer.send(signal.SIGSTOP)
    for _ in range(100):
        transport.publish("t", bytes(50_000))
    peer.send(signal.SIGCONT)
    wait_until_heard(transport, 100)

    assert not any(transport.counters().values())


def test_socket_of_a_killed_process_is_removed_by_the_next_owner(
    tmp_path: Path, transport: OsloTransport, start_peer: PeerStarter
) -> None:
    start_peer("peer").end()
    stale = sockets(tmp_path)
    second = start_peer("peer")

    assert len(stale) == 2
    assert not set(stale) & set(sockets(tmp_path))
    assert transport.call("t", b"pid", timeout=PATIENCE, server="peer") == b"%d" % second.pid


def test_socket_of_a_killed_process_is_removed_by_who_sends_to_it(
    tmp_path: Path, transport: OsloTransport, start_peer: PeerStarter
) -> None:
    start_peer("peer").end()
    assert len(sockets(tmp_path)) == 2
    transport.publish("t", b"")
    with pytest.raises(ServiceUnavailable):
        transport.call("t", b"", timeout=PATIENCE)

    assert sockets(tmp_path) == []


def test_live_owner_keeps_its_socket_when_another_of_its_name_comes(
    transport: OsloTransport, start_peer: PeerStarter
) -> None:
    first = start_peer("peer")
    second = start_peer("peer")
    pids = {transport.call("t", b"pid", timeout=PATIENCE, server="peer") for _ in range(4)}

    assert pids == {b"%d" % first.pid, b"%d" % second.pid}


def test_stopped_owner_is_alive(tmp_path: Path, start_peer: PeerStarter) -> None:
    start_peer("first").send(signal.SIGSTOP)
    before = sockets(tmp_path)
    start_peer("second")

    assert set(before) < set(sockets(tmp_path))


def test_peer_that_ends_cleanly_leaves_no_socket(tmp_path: Path, start_peer: PeerStarter) -> None:
    start_peer("peer").end(signal.SIGTERM)

    assert sockets(tmp_path) == []


def test_garbage_costs_its_sender_the_connection_and_nobody_else(
    tmp_path: Path, transport: OsloTransport, start_peer: PeerStarter
) -> None:
    start_peer("peer")
    directory = BusDirectory(tmp_path / "bus")
    topic = topic_name("congress_dist", "serve.t")
    for garbage in (b"\xff\xff\xff\xff", b"\0\0\0\x01\xc1", b"\0\0\0\x02\x91\x00"):
        (address,) = directory.addresses(topic)
        rude = directory.connect(address)
        assert rude is not None
        rude.setblocking(True)
        rude.settimeout(PATIENCE)
        rude.sendall(garbage)
        assert rude.recv(1) == b""
        rude.close()
    directory.close()

    assert transport.call("t", b"echo", timeout=PATIENCE) == b"echo"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
def test_process_of_another_user_is_refused(tmp_path: Path, start_peer: PeerStarter) -> None:
    start_peer("peer")
    (path,) = [path for path in sockets(tmp_path) if "serve" in path.parent.name]
    script = (
        "import os, socket, sys\n"
        "os.chdir(sys.argv[1])\n"
        "peer = socket.socket(socket.AF_UNIX)\n"
        "os.setuid(65534)\n"
        "peer.settimeout(30)\n"
        "peer.connect(sys.argv[2])\n"
        "sys.exit(0 if peer.recv(1) == b'' else 1)\n"
    )
    path.chmod(0o777)
    path.parent.chmod(0o755)

    subprocess.run([sys.executable, "-c", script, str(path.parent), path.name], check=True)


def test_bus_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory of another user")
    (tmp_path / "bus").mkdir()
    os.chown(tmp_path / "bus", 65534, 65534)
    transport = OsloTransport(load_config(tmp_path))

    with pytest.raises(CongressError, match="belongs to uid 65534, not 0"):
        transport.publish("t", b"")
    transport.stop()


def wait_until_heard(transport: OsloTransport, count: int, *, server: str | None = None) -> None:
    """Ask until it heard so many: order holds within a connection, and calls have another."""
    pacer = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        heard = int(transport.call("t", b"heard", timeout=PATIENCE, server=server))
        if heard >= count:
            assert heard == count
            return
        pacer.wait(0.02)
    raise AssertionError(f"heard {heard} of {count}")


def sockets(directory: Path) -> list[Path]:
    return [path for path in (directory / "bus").rglob("*") if path.is_socket()]
