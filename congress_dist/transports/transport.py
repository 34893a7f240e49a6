"""How bytes travel between nodes: the `Transport` interface and its form over oslo.messaging.

Besides the drivers (uds_*.py, rabbit_*.py) the only module that knows oslo.messaging, which it
imports when the first OsloTransport is made and not before: that import takes 0.3 s, and most
programs that name a Transport never make one.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Protocol

from oslo_config import cfg

from ..errors import (
    DeadlineExceeded,
    InternalError,
    ServiceUnavailable,
    TransportError,
    error_from_wire,
)
from .rabbit_options import RABBIT_GROUP
from .transport_endpoints import (
    Attachment,
    Base64Codec,
    Codec,
    ListenEndpoint,
    RawCodec,
    ServeEndpoint,
)

ListenHandler = Callable[[bytes], None]
ServeHandler = Callable[[bytes], bytes]


class Listener(Protocol):
    """What keeps a handler attached to a topic."""

    def stop(self) -> None:
        """Detach the handler.

        Promises: idempotent, from any thread; when it returns the handler runs no more and is not
            called again (from inside the handler: is not called again).
        """
        ...


class Transport(Protocol):
    """Carries payloads that it does not look into.

    What is published may be lost, delayed, duplicated and reordered on the way.
    """

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a payload to every present listener of a topic, and forget it.

        Promises: does not wait for any listener, however slow; without listeners nothing happens.
        Raises: TransportError: the bus is away; at once.
        """
        ...

    def listen(self, topic: str, server: str, handler: ListenHandler) -> Listener:
        """Receive what is published on a topic from now on.

        Promises: the handler runs in one thread of its own, in the order of arrival; an exception
            that it raises is logged, and the next payload follows.
        Raises: TransportError: the bus is away.
        """
        ...

    def call(
        self, topic: str, payload: bytes, *, timeout: float, server: str | None = None
    ) -> bytes:
        """Ask one of those who serve a topic, or the given server of it, and wait for the answer.

        Raises: ServiceUnavailable: nobody is there (outcome not_written), or whoever was asked
                died before answering (outcome unknown).
            DeadlineExceeded: no answer within `timeout`; whether it was carried out is unknown.
            CongressError: as the handler raised it; another exception of it is an InternalError.
            TransportError: the bus is away.
        """
        ...

    def serve(self, topic: str, server: str, handler: ServeHandler) -> Listener:
        """Answer calls to a topic, and to `server` of it.

        Promises: the handler runs in a pool of threads, several calls at once.
        Raises: TransportError: the bus is away.
        """
        ...

    def counters(self) -> Mapping[str, int]:
        """Give how many payloads were dropped since the start, by cause."""
        ...

    def stop(self) -> None:
        """Stop all listeners, fail calls under way, give back sockets and threads; idempotent."""
        ...


class OsloTransport:
    """A `Transport` over oslo.messaging; which driver carries it is said by `[dse] transport_url`.

    Shapes: publications and calls of one topic are two topics of oslo.messaging, so that neither
        reaches the handlers of the other. Payloads are bytes where the driver can carry them
        (uds), else base64, because the others carry JSON.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        messaging = load_messaging(conf)
        self._messaging = messaging
        self._url = messaging.TransportURL.parse(conf, conf.dse.transport_url)
        self._bus = _connect(messaging, conf, self._url)
        self._client = messaging.get_rpc_client(self._bus, messaging.Target())
        self._codec: Codec = RawCodec() if self._url.transport == "uds" else Base64Codec()
        self._retries = conf.dse.publish_retries
        self._call_threads = conf.dse.call_threads
        self._lock = threading.Lock()
        self._attachments: list[Attachment] = []
        self._stopped = False

    def publish(self, topic: str, payload: bytes) -> None:
        """Hand a payload to every present listener of a topic, and forget it."""
        client = self._client.prepare(topic=_listen(topic), fanout=True, retry=self._retries)
        with self._translated(topic):
            client.cast({}, "deliver", payload=self._codec.encode(payload))

    def listen(self, topic: str, server: str, handler: ListenHandler) -> Listener:
        """Receive what is published on a topic from now on, in one thread."""
        attachment = Attachment()
        endpoint = ListenEndpoint(topic, handler, self._codec, attachment)
        # One thread, because the executor of oslo.messaging promises no order among several.
        return self._attach(attachment, _listen(topic), server, endpoint, threads=1)

    def call(
        self, topic: str, payload: bytes, *, timeout: float, server: str | None = None
    ) -> bytes:
        """Ask one of those who serve a topic, or the given server of it, and wait."""
        client = self._client.prepare(
            topic=_serve(topic), server=server, timeout=timeout, retry=self._retries
        )
        arguments = {"payload": self._codec.encode(payload), "timeout": timeout}
        with self._translated(topic), self._call_translated(topic, timeout):
            answer = client.call({}, "answer", **arguments)
        if answer.get("error") is not None:
            raise error_from_wire(answer["error"])
        return self._codec.decode(answer["payload"])

    def serve(self, topic: str, server: str, handler: ServeHandler) -> Listener:
        """Answer calls to a topic, and to `server` of it, in a pool of threads."""
        attachment = Attachment()
        endpoint = ServeEndpoint(topic, handler, self._codec, attachment)
        return self._attach(
            attachment, _serve(topic), server, endpoint, threads=self._call_threads
        )

    def counters(self) -> Mapping[str, int]:
        """Give how many payloads were dropped since the start, by cause, where the driver says."""
        count = getattr(self._bus._driver, "counters", dict)  # it has no public way
        return dict(count())

    def stop(self) -> None:
        """Stop all listeners, fail calls under way, give back sockets and threads; idempotent."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            attachments = list(self._attachments)
        _stop_all(attachments)
        self._bus.cleanup()

    def _attach(
        self, attachment: Attachment, topic: str, server: str, endpoint: object, *, threads: int
    ) -> Attachment:
        # Only rabbit_driver.py looks at fanout: it spares it the queues that nothing is sent to.
        publications = isinstance(endpoint, ListenEndpoint)
        target = self._messaging.Target(topic=topic, server=server, fanout=publications)
        attachment.server = self._messaging.get_rpc_server(self._bus, target, [endpoint])
        # The executor that oslo.messaging takes (futurist) starts all its threads, wakes each once
        # a second, and takes a second to stop; the standard library's does none of that.
        attachment.server._executor_cls = ThreadPoolExecutor
        with self._translated(topic):
            attachment.server.start(override_pool_size=threads)
        with self._lock:
            attached = [one for one in self._attachments if not one.is_finished]
            self._attachments = [*attached, attachment]
        return attachment

    @contextmanager
    def _translated(self, topic: str) -> Iterator[None]:
        """Turn what oslo.messaging raises into our errors: here and in `_call_translated`."""
        if self._stopped:
            raise TransportError(f"the transport is stopped; nothing is sent to {topic!r}")
        try:
            yield
        except (self._messaging.MessagingException, OSError) as error:
            raise TransportError(
                f"the bus cannot carry a message on topic {topic!r}: {error}", topic=topic
            ) from error

    @contextmanager
    def _call_translated(self, topic: str, timeout: float) -> Iterator[None]:
        """Turn what only a call raises into our errors."""
        try:
            yield
        except self._messaging.MessagingTimeout as error:
            raise DeadlineExceeded(
                f"no answer on topic {topic!r} within {timeout} s", topic=topic, outcome="unknown"
            ) from error
        except self._messaging.MessageDeliveryFailure as error:
            outcome = getattr(error, "outcome", "unknown")
            raise ServiceUnavailable(
                f"no answer on topic {topic!r}: {error}", topic=topic, outcome=outcome
            ) from error
        except self._messaging.RemoteError as error:
            raise InternalError(
                f"a call on topic {topic!r} failed: {error.exc_type}", topic=topic
            ) from error


def _connect(messaging: Any, conf: cfg.ConfigOpts, url: Any) -> Any:
    """Give the transport of oslo.messaging; for a RabbitMQ with our own driver under it."""
    if url.transport != "rabbit":
        return messaging.get_rpc_transport(conf, url=url)
    with warnings.catch_warnings(), _eventlet_hidden():
        warnings.simplefilter("ignore")
        from oslo_messaging.transport import RPCTransport

        from .rabbit_driver import RabbitDriver

    driver = RabbitDriver(
        conf, url, default_exchange=conf.control_exchange, allowed_remote_exmods=[]
    )
    return RPCTransport(driver)


def _stop_all(attachments: list[Attachment]) -> None:
    """Stop them at the same time: on a broker each waits until it has looked for a message."""
    threads = []
    for attachment in attachments:
        if attachment.is_inside():
            attachment.stop()
        else:
            threads.append(threading.Thread(target=attachment.stop))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _listen(topic: str) -> str:
    return f"listen.{topic}"


def _serve(topic: str) -> str:
    return f"serve.{topic}"


@contextmanager
def _eventlet_hidden() -> Iterator[None]:
    """Let imports find no eventlet meanwhile; afterwards whoever wants it can import it.

    oslo's libraries use it where it is installed, and nothing here runs on it: 0.17 s of CPU and
    11 MB for each process (docs/adr/0003).
    """
    if "eventlet" in sys.modules:
        yield
        return
    hidden: dict[str, Any] = sys.modules  # a None there means: not to be found
    hidden["eventlet"] = None
    try:
        yield
    finally:
        del hidden["eventlet"]


def list_rabbit_options() -> list[cfg.Opt]:
    """Give all options of oslo.messaging for RabbitMQ.

    Cost: the import of oslo.messaging.
    """
    _import_messaging()
    with warnings.catch_warnings(), _eventlet_hidden():
        warnings.simplefilter("ignore")
        from oslo_messaging import opts

    return list(dict(opts.list_opts())[RABBIT_GROUP])


def _import_messaging() -> Any:
    """Import oslo.messaging without eventlet, on threads."""
    with warnings.catch_warnings(), _eventlet_hidden():
        warnings.simplefilter("ignore")
        from oslo_service import backend

        backend.init_backend(backend.BackendType.THREADING)
        import oslo_messaging
    return oslo_messaging


def load_messaging(conf: cfg.ConfigOpts) -> Any:
    """Import oslo.messaging without eventlet, and make it work with a private ConfigOpts."""
    oslo_messaging = _import_messaging()
    with warnings.catch_warnings(), _eventlet_hidden():
        warnings.simplefilter("ignore")
        from oslo_messaging._metrics import client as metrics
        from oslo_messaging._tracing import client as tracing

    oslo_messaging.set_transport_defaults("congress_dist")
    # oslo.messaging 18.3 reads these groups from any ConfigOpts and registers them on the global
    # one only.
    conf.register_opts(metrics.oslo_messaging_metrics, group="oslo_messaging_metrics")
    conf.register_opts(tracing.oslo_messaging_tracing, group="oslo_messaging_tracing")
    return oslo_messaging
