"""What our drivers of oslo.messaging raise; transport.py turns it into our errors."""

from __future__ import annotations

from oslo_messaging import exceptions


class NotDelivered(exceptions.MessageDeliveryFailure):  # type: ignore[misc]
    """Nobody got the message."""

    outcome = "not_written"


class PeerLost(exceptions.MessageDeliveryFailure):  # type: ignore[misc]
    """Whoever got the call died before answering it."""

    outcome = "unknown"


class BusAway(exceptions.MessagingException):  # type: ignore[misc]
    """The bus cannot be reached: its directory is not ours, or its broker is away.

    Not a TransportDriverError: oslo.messaging 18.3 fails over one of these while a server starts.
    """
