"""The transport over RabbitMQ: conformance, and what becomes of it when the broker goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import amqp
import pytest

from congress_dist.clock import SystemClock
from congress_dist.config import load_config
from congress_dist.errors import (
    CongressError,
    InvalidConfig,
    ServiceUnavailable,
    TransportError,
)
from congress_dist.testing.transport_conformance import (
    PATIENCE,
    Inbox,
    Pair,
    TransportConformance,
    check_abandoned_call,
    echo,
)
from congress_dist.transports.transport import OsloTransport
from tests.servers.rabbitmq import RabbitServer
from tests.waiting import wait_until

pytestmark = pytest.mark.integration

AT_ONCE = 0.5
"""Seconds: nobody waited for anything; an ordinary pause of a loaded machine is less."""


def connect(directory: Path, url: str, **overrides: object) -> OsloTransport:
    return OsloTransport(load_config(directory, dse__transport_url=url, **overrides))


@pytest.fixture
def pair(rabbit: RabbitServer, tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(connect(tmp_path, rabbit.url()), connect(tmp_path, rabbit.url()))
    yield pair
    with ThreadPoolExecutor(2) as both:  # each waits until its listeners look up
        both.submit(pair.one.stop)
        both.submit(pair.other.stop)


class TestRabbitTransport(TransportConformance):
    @pytest.fixture
    def pair(self, pair: Pair) -> Pair:
        return pair


def seconds_until_refused(work: Callable[[], object]) -> float:
    clock = SystemClock()
    begin = clock.monotonic()
    with pytest.raises(TransportError, match="broker"):
        work()
    return clock.monotonic() - begin


def works(work: Callable[[], object]) -> bool:
    try:
        work()
    except CongressError:
        return False
    return True


def test_while_the_broker_is_away_everything_fails_at_once_and_then_goes_on(
    rabbit: RabbitServer, pair: Pair
) -> None:
    inbox = Inbox()
    pair.other.listen("t", "b", inbox)
    pair.other.serve("t", "b", echo)
    pair.one.publish("t", b"before")
    assert inbox.next() == b"before"
    assert pair.one.call("t", b"before", timeout=PATIENCE) == b"before"

    rabbit.kill()
    try:
        assert seconds_until_refused(lambda: pair.one.publish("t", b"lost")) < AT_ONCE
        assert seconds_until_refused(lambda: pair.one.call("t", b"", timeout=5.0)) < AT_ONCE
        assert seconds_until_refused(lambda: pair.other.listen("u", "b", inbox)) < AT_ONCE
        for _ in range(100):
            assert seconds_until_refused(lambda: pair.one.publish("t", b"lost")) < AT_ONCE
        assert inbox.is_empty()
    finally:
        rabbit.start()

    def is_heard() -> bool:
        return works(lambda: pair.one.publish("t", b"after")) and not inbox.is_empty()

    wait_until(is_heard, seconds=20, what="publications arrive again")
    assert inbox.next() == b"after"
    wait_until(
        lambda: works(lambda: pair.one.call("t", b"", timeout=1.0)),
        seconds=20,
        what="calls are answered again",
    )
    assert pair.one.counters() == {"broker_away": 1}


def test_what_is_being_sent_when_the_broker_hangs_is_given_up_soon(
    rabbit: RabbitServer, pair: Pair
) -> None:
    pair.one.publish("t", b"")  # the connection is made
    rabbit.pause()
    try:
        assert seconds_until_refused(lambda: pair.one.publish("t", b"")) < 8.0
    finally:
        rabbit.resume()


def test_transport_that_is_stopped_while_the_broker_hangs_does_not_wait_for_it(
    rabbit: RabbitServer, tmp_path: Path
) -> None:
    one = connect(tmp_path, rabbit.url())
    one.listen("t", "b", Inbox())
    rabbit.pause()
    try:
        wait_until(
            lambda: not works(lambda: one.listen("u", "b", Inbox())),
            seconds=20,
            what="the silent broker is taken for away",
        )
        clock = SystemClock()
        begin = clock.monotonic()
        one.stop()
        assert clock.monotonic() - begin < 8.0
    finally:
        rabbit.resume()
    with pytest.raises(TransportError, match="stopped"):
        one.publish("t", b"")


def test_a_broker_that_was_never_there_is_said_at_once(tmp_path: Path) -> None:
    one = connect(tmp_path, "rabbit://user:secret@127.0.0.1:1/")
    for _ in range(3):
        assert seconds_until_refused(lambda: one.publish("t", b"")) < AT_ONCE
    one.stop()


def test_every_connection_closed_at_once_loses_no_publication_that_follows(
    rabbit: RabbitServer, pair: Pair
) -> None:
    inbox = Inbox()
    pair.other.listen("t", "b", inbox)
    pair.one.publish("t", b"before")
    assert inbox.next() == b"before"
    rabbit.close_all_connections()
    wait_until(
        lambda: works(lambda: pair.one.publish("t", b"after")),
        seconds=20,
        what="something can be published again",
    )
    assert inbox.next() == b"after"


def test_call_that_waited_too_long_is_not_carried_out(
    rabbit: RabbitServer, tmp_path: Path
) -> None:
    one = connect(tmp_path, rabbit.url(), dse__call_threads=1)
    check_abandoned_call(one)
    one.stop()


def test_slow_handler_holds_no_more_than_the_prefetch_count(
    rabbit: RabbitServer, tmp_path: Path
) -> None:
    one = connect(tmp_path, f"{rabbit.url()}?rabbit_qos_prefetch_count=10", dse__publish_retries=0)
    inbox, entered, go_on = Inbox(), threading.Event(), threading.Event()

    def handler(payload: bytes) -> None:
        entered.set()
        go_on.wait(PATIENCE)
        inbox(payload)

    attachment = one.listen("t", "a", handler)
    for number in range(100):
        one.publish("t", b"%d" % number)
    assert entered.wait(PATIENCE)
    waiting = attachment.server._work_executor._work_queue  # type: ignore[attr-defined]
    assert waiting.qsize() <= 11
    go_on.set()
    assert inbox.take(100) == [b"%d" % number for number in range(100)]
    one.stop()


def test_publications_that_come_twice_do_not_make_a_listener_deaf(
    rabbit: RabbitServer, tmp_path: Path
) -> None:
    one = connect(tmp_path, f"{rabbit.url()}?rabbit_qos_prefetch_count=10")
    inbox = Inbox()
    one.listen("t", "a", inbox)
    address = f"localhost:{rabbit.port}"
    with amqp.Connection(address, userid=rabbit.user, password=rabbit.password) as connection:
        channel = connection.channel()
        queue = channel.queue_declare(exclusive=True).queue
        channel.queue_bind(queue, "listen.t_fanout")
        one.publish("t", b"first")
        assert inbox.next() == b"first"
        copy = wait_until(lambda: channel.basic_get(queue), what="a copy is in the queue")
        for _ in range(30):
            channel.basic_publish(copy, exchange="listen.t_fanout")
    for number in range(30):
        one.publish("t", b"%d" % number)
    assert inbox.take(30) == [b"%d" % number for number in range(30)]
    one.stop()


def test_a_server_that_ended_is_not_there_any_more(pair: Pair) -> None:
    pair.other.serve("t", "b", echo)
    assert pair.one.call("t", b"x", timeout=PATIENCE, server="b") == b"x"
    pair.other.stop()
    with pytest.raises(ServiceUnavailable) as failure:
        pair.one.call("t", b"x", timeout=PATIENCE, server="b")
    assert failure.value.fields["outcome"] == "not_written"


@pytest.mark.parametrize(
    ("query", "word"),
    [("ssl=true", "ssl_ca_file"), ("ssl=true&ssl_ca_file=/ca.pem", "2 hosts")],
)
def test_tls_that_would_verify_nothing_is_refused(tmp_path: Path, query: str, word: str) -> None:
    with pytest.raises(InvalidConfig, match=word):
        connect(tmp_path, f"rabbit://u:p@one:5671,u:p@two:5671/?{query}")


def test_broker_whose_certificate_verifies_is_used(rabbit: RabbitServer, tmp_path: Path) -> None:
    assert rabbit.certificates is not None
    query = f"ssl=true&ssl_ca_file={rabbit.certificates.authority}"
    one = connect(tmp_path, f"{rabbit.tls_url()}?{query}")
    one.serve("t", "a", echo)
    assert one.call("t", b"x", timeout=PATIENCE) == b"x"
    one.stop()


def test_broker_with_another_name_or_authority_is_not_used(
    rabbit: RabbitServer, tmp_path: Path
) -> None:
    assert rabbit.certificates is not None
    authority, other = rabbit.certificates.authority, rabbit.certificates.certificate
    wrong_name = rabbit.tls_url().replace("localhost", "127.0.0.1")
    for url, trusted in ((wrong_name, authority), (rabbit.tls_url(), other)):
        one = connect(tmp_path, f"{url}?ssl=true&ssl_ca_file={trusted}")
        with pytest.raises(TransportError, match=r"(?i)certificate"):
            one.publish("t", b"")
        one.stop()
