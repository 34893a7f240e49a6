"""The driver of oslo.messaging behind `rabbit://`: upstream's, which never makes a sender wait.

It differs from upstream's in what `Transport` promises: while the broker is away everything fails
at once (broker_watch.py); a call that nobody serves fails at once; what arrives at a slow handler
is bounded; names hold any text, and queues bear their user's name, so that rights can be given
for them (docs/operations.md). Notifications are not carried.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import oslo_messaging
from oslo_messaging import exceptions
from oslo_messaging._drivers import amqp, base, impl_rabbit

from ..errors import InvalidConfig
from .broker_watch import BrokerWatch
from .bus_names import amqp_owner, amqp_server, amqp_topic
from .driver_errors import BusAway, NotDelivered
from .rabbit_connection import CONNECTION_FAILURES, PURPOSE_LISTEN, RabbitConnection
from .rabbit_listener import CallListener, PublicationListener
from .rabbit_options import RABBIT_GROUP, RABBIT_OPTIONS


class RabbitDriver(impl_rabbit.RabbitDriver):  # type: ignore[misc]
    """Sends to, and listens at, one broker or cluster."""

    def __init__(
        self,
        conf: Any,
        url: Any,
        default_exchange: str | None = None,
        allowed_remote_exmods: list[str] | None = None,
    ) -> None:
        _set_defaults(conf)
        super().__init__(conf, url, default_exchange, allowed_remote_exmods)
        options = self.conf[RABBIT_GROUP]
        _check_tls(options, url)
        self._user = url.hosts[0].username if url.hosts else None
        self._connection_pool.connection_cls = RabbitConnection
        connections = self._connection_pool
        self._watch = BrokerWatch(
            lambda: connections.create(purpose=PURPOSE_LISTEN), CONNECTION_FAILURES
        )

    def counters(self) -> Mapping[str, int]:
        """Give how often the broker went away."""
        return {"broker_away": self._watch.outages}

    def send(
        self,
        target: Any,
        ctxt: dict[str, Any],
        message: dict[str, Any],
        wait_for_reply: bool | None = None,
        timeout: float | None = None,
        call_monitor_timeout: float | None = None,
        retry: int | None = None,
        transport_options: Any = None,  # noqa: ARG002 what it says is decided here
    ) -> Any:
        """Send one message; wait for its answer if asked to.

        Raises: BusAway: the broker is away; at once when that is known.
            NotDelivered, MessagingTimeout: there is no answer.
        """
        self._require_broker()
        # The broker gives back what has no queue to go to: nobody serves that.
        options = oslo_messaging.TransportOptions(at_least_once=bool(wait_for_reply))
        try:
            return super().send(
                _on_broker(target),
                ctxt,
                message,
                wait_for_reply,
                timeout,
                call_monitor_timeout,
                retry,
                transport_options=options,
            )
        except exceptions.MessageUndeliverable as error:
            raise NotDelivered(f"nobody listens there ({target.topic!r})") from error
        except (exceptions.MessagingTimeout, oslo_messaging.RemoteError):
            raise
        except CONNECTION_FAILURES as error:
            raise BusAway(f"the broker took no message: {error}") from error

    def listen(self, target: Any, batch_size: int, batch_timeout: float | None) -> Any:
        """Make a subscription: to what is published if the target says fanout, else to calls.

        Raises: BusAway: the broker is away, or refuses it to this user.
        """
        self._require_broker()
        place = _on_broker(target)
        connection = None
        try:
            connection = self._get_connection(PURPOSE_LISTEN)
            listener: Any
            if target.fanout:
                listener = PublicationListener(self, connection)
                connection.declare_fanout_consumer(place.topic, listener)
            else:
                listener = CallListener(self, connection)
                for topic in (place.topic, f"{place.topic}.{place.server}"):
                    connection.declare_call_consumer(self._get_exchange(place), topic, listener)
        except CONNECTION_FAILURES as error:
            if connection is not None:
                connection.close()
            raise BusAway(f"the broker makes no queue for {target.topic!r}: {error}") from error
        return base.PollStyleListenerAdapter(listener, batch_size, batch_timeout)

    def send_notification(
        self, target: Any, ctxt: Any, message: Any, version: Any, retry: Any = None
    ) -> None:
        """Refuse: nothing here is kept until somebody fetches it."""
        raise NotImplementedError("this driver carries no notifications")

    def listen_for_notifications(
        self, targets_and_priorities: Any, pool: Any, batch_size: Any, batch_timeout: Any
    ) -> None:
        """Refuse, as `send_notification` does."""
        raise NotImplementedError("this driver carries no notifications")

    def cleanup(self) -> None:
        """Give back all connections and threads; idempotent."""
        self._watch.begin_to_stop()
        super().cleanup()
        self._watch.stop()

    def _require_broker(self) -> None:
        away = self._watch.why_away()
        if away is not None:
            raise BusAway(f"the broker is away: {away}")

    def _get_reply_queue_name(self) -> str:
        unique = super()._get_reply_queue_name().removeprefix("reply_")
        return f"reply_{amqp_owner(self._user)}_{unique}"


def _on_broker(target: Any) -> Any:
    """Give the target with names that a broker can bear."""
    server = None if target.server is None else amqp_server(target.server)
    return target(topic=amqp_topic(target.topic), server=server)


def _set_defaults(conf: Any) -> None:
    conf.register_opts(impl_rabbit.rabbit_opts, group=RABBIT_GROUP)
    conf.register_opts(amqp.amqp_opts, group=RABBIT_GROUP)
    for option in RABBIT_OPTIONS:
        conf.set_default(option.dest, option.default, group=RABBIT_GROUP)


def _check_tls(options: Any, url: Any) -> None:
    """Refuse TLS that does not know whom it talks to.

    Upstream takes any certificate without an authority, and any name when there are several hosts.
    """
    if not options.ssl:
        return
    if not options.ssl_ca_file:
        raise InvalidConfig(
            f"[{RABBIT_GROUP}] ssl is true, and nothing says which certificate the broker must "
            "have; set ssl_ca_file to the file of the authority that signed it",
            section=RABBIT_GROUP,
            option="ssl_ca_file",
        )
    if len(url.hosts) > 1:
        raise InvalidConfig(
            f"[{RABBIT_GROUP}] ssl is true, and [dse] transport_url names {len(url.hosts)} hosts, "
            "whose names oslo.messaging would not compare with their certificates; give one name "
            "that stands for all of them",
            section="dse",
            option="transport_url",
        )
