"""What receives from RabbitMQ for one RPC server of oslo.messaging.

Publications and calls differ in when the broker may forget them. A publication: when its handler
begins, so that the broker holds back what a slow one has not begun with; one that comes twice is
known by its number. A call: when it arrives, because one that comes twice is carried out twice.
"""

from __future__ import annotations

from typing import Any

from oslo_messaging._drivers import amqpdriver


class IncomingCall(amqpdriver.AMQPIncomingMessage):  # type: ignore[misc]
    """A call on its way to an endpoint."""

    ctxt: dict[str, Any]

    def acknowledge(self) -> None:
        """Tell the endpoint how long the call had to wait for a thread."""
        self.ctxt = {**self.ctxt, "queued_seconds": self.stopwatch.elapsed()}


class CallListener(amqpdriver.RpcAMQPListener):  # type: ignore[misc]
    """Takes calls."""

    message_cls = IncomingCall

    def cleanup(self) -> None:
        """Give back the connection and the thread."""
        super().cleanup()
        _join(self)


class PublicationListener(amqpdriver.AMQPListener):  # type: ignore[misc]
    """Takes publications."""

    message_cls = amqpdriver.NotificationAMQPIncomingMessage

    def cleanup(self) -> None:
        """Give back the connection and the thread."""
        super().cleanup()
        _join(self)


def _join(listener: amqpdriver.AMQPListener) -> None:
    # It was told to end, and looks every millisecond; it may never have been started.
    thread = listener._message_operations_handler._shutdown_thread
    if thread.is_alive():
        thread.join()
