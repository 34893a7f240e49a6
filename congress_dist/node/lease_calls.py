"""How the leases of a node's streams reach the policy service: each waits in a lane of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from ..clock import Clock
from ..errors import CongressError
from ..protocol.lease import LeaseCall
from ..protocol.options import DseOptions
from ..rate_limit import RateLimit
from .calls import CallClient
from .lanes import Lanes
from .stream_publisher import StreamPublisher

LOG = logging.getLogger(__name__)
POLICY_TOPIC = "policy"
_TRIES = 3
"""A lease call takes milliseconds: what is not answered in a part of its time was lost, or went to
a policy service that is stopped, and the next try goes to another one."""


class LeaseCalls:
    """Makes the calls that streams ask for, and hands the answers to them.

    Promises: a call that is not answered delays those of its own stream and no others; nothing
        else of the node waits in the same threads.
    """

    def __init__(
        self, calls: CallClient, *, options: DseOptions, clock: Clock, log_limit: RateLimit
    ) -> None:
        self._calls = calls
        self._timeout = options.lease_call_timeout
        self._clock = clock
        self._log_limit = log_limit
        self._lanes = Lanes("dse-lease")

    def submit(self, stream: StreamPublisher, call: LeaseCall) -> None:
        """Make a call soon; the stream is told of its answer, or that there was none."""
        if not self._lanes.submit(stream.name, lambda: self._make(stream, call)):
            stream.on_lease_failure()

    def release(self, releases: Iterable[tuple[StreamPublisher, LeaseCall]], wait: float) -> None:
        """Give leases back, all at the same time, and make no call any more.

        Promises: returns after `wait` at the latest, however many are not answered.
        """
        for stream, call in releases:
            self._lanes.submit(stream.name, partial(self._release, stream, call, wait))
        self._lanes.stop(wait)

    def _make(self, stream: StreamPublisher, call: LeaseCall) -> None:
        sent = self._clock.monotonic()
        try:
            answer = self._call(call, self._timeout)
        except CongressError as error:
            if self._log_limit.allows(f"lease {stream.name}"):
                LOG.info("waiting for the policy service stream=%s error=%s", stream.name, error)
            stream.on_lease_failure()
        except Exception:
            # The holder waits for an answer or a failure; without either it would never renew.
            LOG.exception("a lease call broke stream=%s", stream.name)
            stream.on_lease_failure()
        else:
            stream.on_lease_answer(call, answer, sent)

    def _release(self, stream: StreamPublisher, call: LeaseCall, wait: float) -> None:
        try:
            self._call(call, wait)
        except CongressError as error:
            LOG.info("a lease was not released stream=%s error=%s", stream.name, error)

    def _call(self, call: LeaseCall, timeout: float) -> Any:
        # Each may be repeated: acquiring what is ours changes nothing, nor does releasing twice.
        return self._calls.call(
            POLICY_TOPIC,
            call.method,
            call.arguments,
            timeout=timeout,
            server=None,
            repeat=True,
            lost_after=timeout / _TRIES,
        )
