"""A connection to RabbitMQ as oslo.messaging makes it, which waits for a broker only to receive.

Upstream's connections try for ever, some holding a lock that others wait for. Here only a listener
does; whoever sends, declares or closes is told.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import amqp.exceptions  # type: ignore[import-untyped]
import kombu.exceptions
from kombu.entity import Exchange
from oslo_messaging import exceptions
from oslo_messaging._drivers import common
from oslo_messaging._drivers.impl_rabbit import Connection, Consumer

from ..clock import SystemClock, new_random
from .bus_names import amqp_owner

CONNECTION_FAILURES = (
    kombu.exceptions.KombuError,
    amqp.exceptions.AMQPError,
    exceptions.MessagingException,
    OSError,
)
"""What a connection raises when there is none."""
POLL_SECONDS = 0.5
"""Longest time that a listener waits for a message before it looks whether it shall stop."""
PROBE_PATIENCE = 4.0
"""Seconds for a sign of life: a broker under load takes one, and senders wait no longer: neither
for what the watch finds out nor for the word that a message has arrived."""
CLOSE_PATIENCE = 1.0
"""Seconds that hanging up may take; a broker that hangs notices by itself."""
QUEUE_BYTES = 64 * 1024 * 1024
"""Bytes that wait at the broker for one listener; beyond it the oldest go, and are asked for."""


class RabbitConnection(Connection):  # type: ignore[misc]
    """One connection, for sending or for one listener."""

    purpose: str
    interval_start: float
    interval_max: float
    connection: Any

    def __init__(self, conf: Any, url: Any, purpose: str, retry: int | None = None) -> None:
        super().__init__(conf, url, purpose, retry=retry or 0)
        self._owner = amqp_owner(url.hosts[0].username if url.hosts else None)
        # Those who lost the same broker come back apart.
        self.interval_start *= new_random().uniform(0.5, 1.5)
        self.interval_max = max(self.interval_max, self.interval_start)

    def ensure(
        self,
        method: Callable[..., Any],
        retry: int | None = None,
        recoverable_error_callback: Callable[[Exception], None] | None = None,
        error_callback: Callable[[Exception], None] | None = None,
        timeout_is_error: bool = True,
    ) -> Any:
        """Carry out a method of the connection; only a look for messages waits for a broker."""
        receives = recoverable_error_callback is not None

        def give_up(error: Exception) -> None:
            if error_callback is not None:
                error_callback(error)
            # Before upstream closes the channel, for which it would wait for the broker.
            self.connection.collect()

        try:
            return super().ensure(
                method,
                retry=retry if receives else 0,
                recoverable_error_callback=recoverable_error_callback,
                error_callback=give_up,
                timeout_is_error=timeout_is_error,
            )
        except exceptions.MessageDeliveryFailure:
            # Also where only the channel was closed: kombu 5.7 would go on using it.
            self.connection.collect()
            raise

    def consume(self, timeout: float | None = None) -> None:
        """Receive what there is; come back soon, because somebody may want to stop."""
        super().consume(POLL_SECONDS if timeout is None else min(timeout, POLL_SECONDS))

    def declare_call_consumer(self, exchange: str, topic: str, callback: Any) -> None:
        """Take what is sent to a topic, or to one server of it; the queue ends with its last one.

        What ends with its server cannot be sent to: that is how a caller learns at once that
        nobody is there.
        """
        consumer = Consumer(
            exchange_name=exchange,
            queue_name=topic,
            routing_key=topic,
            type="topic",
            durable=False,
            exchange_auto_delete=False,
            queue_auto_delete=True,
            callback=callback,
            rabbit_queue_ttl=self.rabbit_transient_queues_ttl,
        )
        self.declare_consumer(consumer)

    def declare_fanout_consumer(self, topic: str, callback: Any) -> None:
        """Take a copy of what is published on a topic, from a queue that bears its user's name."""
        consumer = Consumer(
            exchange_name=f"{topic}_fanout",
            queue_name=f"{topic}_fanout_{self._owner}_{uuid.uuid4().hex}",
            routing_key=topic,
            type="fanout",
            durable=False,
            exchange_auto_delete=False,
            queue_auto_delete=False,
            callback=callback,
            rabbit_queue_ttl=self.rabbit_transient_queues_ttl,
        )
        consumer.queue_arguments["x-max-length-bytes"] = QUEUE_BYTES
        self.declare_consumer(consumer)

    def fanout_send(self, topic: str, msg: Any, retry: int | None = None) -> None:
        """Publish on a topic; its exchange stays, so that publishing to nobody is no error."""
        exchange = Exchange(  # type: ignore[no-untyped-call]
            f"{topic}_fanout", "fanout", durable=False, auto_delete=False
        )
        self._ensure_publishing(self._publish, exchange, msg, retry=retry)

    def _ensure_publishing(
        self,
        method: Callable[..., Any],
        exchange: Any,
        msg: Any,
        routing_key: str | None = None,
        timeout: float | None = None,
        retry: int | None = None,
        transport_options: Any = None,
    ) -> None:
        """Send a message; when the connection had gone stale, again on a new one, at once.

        Upstream sleeps before each repetition. It is the same message for a receiver, which knows
        it by its id when both arrive. A broker that does not answer is not asked twice.
        """
        rest = (method, exchange, msg, routing_key, timeout)
        for _ in range(1 if retry is None else retry):
            try:
                super()._ensure_publishing(*rest, retry=0, transport_options=transport_options)
            except exceptions.MessageDeliveryFailure as failure:
                if _is_in_vain(failure):
                    raise
            else:
                return
        super()._ensure_publishing(*rest, retry=0, transport_options=transport_options)

    def set_transport_socket_timeout(self, timeout: float | None = None) -> None:
        """Bound how long the socket waits; to send, by what a sign of life may take."""
        if self.purpose == common.PURPOSE_SEND:
            timeout = PROBE_PATIENCE if timeout is None else min(timeout, PROBE_PATIENCE)
        super().set_transport_socket_timeout(timeout)

    def ensure_connection(self) -> None:
        """Connect if need be; the socket of a lost connection is given back first."""
        if not self.connection.connected:
            self.connection.collect()
        super().ensure_connection()

    def close(self) -> None:
        """Hang up; of a connection that is lost already the socket is given back."""
        if self.connection is None:
            return
        carrier = self.connection._connection  # where kombu and amqp leave the socket open
        with suppress(*CONNECTION_FAILURES):
            if self.channel is not None:
                self.set_transport_socket_timeout(CLOSE_PATIENCE)
            # Before its queue goes, or the broker's word of that is a warning in the log.
            for consumer, tag in self._consumers.items():
                consumer.cancel(tag)
            super().close()
        if carrier is not None:
            carrier.collect()

    # What a BrokerWatch asks.

    def probe(self) -> None:
        """Ask the broker for a sign of life."""
        self.set_transport_socket_timeout(PROBE_PATIENCE)
        self.channel.exchange_declare("amq.fanout", "fanout", passive=True)

    def wait_for_end(self, seconds: float) -> None:
        """Return after this time, or raise as soon as the connection ends."""
        clock = SystemClock()
        end = clock.monotonic() + seconds
        while (left := end - clock.monotonic()) > 0:
            with suppress(TimeoutError):
                self.connection.drain_events(timeout=left)


PURPOSE_LISTEN = common.PURPOSE_LISTEN


def _is_in_vain(failure: exceptions.MessageDeliveryFailure) -> bool:
    """Tell whether a new connection would fare no better: forbidden, or no answer."""
    reason = failure.__context__
    reasons = (reason, None if reason is None else reason.__cause__)
    return any(isinstance(r, (amqp.exceptions.AccessRefused, TimeoutError)) for r in reasons)
