"""What receives from RabbitMQ for one RPC server of oslo.messaging.

Publications and calls differ in when the broker may forget them. A publication: when its handler
begins, so that the broker holds back what a slow one has not begun with; one that comes twice is
known by its number. A call: when it arrives, because one that comes twice is carried out twice.
"""

from __future__ import annotations

from typing import Any

from oslo_messaging._drivers import amqpdriver
from oslo_messaging._drivers.amqp import UNIQUE_ID


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

    def __call__(self, message: Any) -> None:
        """Take a publication; of one that was handled before, only say that it is here.

        oslo.messaging 18.3 says nothing of those that come twice: on the side of the broker they
        wait for ever, and fill what it lets wait here until it sends nothing more.
        """
        if message.get(UNIQUE_ID) in self.msg_id_cache.prev_msgids:
            message.acknowledge()
            return
        super().__call__(message)

    def cleanup(self) -> None:
        """Give back the connection and the thread."""
        super().cleanup()
        _join(self)


def _join(listener: amqpdriver.AMQPListener) -> None:
    # It was told to end, and looks every millisecond; it may never have been started.
    thread = listener._message_operations_handler._shutdown_thread
    if thread.is_alive():
        thread.join()
