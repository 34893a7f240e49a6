"""Making a datasource known to the policy engine, before anything of it is published."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from congress_dist.errors import CongressError
from congress_dist.protocol.stream import Epoch

if TYPE_CHECKING:
    from congress_dist.dse_node import DseNode

LOG = logging.getLogger(__name__)

TIMEOUT = 3.0
RETRY = (0.1, 2.0)
"""Bounds of the back-off while the policy engine does not answer."""
REFUSED_RETRY = 30.0
"""A refusal does not go away by asking often; but an operator may remove its cause."""


class Registration:
    """Repeats the call: soon while nobody answers, seldom when it is refused.

    Shapes: `record` has the call's arguments without owner and generation, and no secrets.
    Units: `at` is when the next try is due.
    """

    def __init__(self, record: Mapping[str, Any], epoch: Epoch, *, at: float) -> None:
        self.epoch = epoch
        self.at = at
        self._record = record
        self._tries = 0
        self._last = ""

    def send(self, node: DseNode) -> None:
        """Try once.

        Raises: CongressError: it was not answered, or refused; `on_error` says when to try again.
        """
        node.call(
            "policy",
            "datasource_register",
            timeout=TIMEOUT,
            repeat=True,
            lost_after=TIMEOUT / 2,
            **self._record,
            owner=node.incarnation,
            generation=self.epoch,
        )

    def on_error(self, error: CongressError, draw: float) -> float:
        """Give the seconds until the next try; tell the log when the reason is a new one."""
        self._tries += 1
        if error.message != self._last:
            level = logging.WARNING if error.retryable else logging.ERROR
            name = self._record["name"]
            LOG.log(level, "not registered yet datasource=%s reason=%s", name, error.message)
            self._last = error.message
        if not error.retryable:
            return REFUSED_RETRY
        first, longest = RETRY
        return draw * min(longest, first * 2.0 ** min(self._tries, 16))
